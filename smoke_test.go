package diskcache

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/go-diskcache/diskcache/vfs"
)

func TestSmoke(t *testing.T) {
	for _, mode := range []string{"os", "mem"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			o := &Options{SegmentSize: 4096}
			var mem *vfs.Mem
			if mode == "mem" {
				mem = vfs.NewMem()
				o.fsys = mem
			}
			for round := range 3 {
				c, err := Open(dir, o)
				require.NoError(t, err)
				for i := range 1000 {
					k := fmt.Sprint("key", i)
					if round > 0 {
						v, err := c.Get(k)
						require.NoError(t, err)
						require.Equal(t, fmt.Sprint("value", i, round-1), string(v))
					}
					require.NoError(t, c.Set(k, []byte(fmt.Sprint("value", i, round))))
				}
				_, err = c.Get("nope")
				require.ErrorIs(t, err, ErrNotFound)
				big := make([]byte, 1<<20)
				require.NoError(t, c.Set("big", big))
				v, err := c.Get("big")
				require.NoError(t, err)
				require.Equal(t, big, v)
				n, _ := c.Len()
				require.Equal(t, 1001, n)
				ps, err := c.Check(false)
				require.NoError(t, err)
				require.Empty(t, ps)
				seen := 0
				for _, err := range c.Items() {
					require.NoError(t, err)
					seen++
				}
				require.Equal(t, 1001, seen)
				require.NoError(t, c.Close())
			}
		})
	}
}

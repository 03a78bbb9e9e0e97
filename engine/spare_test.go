package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestReadIsSpared: what a transaction has read is not given up for the room that it needs;
// unless there is nothing else.
func TestReadIsSpared(t *testing.T) {
	for _, policy := range []evict.Policy{evict.S3FIFO, evict.FIFO, evict.LRU} {
		t.Run(policy.String(), func(t *testing.T) {
			e, err := Open(vfs.NewMem(), Options{SizeLimit: 256 << 10, Policy: policy, FileThreshold: -1})
			require.NoError(t, err)
			value := make([]byte, 1000)
			const spared = "spared"
			require.NoError(t, e.Set(spared, value, Attrs{}))
			for i := range 150 {
				require.NoError(t, e.Set(fmt.Sprint(i), value, Attrs{}))
			}
			require.NoError(t, e.Update(func(tx *Tx) error {
				_, err := tx.Get(spared, nil)
				require.NoError(t, err)
				for i := range 80 { // which are more than are free
					require.NoError(t, tx.Set(fmt.Sprint("new", i), value, Attrs{}))
				}
				return nil
			}))
			require.Positive(t, e.stats.evicted.Load())
			_, err = e.Get(spared, nil)
			require.NoError(t, err, "it has gone, and is the oldest of all")

			require.NoError(t, e.Update(func(tx *Tx) error { // all of it is read, and some has to go
				for _, kind := range []string{"", "new"} {
					for i := range 150 {
						if _, err := tx.Get(kind+fmt.Sprint(i), nil); !isMiss(err) {
							require.NoError(t, err)
						}
					}
				}
				for i := range 60 {
					require.NoError(t, tx.Set(fmt.Sprint("more", i), value, Attrs{}))
				}
				return nil
			}))
			for i := range 60 {
				_, err := e.Get(fmt.Sprint("more", i), nil)
				require.NoError(t, err)
			}
			require.NoError(t, e.Close())
		})
	}
}

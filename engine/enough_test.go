package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestOneFileForAnother: records of files are short, so that one segment has those of many.
// Room for a value is made by some of the files, not by all that a segment knows of.
func TestOneFileForAnother(t *testing.T) {
	const limit, size = 4 << 20, 64 << 10
	for p := evict.S3FIFO; p < evict.None; p++ {
		t.Run(p.String(), func(t *testing.T) {
			mem := vfs.NewMem()
			mem.NoTrace = true
			e, err := Open(mem, Options{SizeLimit: limit, SegmentSize: 128 << 10, FileThreshold: 4 << 10, Policy: p})
			require.NoError(t, err)
			least := int64(limit)
			for i := range 4 * limit / size {
				require.NoError(t, e.Set(fmt.Sprint(i), oracleBytes(i, size), Attrs{}))
				s, err := e.Stats()
				require.NoError(t, err)
				require.LessOrEqual(t, s.DiskBytes, int64(limit))
				if i > limit/size {
					least = min(least, s.LiveBytes)
				}
			}
			require.Greater(t, least, int64(limit*3/4))
			require.NoError(t, e.Close())
		})
	}
}

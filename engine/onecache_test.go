package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestOneCacheIsWhereItemsAre: the cache is that of the segments that hold something, however many
// there are of another one that came to nothing: as when processes that lost their locks took an empty
// directory for their own, and died in their first commits.
func TestOneCacheIsWhereItemsAre(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
	require.NoError(t, e.Close())
	require.NoError(t, mem.Remove(codec.SnapshotName))

	for id := uint64(1) << 62; id < 1<<62+3; id++ {
		b := codec.AppendSegmentHeader(nil, &codec.SegmentHeader{CacheID: [16]byte{1}, ID: id, Seq: 1})
		mem.WriteFile(codec.SegmentName(id), append(b, make([]byte, 100)...))
	}
	e, err = Open(mem, Options{})
	require.NoError(t, err)
	v, err := e.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "v", string(v))
	_ = e.Close() // which names the segments that it left alone
}

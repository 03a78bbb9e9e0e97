package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestTwinsInOneCommit: two keys of one hash are written by one commit, and what one of
// them replaced is compacted away. A replay has nothing else to tell that they are two.
func TestTwinsInOneCommit(t *testing.T) {
	d := newDriver(vfs.NewMem(), Options{Hash: func(string) uint64 { return 7 }}, 0, 1)
	d.open()
	d.set("b", 20)
	d.rotate()
	d.tx(put{"a", 30}, put{"b", 40})
	require.NoError(t, clearSegment(d.e, sealedIDs(d.e)[0]))
	require.NoError(t, d.e.syncDropped(false))
	require.NoError(t, same(d.disk.Clone(), d.opt, shown{"a": 2, "b": 2}, "killed"))
	require.NoError(t, d.e.Close())
}

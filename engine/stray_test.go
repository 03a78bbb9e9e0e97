package engine

import (
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestStrayIsNone: a file that is seen between its making and its naming, as those are counted that were
// there before the first process came, is counted once.
func TestStrayIsNone(t *testing.T) {
	e, err := Open(vfs.NewMem(), Options{FileThreshold: 1000})
	require.NoError(t, err)
	require.NoError(t, e.Set("large", make([]byte, 1500), Attrs{}))
	e.reclaiming.stop() // and it stays as it is: it is not closed
	e.bg.stop()
	want := e.DiskUsage()
	v := &e.values
	v.mu.Lock()
	var id uint64
	for id = range v.live {
	}
	was := v.live[id]
	delete(v.live, id) // as it is not known yet
	v.uncounted = true
	v.mu.Unlock()
	orphans, err := v.orphans()
	require.NoError(t, err)
	require.Len(t, orphans, 1)
	require.Equal(t, path.Base(codec.ValueName(id)), path.Base(orphans[0].Name))
	v.mu.Lock()
	v.live[id] = was
	v.mu.Unlock()
	require.NoError(t, v.removeOrphans(true))
	require.Len(t, v.stray, 1, "it is known again, and not looked at")
	v.uncount(orphans[0], v.countedTwice(orphans[0]))
	require.Equal(t, want, e.DiskUsage())
	require.Zero(t, v.strayBytes.Load())
}

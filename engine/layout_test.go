package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestHintOfLongerSegment: the hint of a lost segment speaks of offsets that the
// segments of the options of today do not have.
func TestHintOfLongerSegment(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{SegmentSize: 16 << 20})
	require.NoError(t, err)
	for i := range 100 {
		require.NoError(t, e.Set(string(rune('a'+i)), []byte(strings.Repeat("v", 100<<10)), Attrs{}))
	}
	require.NoError(t, e.Close())
	for _, name := range mem.Names() {
		if strings.HasSuffix(name, ".seg") {
			require.NoError(t, mem.Remove(name))
		}
	}
	e, err = Open(mem, Options{SegmentSize: 1 << 20})
	require.NoError(t, err)
	_, err = e.Get("a", nil)
	require.ErrorIs(t, err, ErrCorrupt)
	require.NoError(t, e.Set("a", []byte("new"), Attrs{}))
	v, err := e.Get("a", nil)
	require.NoError(t, err)
	require.Equal(t, "new", string(v))
	_ = e.Close() // which tells what was lost
}

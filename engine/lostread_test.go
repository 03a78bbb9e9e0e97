package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// A transaction that reads what was in a file that is gone is told so, and does not wait for itself.
func TestUpdateReadsLost(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
	require.NoError(t, e.Close())
	e, err = Open(mem, Options{})
	require.NoError(t, err)
	for _, name := range mem.Names() {
		if kind, _, ok := codec.ParseName(name); ok && kind == codec.NameSegment {
			require.NoError(t, mem.Remove(name))
		}
	}
	require.NoError(t, e.Update(func(tx *Tx) error {
		_, err := tx.Get("k", nil)
		require.ErrorIs(t, err, ErrCorrupt)
		return nil
	}))
	_ = e.Close() // which tells of the loss
}

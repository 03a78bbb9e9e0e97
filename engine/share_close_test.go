package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestCloseBesideUpdate: who closes does not wait for as long as another process has the
// writer lock, and what it has stored is there.
func TestCloseBesideUpdate(t *testing.T) { inModes(t, testCloseBesideUpdate) }

func testCloseBesideUpdate(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, err := openAs(mem, Options{})
	require.NoError(t, err)
	b, err := openAs(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, b.Set("b", []byte("1"), Attrs{}))
	start := time.Now()
	require.NoError(t, a.Update(func(tx *Tx) error {
		if err := b.Close(); err != nil {
			return err
		}
		return tx.Set("a", []byte("1"), Attrs{})
	}))
	require.Less(t, time.Since(start), defaultLockTimeout/2)
	for range 2 {
		for _, key := range []string{"a", "b"} {
			_, err := a.Get(key, nil)
			require.NoError(t, err)
		}
		require.NoError(t, a.Close())
		a, err = openAs(mem, Options{})
		require.NoError(t, err)
	}
	problems, err := a.Check(true) // what b has left is sealed with it
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, a.Close())
}

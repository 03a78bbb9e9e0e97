package engine

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestReadOnlyOvertaken: a walk of who reads only ends, though something is committed, and seen by
// another goroutine, at each key that it comes to: it does not wait for itself.
func TestReadOnlyOvertaken(t *testing.T) {
	mem := vfs.NewMem()
	w, err := openAs(mem, Options{})
	require.NoError(t, err)
	const stay = 50
	for i := range stay {
		require.NoError(t, w.Set(fmt.Sprintf("stay-%02d", i), nil, Attrs{}))
	}
	var r *Engine
	var armed atomic.Bool
	n := 0 // of who has disarmed it
	r, err = openAs(mem, Options{ReadOnly: true, Freshness: -1, Hash: func(key string) uint64 {
		if armed.CompareAndSwap(true, false) {
			n++
			require.NoError(t, w.Set(fmt.Sprint(n), nil, Attrs{}))
			require.NoError(t, r.board.watch.look())
			armed.Store(true)
		}
		return xxhash.Sum64String(key)
	}})
	require.NoError(t, err)
	armed.Store(true)
	for _, keys := range []func(func(string, error) bool){r.Keys(), r.Scan(Walk{ByKey: true})} {
		found := 0
		for key, err := range keys {
			armed.Store(false)
			require.NoError(t, err)
			if key[0] == 's' {
				found++
			}
		}
		require.Equal(t, stay, found)
		armed.Store(true)
	}
	armed.Store(false)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}

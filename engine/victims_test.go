package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestDamagedVictim: an item whose record cannot be read is not given up, and nobody's
// Set fails for it: another one goes.
func TestDamagedVictim(t *testing.T) {
	const items = 200
	mem := vfs.NewMem()
	opt := Options{CountLimit: items, Policy: evict.LRU}
	e, err := Open(mem, opt)
	require.NoError(t, err)
	key := func(i int) string { return fmt.Sprintf("key-%04d", i) }
	for i := range items {
		require.NoError(t, e.Set(key(i), []byte("v"), Attrs{}))
	}
	require.NoError(t, e.Close())
	for name := range mem.Files() {
		if kind, _, _ := codec.ParseName(name); kind == codec.NameSegment {
			b := mem.ReadFile(name)
			at := strings.Index(string(b), key(0)) // the first to be given up
			require.Positive(t, at)
			b[at] ^= 0x55
			mem.WriteFile(name, b)
		}
	}

	e, err = Open(mem, opt)
	require.NoError(t, err)
	for i := range 2 * items {
		require.NoError(t, e.Set(key(items+i), []byte("v"), Attrs{}))
	}
	n, err := e.Len()
	require.NoError(t, err)
	require.LessOrEqual(t, n, items)
	st, err := e.Stats()
	require.NoError(t, err)
	require.Positive(t, st.Corrupt)
	for i := range items - 1 {
		_, err := e.Get(key(2*items+i+1), nil)
		require.NoError(t, err)
	}
	_ = e.Close() // which may tell of the damage
}

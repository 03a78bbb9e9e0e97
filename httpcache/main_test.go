package httpcache_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onStores runs a test on every kind of store.
func onStores(t *testing.T, test func(t *testing.T, s diskcache.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, closing(t, memory.New(nil))) })
	t.Run("disk", func(t *testing.T) {
		s, err := diskcache.Open(t.TempDir(), nil)
		require.NoError(t, err)
		test(t, closing(t, s))
	})
}

// closing closes a store when the test ends.
func closing(t *testing.T, s diskcache.Store) diskcache.Store {
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

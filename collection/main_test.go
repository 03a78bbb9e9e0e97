package collection_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// TestMain runs the tests, and the part of a test that is to run in a process of its own.
func TestMain(m *testing.M) {
	if part, ok := children[os.Getenv(childEnv)]; ok {
		os.Exit(runChild(part, os.Args[1]))
	}
	goleak.VerifyTestMain(m)
}

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

// words are strings as values.
func words(ss ...string) [][]byte {
	values := make([][]byte, len(ss))
	for i, s := range ss {
		values[i] = []byte(s)
	}
	return values
}

// texts are values as strings.
func texts(values [][]byte) []string {
	ss := make([]string, len(values))
	for i, v := range values {
		ss[i] = string(v)
	}
	return ss
}

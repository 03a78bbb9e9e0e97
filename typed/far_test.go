package typed

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// A time to live beyond what can be said is for ever.
func TestFetchTTLOverflow(t *testing.T) {
	m := memory.New(nil)
	defer m.Close()
	s := New(m, String(), Strings[string](), nil)
	n := 0
	for range 3 {
		_, err := s.Fetch(context.Background(), "k", func(context.Context) (string, error) { n++; return "v", nil }, &FetchOptions{TTL: math.MaxInt64})
		require.NoError(t, err)
		s.running.Wait()
	}
	assert.Equal(t, 1, n)
	require.NoError(t, s.Close())
}

// No number is taken for a note of Fetch.
func TestAllNumbers(t *testing.T) {
	m := memory.New(nil)
	defer m.Close()
	s := New(m, String(), Uints[uint64](), nil)
	key, err := Uints[uint64]().Decode("\x00typed\x00x")
	require.NoError(t, err)
	require.NoError(t, s.Set(key, "v"))
	n := 0
	for it, err := range s.All(diskcache.Range{}) {
		require.NoError(t, err)
		assert.Equal(t, key, it.Key)
		n++
	}
	assert.Equal(t, 1, n)
}

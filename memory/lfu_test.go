package memory_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// What is read a million times is still what is read most often.
func TestLFUCountsFar(t *testing.T) {
	s := memory.New(&memory.Options{CountLimit: 2, Policy: diskcache.PolicyLFU})
	defer s.Close()
	require.NoError(t, s.Set("hot", nil))
	var buf []byte
	for range 1<<20 + 10 {
		var err error
		buf, err = s.GetAppend("hot", buf[:0])
		require.NoError(t, err)
	}
	require.NoError(t, s.Set("cold", nil))
	for range 20 {
		_, err := s.Get("cold")
		require.NoError(t, err)
	}
	require.NoError(t, s.Set("new", nil))
	has, err := s.Has("hot")
	require.NoError(t, err)
	assert.True(t, has)
}

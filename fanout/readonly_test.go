package fanout_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/fanout"
)

// A store that is only read gives all that can be read.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s, err := fanout.Open(dir, nil)
	require.NoError(t, err)
	var keys []string
	for i := range 20 {
		keys = append(keys, fmt.Sprint(i))
		require.NoError(t, s.Set(keys[i], []byte(keys[i])))
	}
	require.NoError(t, s.Close())
	s, err = fanout.Open(dir, &fanout.Options{Options: diskcache.Options{ReadOnly: true}})
	require.NoError(t, err)
	defer s.Close()
	values, err := s.GetMany(keys)
	require.NoError(t, err)
	for i, v := range values {
		assert.Equal(t, keys[i], string(v))
	}
	it, err := s.PeekItem(diskcache.Front)
	require.NoError(t, err)
	assert.Equal(t, "0", it.Key)
	it, err = s.PeekItem(diskcache.Back)
	require.NoError(t, err)
	assert.Equal(t, "19", it.Key)
}

// Limits smaller than the number of shards are kept, too.
func TestSmallLimit(t *testing.T) {
	s, err := fanout.Open(t.TempDir(), &fanout.Options{Options: diskcache.Options{CountLimit: 4}})
	if err != nil {
		require.ErrorIs(t, err, diskcache.ErrOption)
		return
	}
	defer s.Close()
	for i := range 100 {
		require.NoError(t, s.Set(fmt.Sprint(i), nil))
	}
	n, err := s.Len()
	require.NoError(t, err)
	assert.LessOrEqual(t, n, 4)
}

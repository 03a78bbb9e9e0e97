package diskcache_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// TestQueueNumbers: where the numbers of a queue end, and which keys are of it.
func TestQueueNumbers(t *testing.T) {
	c, err := diskcache.Open(t.TempDir(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()

	require.NoError(t, c.Set("q-999999999999998", []byte("last")))
	require.NoError(t, c.Set("q-000000000000001", []byte("first")))
	for _, key := range []string{ // none of the queue
		"q-000000000000000", "q-999999999999999", "q-5", "q-5abc", "q-50000000000000a", "q-5000000000000000",
		"q500000000000000", "q-5-500000000000000", "-500000000000000", "q--500000000000000",
	} {
		require.NoError(t, c.Set(key, []byte("foreign")))
	}
	n, err := c.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	_, err = c.Push("q", nil, diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrOverflow)
	_, err = c.Push("q", nil, diskcache.Front)
	require.ErrorIs(t, err, diskcache.ErrOverflow)
	require.ErrorIs(t, c.Update(func(tx *diskcache.Tx) error {
		_, err := tx.Push("q", nil, diskcache.Back)
		return err
	}), diskcache.ErrOverflow)

	it, err := c.Pull("q", diskcache.Back)
	require.NoError(t, err)
	require.Equal(t, "q-999999999999998", it.Key)
	it, err = c.Pull("q", diskcache.Back)
	require.NoError(t, err)
	require.Equal(t, "first", string(it.Value))
	_, err = c.Pull("q", diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrNotFound)
	key, err := c.Push("q", nil, diskcache.Front)
	require.NoError(t, err)
	require.Equal(t, "q-500000000000000", key)
}

func TestQueueErrors(t *testing.T) {
	c, err := diskcache.Open(t.TempDir(), nil)
	require.NoError(t, err)
	long := strings.Repeat("p", math.MaxUint16)
	_, err = c.Push(long, nil, diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrTooLarge)
	_, err = c.Pull(long, diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrNotFound)
	_, err = c.QueueAt(long, 0)
	require.ErrorIs(t, err, diskcache.ErrNotFound)
	n, err := c.QueueLen(long)
	require.NoError(t, err)
	require.Zero(t, n)
	for _, i := range []int{0, -1, math.MaxInt, math.MinInt} {
		_, err = c.QueueAt("", i)
		require.ErrorIs(t, err, diskcache.ErrNotFound)
	}
	_, err = c.Push("q", nil, 2)
	require.ErrorIs(t, err, diskcache.ErrOption)
	_, err = c.Pull("q", 2)
	require.ErrorIs(t, err, diskcache.ErrOption)
	_, err = c.PeekItem(7)
	require.ErrorIs(t, err, diskcache.ErrOption)
	_, err = c.PeekItem(diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrNotFound)
	for _, err := range c.Scan(diskcache.Range{Order: 9}) {
		require.ErrorIs(t, err, diskcache.ErrOption)
	}

	require.NoError(t, c.Close())
	_, err = c.Push("q", nil, diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrClosed)
	_, err = c.Pull("q", diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrClosed)
	_, err = c.Peek("q", diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrClosed)
	_, err = c.QueueLen("q")
	require.ErrorIs(t, err, diskcache.ErrClosed)
	seen := 0
	for _, err := range c.ScanItems(diskcache.Range{}) {
		require.ErrorIs(t, err, diskcache.ErrClosed)
		seen++
	}
	require.Equal(t, 1, seen)
}

// TestScanReadOnly: who only reads has the orders, too.
func TestScanReadOnly(t *testing.T) {
	dir := t.TempDir()
	c, err := diskcache.Open(dir, nil)
	require.NoError(t, err)
	_, err = c.Push("", []byte("v"), diskcache.Back)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	c, err = diskcache.Open(dir, &diskcache.Options{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	it, err := c.Peek("", diskcache.Front)
	require.NoError(t, err)
	require.Equal(t, "500000000000000", it.Key)
	it, err = c.PeekItem(diskcache.Back)
	require.NoError(t, err)
	require.Equal(t, "500000000000000", it.Key)
	var keys []string
	for key, err := range c.Scan(diskcache.Range{}) {
		require.NoError(t, err)
		keys = append(keys, key)
	}
	require.Equal(t, []string{"500000000000000"}, keys)
	_, err = c.Push("", nil, diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrReadOnly)
	_, err = c.Pull("", diskcache.Back)
	require.ErrorIs(t, err, diskcache.ErrReadOnly)
}

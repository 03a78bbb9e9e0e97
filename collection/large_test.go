package collection

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// TestClearLarge: what is larger than a transaction can be cleared all the same, also where the
// store is full and gives up nothing.
func TestClearLarge(t *testing.T) {
	c, err := diskcache.Open(t.TempDir(), &diskcache.Options{SizeLimit: 4 << 20, Policy: diskcache.PolicyNone})
	require.NoError(t, err)
	defer c.Close()
	d, x := NewDeque(c, "q", 0), NewIndex(c, "x")
	n := 0
	for err == nil {
		err = d.PushBack(nil)
		n++
	}
	require.ErrorIs(t, err, diskcache.ErrFull)
	cleared, err := d.Clear()
	require.NoError(t, err)
	require.Equal(t, n-1, cleared)
	n = 0
	for err == nil {
		err = x.Set(fmt.Sprint(n), nil)
		n++
	}
	require.ErrorIs(t, err, diskcache.ErrFull)
	cleared, err = x.Clear()
	require.NoError(t, err)
	require.Equal(t, n-1, cleared)
}

// TestReadOnly: what only looks does so in a store that is open for reading only.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	c, err := diskcache.Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, NewDeque(c, "q", 0).Extend([]byte("a"), []byte("b")))
	require.NoError(t, NewIndex(c, "x").Set("k", []byte("v")))
	require.NoError(t, c.Close())
	c, err = diskcache.Open(dir, &diskcache.Options{ReadOnly: true})
	require.NoError(t, err)
	defer c.Close()
	d := NewDeque(c, "q", 0)
	order, err := d.Compare([][]byte{[]byte("a"), []byte("b")})
	require.NoError(t, err)
	require.Zero(t, order)
	found, err := d.Contains([]byte("b"))
	require.NoError(t, err)
	require.True(t, found)
	n, err := d.Count([]byte("a"))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	equal, err := NewIndex(c, "x").EqualMap(map[string][]byte{"k": []byte("v")})
	require.NoError(t, err)
	require.True(t, equal)
	require.ErrorIs(t, d.Reverse(), diskcache.ErrReadOnly)
}

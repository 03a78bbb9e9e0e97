package diskcache

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEvictTagBesideWriters overwrites the items of a tag, each at most once, while they
// are removed: each of them is removed or overwritten, and counted if it was removed.
func TestEvictTagBesideWriters(t *testing.T) {
	const n, writers = 20_000, 4
	c := mustOpen(t, t.TempDir(), &Options{SegmentSize: 256 << 10})
	for i := range n {
		require.NoError(t, c.Set(itoa(i), nil, Tag("t")))
	}
	var missing [writers]int
	var errs [writers]error
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { missing[w], errs[w] = overwritePresent(c, w, n, writers) })
	}
	removed, err := c.EvictTag("t")
	require.NoError(t, err)
	wg.Wait()
	want := 0
	for w := range writers {
		require.NoError(t, errs[w])
		want += missing[w]
	}
	left, err := c.Len()
	require.NoError(t, err)
	require.Equal(t, n-want, left)
	require.Equal(t, want, removed)
	s, err := c.Stats()
	require.NoError(t, err)
	require.EqualValues(t, want, s.Evicted)
	require.NoError(t, c.Close())
}

// TestLongestTags lists and removes items by tags as long as they may be: of the empty key, too, behind
// which nothing stands that would have to be read.
func TestLongestTags(t *testing.T) {
	for _, noMap := range []bool{false, true} {
		dir := t.TempDir()
		c := mustOpen(t, dir, &Options{NoMap: noMap})
		tag := strings.Repeat("t", MaxTagSize)
		require.NoError(t, c.Set("", []byte("v"), Tag(tag)))
		require.NoError(t, c.Set("k", []byte("v"), Tag(tag[1:])))
		require.NoError(t, c.Close())
		c = mustOpen(t, dir, &Options{NoMap: noMap}) // nothing is in memory any more
		var listed []string
		for key, err := range c.Scan(Range{Tag: tag}) {
			require.NoError(t, err)
			listed = append(listed, key)
		}
		require.Equal(t, []string{""}, listed)
		removed, err := c.EvictTag(tag)
		require.NoError(t, err)
		require.Equal(t, 1, removed)
		removed, err = c.EvictTag(tag[1:])
		require.NoError(t, err)
		require.Equal(t, 1, removed)
		require.NoError(t, c.Close())
	}
}

// overwritePresent sets each key that is there, from the last one on, without a tag, and
// returns how many were not.
func overwritePresent(c *Cache, from, n, step int) (missing int, err error) {
	for i := n - 1 - from; i >= 0 && err == nil; i -= step {
		err = c.Update(func(tx *Tx) error {
			has, err := tx.Has(itoa(i))
			if err != nil || !has {
				missing++
				return err
			}
			return tx.Set(itoa(i), nil)
		})
	}
	return missing, err
}

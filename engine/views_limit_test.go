package engine

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestViewsEviction: items that are given up without a word leave the views, and those that stay are
// all in them. What there is the index says.
func TestViewsEviction(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]Options{
		"S3FIFO, bytes": {SizeLimit: 100_000, SegmentSize: 4096},
		"S3FIFO, items": {CountLimit: 150, SegmentSize: 4096},
		"FIFO":          {CountLimit: 150, SegmentSize: 4096, Policy: evict.FIFO},
		"LRU":           {SizeLimit: 100_000, SegmentSize: 4096, Policy: evict.LRU},
	} {
		for _, writers := range []int{1, 2} {
			t.Run(fmt.Sprint(name, ", ", writers), func(t *testing.T) {
				t.Parallel()
				viewsEviction(t, opt, writers)
			})
		}
	}
}

// viewsEviction has one or both of two processes write.
func viewsEviction(t *testing.T, opt Options, writers int) {
	mem := vfs.NewMem()
	rnd := rand.New(rand.NewPCG(uint64(writers), 3))
	procs := make([]*Engine, 2)
	for i := range procs {
		var err error
		procs[i], err = openAs(mem, opt)
		require.NoError(t, err)
	}
	for range shorter(40) {
		for range 100 {
			e := procs[rnd.IntN(writers)]
			value := make([]byte, rnd.IntN(600))
			tag := []string{"", "t"}[rnd.IntN(2)]
			if rnd.IntN(3) == 0 {
				_, err := e.Push("q", value, true, Attrs{Tag: tag})
				require.NoError(t, err)
			} else {
				require.NoError(t, e.Set(fmt.Sprint("k", rnd.IntN(400)), value, Attrs{Tag: tag}))
			}
		}
		require.NoError(t, procs[0].Compact())
		for _, e := range procs {
			viewsAgree(t, e)
		}
	}
	require.Positive(t, procs[0].stats.evicted.Load())
	for _, e := range procs {
		require.NoError(t, e.Close())
	}
}

// viewsAgree compares the views of an engine with what its index holds.
func viewsAgree(t *testing.T, e *Engine) {
	var items []Item
	for key, err := range e.Keys() {
		require.NoError(t, err)
		it, err := e.Item(key)
		require.NoError(t, err)
		items = append(items, it)
	}
	expected := func(w Walk) (keys []string) {
		slices.SortFunc(items, func(a, b Item) int {
			if !w.ByKey && a.First != b.First {
				return cmp.Compare(a.First, b.First)
			}
			return strings.Compare(a.Key, b.Key)
		})
		for _, it := range items {
			if w.Tag == "" || w.Tag == it.Tag {
				keys = append(keys, it.Key)
			}
		}
		return keys
	}
	for _, w := range []Walk{{}, {ByKey: true}, {Tag: "t"}, {Tag: "t", ByKey: true}} {
		var got []string
		for key, err := range e.Scan(w) {
			require.NoError(t, err)
			got = append(got, key)
		}
		require.Equal(t, expected(w), got, "%+v", w)
	}
	var queue []string
	for _, key := range expected(Walk{ByKey: true}) {
		if p, _, ok := parseQueueKey(key); ok && p == "q" {
			queue = append(queue, key)
		}
	}
	n, err := e.QueueLen("q")
	require.NoError(t, err)
	require.Len(t, queue, n)
	for _, i := range []int{0, n / 2, n - 1} {
		if n == 0 {
			break
		}
		f, err := e.QueueAt("q", i)
		require.NoError(t, err)
		require.Equal(t, queue[i], f.Key)
	}
	if first := expected(Walk{}); len(first) > 0 {
		f, err := e.PeekItem(false)
		require.NoError(t, err)
		require.Equal(t, first[0], f.Key)
		f, err = e.PeekItem(true)
		require.NoError(t, err)
		require.Equal(t, first[len(first)-1], f.Key)
	}
}

// TestViewsBounded: nobody looks at a view any more, and what is stored and given up does not make it
// longer and longer once somebody does.
func TestViewsBounded(t *testing.T) {
	e, err := Open(vfs.NewMem(), Options{CountLimit: 100, SegmentSize: 4096})
	require.NoError(t, err)
	for range e.Scan(Walk{ByKey: true}) {
	}
	for i := range 20_000 {
		require.NoError(t, e.Set(fmt.Sprint("k", i), nil, Attrs{}))
		if i%1000 == 0 {
			for _, err := range e.Scan(Walk{ByKey: true, From: "z"}) { // of which nothing is looked up
				require.NoError(t, err)
			}
			x := e.views.built[byKey]
			require.LessOrEqual(t, x.set.Len(), 2*e.index.Load().Len()+viewSlack+1000)
		}
	}
	require.NoError(t, e.Close())
}

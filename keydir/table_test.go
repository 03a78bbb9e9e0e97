package keydir

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// madeTable returns an empty table with ranks.
func madeTable(n uint64) *table { return newTable(make([]bucket, n), make([]bucket, n)) }

// slotOf returns the slot of x, or nil.
func slotOf(l *layout, t *table, x uint64) *uint64 {
	if p, _, ok := t.position(l, t.home(l, x), 0, 0); ok {
		return t.slot(p)
	}
	return nil
}

// fillTable inserts entries until one does not fit. Entry number i has place i and
// some class and policy.
func fillTable(l *layout, tb *table, r *rand.Rand) map[uint64]uint64 {
	var version atomic.Uint64
	words := make(map[uint64]uint64)
	for i := uint64(1); ; i++ {
		x := r.Uint64() & l.xMask
		if _, dup := words[x]; dup {
			continue
		}
		low := r.Uint64()&l.lowMask()&^(1<<l.placeBits-1) | i
		if !tb.insert(l, x, low, low*3, &version) {
			return words
		}
		words[x] = low
	}
}

func requireTable(t *testing.T, l *layout, tb *table, words map[uint64]uint64) {
	t.Helper()
	used := 0
	for b := range tb.buckets {
		for _, w := range tb.buckets[b] {
			if w != 0 {
				used++
			}
		}
	}
	require.Equal(t, len(words), used)
	for x, low := range words {
		w := tb.find(l, x)
		if w&l.lowMask() != low {
			t.Fatalf("n %d, x %#x: word %#x, want %#x", tb.n, x, w&l.lowMask(), low)
		}
		p, word, ok := tb.position(l, tb.home(l, x), l.placeMask(), l.place(low))
		require.True(t, ok)
		require.Equal(t, w, word)
		require.Equal(t, w, *tb.slot(p))
		if tb.ranks != nil {
			require.Equal(t, low*3, tb.rankAt(p))
		}
	}
}

// A full table is filled over to other sizes; class, policy and place go along.
func TestResizeKeepsAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range []uint8{34, 38, 44} {
		l := newLayout(p)
		for _, n := range []uint64{l.minN, nextSize(l.minN), 5 * l.minN, 3000} {
			if n < l.minN {
				continue
			}
			tb := madeTable(n)
			words := fillTable(&l, tb, r)
			require.Greater(t, float64(len(words))/float64(tb.slots()), 0.85, "load when full")
			requireTable(t, &l, tb, words)
			for _, m := range []uint64{nextSize(n), 2*n + 3, 4 * n, nextSize(nextSize(nextSize(n)))} {
				bigger := madeTable(m)
				f := newFiller(&l, bigger)
				f.run(tb)
				if m <= 2*n {
					require.Less(t, len(f.late), len(words)/16, "%d to %d", n, m)
				}
				require.True(t, f.finish())
				requireTable(t, &l, bigger, words)
				again := madeTable(nextSize(n))
				require.True(t, again.fill(&l, bigger), "smaller again")
				requireTable(t, &l, again, words)
			}
			if n > l.minN {
				require.False(t, madeTable(n/2).fill(&l, tb), "twice what there is room for")
			}
		}
	}
}

// Absent identities are not found, also those whose tag is 0 like an empty slot's.
func TestFindAbsent(t *testing.T) {
	l := newLayout(minPlaceBits)
	tb := madeTable(128)
	for b := range uint64(128) {
		require.Zero(t, tb.find(&l, tb.first(&l, b)))
		require.Zero(t, tb.find(&l, l.unother(tb.first(&l, b))))
		require.Nil(t, slotOf(&l, tb, tb.first(&l, b)))
	}
	words := fillTable(&l, tb, rand.New(rand.NewPCG(3, 4)))
	for i := range uint64(100_000) {
		x := mix64(i) & l.xMask
		if _, there := words[x]; !there {
			require.Zero(t, tb.find(&l, x))
		}
	}
}

// Entries with tag 0, in a bucket that is otherwise empty.
func TestFindTagZero(t *testing.T) {
	l := newLayout(minPlaceBits)
	for b := range uint64(100) {
		for _, own := range []bool{true, false} {
			tb := madeTable(100)
			x := tb.first(&l, b)
			if !own {
				x = l.unother(x)
			}
			var version atomic.Uint64
			require.True(t, tb.insert(&l, x, 5, 0, &version))
			require.EqualValues(t, 5, tb.find(&l, x)&l.lowMask())
		}
	}
}

// TestReserve: what was reserved for is not grown for.
func TestReserve(t *testing.T) {
	const n = 300_000
	x := New(Config{PlaceBits: 36})
	defer x.Close()
	x.Reserve(n)
	before := x.MemBytes()
	var r anyKey
	for i := range uint64(n) {
		h := i * 0x9e3779b97f4a7c15
		ref, err := x.Find(h, r)
		require.NoError(t, err)
		require.False(t, ref.Found())
		require.NoError(t, x.Put(h, ref, r, Entry{Place: i + 1}))
	}
	require.Equal(t, before, x.MemBytes())
	require.LessOrEqual(t, before, 16*n)
	require.Equal(t, n, x.Len())
}

// anyKey resolves for keys that are all different.
type anyKey struct{}

func (anyKey) Same(Entry) (bool, error) { return false, nil }
func (anyKey) Key() ([]byte, error)     { return nil, nil }

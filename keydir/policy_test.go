package keydir

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The hits and the rank of a slot stay through growth, are the new entry's when it
// is replaced, and Move takes the hits of the copy and keeps the rank.
func TestPolicyStays(t *testing.T) {
	x := New(Config{Ranks: true})
	defer x.Close()
	const n = 3000
	require1 := func(i uint64, want Entry) {
		t.Helper()
		ref, err := x.Find(mix64(i), numberResolver(want.Place))
		require.NoError(t, err)
		require.Equal(t, want, ref.Entry())
		e, status := x.Lookup(mix64(i))
		require.Equal(t, Found, status)
		require.Equal(t, want.Hits, e.Hits)
		rank, ok := x.Rank(mix64(i), want.Place)
		require.True(t, ok)
		require.Equal(t, want.Rank, rank)
	}
	for i := uint64(1); i <= n; i++ {
		putNumber(t, x, i)
		for range i % 6 {
			x.Touch(mix64(i), i)
		}
		require.True(t, x.SetRank(mix64(i), i, 0, i<<32))
	}
	for i := uint64(n + 1); i <= 200_000; i++ {
		putNumber(t, x, i)
	}
	for i := uint64(1); i <= n; i++ {
		require1(i, Entry{Place: i, Hits: uint8(min(i%6, 3)), Rank: i << 32})
		switch i % 3 {
		case 0:
			putNumber(t, x, i)
			require1(i, Entry{Place: i})
		case 1:
			to := Entry{Place: 1<<33 + i, Class: 15, Hits: uint8(i / 3 % 4), Rank: 99}
			moved, err := x.Move(mix64(i), Entry{Place: i}, to)
			require.NoError(t, err)
			require.True(t, moved)
			to.Rank = i << 32
			require1(i, to)
		}
	}
	for i := uint64(n + 1); i <= 200_000; i += 99 {
		require1(i, Entry{Place: i})
	}
}

// Refs that were found before other keys were written still put each key where it
// is looked for: Find remembers slots, and those may be taken by then, or their
// table replaced.
func TestRefsOutliveOtherWrites(t *testing.T) {
	x := New(Config{PlaceBits: 36, Ranks: true})
	defer x.Close()
	const batch = 50
	hash := func(i uint64) uint64 { return mix64(i) >> 6 } // four shards
	for from := uint64(1); from < 20_000; from += batch {
		refs := make(map[uint64]Ref)
		for i := max(from, 20*batch) - 20*batch + 1; i < from+batch; i++ { // most are there
			ref, err := x.Find(hash(i), numberResolver(i))
			require.NoError(t, err)
			require.Equal(t, i < from, ref.Found())
			refs[i] = ref
		}
		for i, ref := range refs { // in any order
			require.NoError(t, x.Put(hash(i), ref, numberResolver(i), Entry{Place: i, Rank: i + from}))
		}
		require.EqualValues(t, from+batch-1, x.Len())
		for i := range refs {
			rank, ok := x.Rank(hash(i), i)
			require.True(t, ok)
			require.Equal(t, i+from, rank)
		}
	}
	require.Zero(t, x.SideLen())
	// The same for deletes, through all the tables on the way down.
	for from := uint64(1); from < 20_000; from += batch {
		refs := make(map[uint64]Ref)
		for i := from; i < from+batch; i++ {
			ref, err := x.Find(hash(i), numberResolver(i))
			require.NoError(t, err)
			require.True(t, ref.Found())
			refs[i] = ref
		}
		for i, ref := range refs {
			require.NoError(t, x.Delete(hash(i), ref, numberResolver(i)))
		}
	}
	require.Zero(t, x.Len())
}

// A Ref of one index is good for another that was built of the same records: the
// engine builds an index anew between a Find and its Put when it proves damaged.
func TestRefOfAnotherIndex(t *testing.T) {
	const n = 50_000
	x := New(Config{})
	for i := uint64(1); i < n; i++ {
		putNumber(t, x, i)
	}
	refs := make([]Ref, 2*n)
	for i := uint64(1); i < 2*n; i++ {
		var err error
		refs[i], err = x.Find(mix64(i), numberResolver(i))
		require.NoError(t, err)
	}
	x.Close()
	y := New(Config{})
	defer y.Close()
	y.Reserve(n / 2)
	for i := uint64(n - 1); i > 0; i-- {
		putNumber(t, y, i)
	}
	for i := uint64(1); i < 2*n; i++ {
		require.NoError(t, y.Put(mix64(i), refs[i], numberResolver(i), Entry{Place: i, Hits: 2}))
	}
	require.EqualValues(t, 2*n-1, y.Len())
	for i := uint64(1); i < 2*n; i++ {
		e, _ := y.Lookup(mix64(i))
		require.Equal(t, Entry{Place: i, Hits: 2}, e)
	}
}

// Neither Touch nor what a Get asks allocates.
func TestPolicyAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x := New(Config{Ranks: true})
	defer x.Close()
	putNumber(t, x, 1)
	rank := uint64(0)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		x.Touch(mix64(1), 1)
		x.SetRank(mix64(1), 1, rank, rank+1)
		rank, _ = x.Rank(mix64(1), 1)
	}))
	require.EqualValues(t, 101, rank)
}

// An index without ranks takes and ignores those of a source, and one with ranks
// begins with zeros where the source has none.
func TestLoadRanksOnOff(t *testing.T) {
	for _, hash := range []string{"good", "10 bits"} {
		for _, had := range []bool{false, true} {
			t.Run(fmt.Sprint(hash, had), func(t *testing.T) {
				w := newRankedWorld(t, 38, had, hashes[hash])
				for i := range 1000 {
					w.put(fmt.Sprint("key ", i))
				}
				_, src := snapshot(t, w.x)
				w.x.Close()
				x, err := Load(Config{PlaceBits: 38, Ranks: !had}, src)
				require.NoError(t, err)
				defer x.Close()
				w.x, w.ranks = x, !had
				for key, e := range w.model {
					e.Rank = 0
					w.model[key] = e
				}
				w.requireAll()
				for i := range 500 {
					w.setRank(fmt.Sprint("key ", i))
					w.put(fmt.Sprint("key ", 2*i))
				}
				w.requireAll()
			})
		}
	}
}

// Ranks take eight bytes for each slot, and nothing when there are none.
func TestRanksMemory(t *testing.T) {
	plain, ranked := New(Config{}), New(Config{Ranks: true})
	defer plain.Close()
	defer ranked.Close()
	for i := uint64(1); i <= 100_000; i++ {
		putNumber(t, plain, i)
		putNumber(t, ranked, i)
	}
	slots := 0
	for i := range plain.shards {
		slots += plain.shards[i].table.Load().slots()
	}
	require.Equal(t, slots*8, ranked.MemBytes()-plain.MemBytes())
}

// TestPolicyConcurrently lets readers touch entries and raise their ranks while a
// writer moves them about, replaces and deletes others. What a reader finds is always
// a rank that this very key has had. (A rank may come to be another's, but only if
// it is what that one's was; here each key has its own.)
func TestPolicyConcurrently(t *testing.T) {
	hash := func(i uint64) uint64 { return mix64(i) &^ (0b111111 << 58) } // four shards
	x := New(Config{PlaceBits: 40, Ranks: true})
	defer x.Close()
	put := func(i, version uint64) {
		r := moduloResolver(i)
		ref, err := x.Find(hash(i), r)
		if err == nil {
			err = x.Put(hash(i), ref, r, Entry{Place: version<<20 | i, Class: uint8(i % 16), Rank: i})
		}
		if err != nil {
			t.Error(err)
		}
	}
	for i := uint64(1); i <= stableKeys; i++ {
		put(i, 0)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	var raised atomic.Int64
	for g := range uint64(3) {
		wg.Go(func() {
			for n := g; !stop.Load(); n++ {
				i := mix64(n)%stableKeys + 1
				e, status := x.Lookup(hash(i))
				if status != Found || e.Place&(1<<20-1) != i {
					t.Errorf("key %d is not found", i)
					return
				}
				if e.Hits < MaxHits {
					x.Touch(hash(i), e.Place)
				}
				rank, ok := x.Rank(hash(i), e.Place)
				if !ok {
					continue // replaced meanwhile
				}
				if rank&(1<<20-1) != i {
					t.Errorf("key %d has rank %#x", i, rank)
					return
				}
				if x.SetRank(hash(i), e.Place, rank, rank+1<<20) {
					raised.Add(1)
				}
			}
		})
	}
	wg.Go(func() { // whoever looks for victims
		for !stop.Load() {
			seen := make(map[uint64]int)
			for i := range 4 {
				if err := x.Scan(i, func(id uint64, e Entry) {
					n := e.Place & (1<<20 - 1)
					if id != x.layout.hash(x.layout.identity(hash(n))) || e.Rank&(1<<20-1) != n {
						t.Errorf("key %d has id %#x, rank %#x", n, id, e.Rank)
					}
					seen[n]++
				}); err != nil {
					t.Error(err)
				}
			}
			for n := uint64(1); n <= stableKeys; n++ {
				if seen[n] != 1 {
					t.Errorf("key %d seen %d times", n, seen[n])
				}
			}
		}
	})
	rounds, crowd := 4, uint64(60_000)
	if raceEnabled || testing.Short() {
		rounds, crowd = 2, 20_000
	}
	comeAndGo(t, x, hash, put, rounds, crowd)
	stop.Store(true)
	wg.Wait()
	require.NotZero(t, raised.Load())
	t.Log(raised.Load(), "ranks raised")
}

package keydir

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMemory inserts a million entries and more, and looks at what each takes, all
// the way: growth never costs more than 11.4 bytes, side tables included.
func TestMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("long")
	}
	x := New(Config{})
	defer x.Close()
	require.LessOrEqual(t, x.MemBytes(), 64<<10, "empty")
	var most, sum, load float64
	n := 0
	for i := uint64(1); i <= 2_500_000; i++ {
		putNumber(t, x, i)
		if i == 1000 {
			require.LessOrEqual(t, x.MemBytes(), 5<<18, "a page for each shard")
		}
		if i < 1_000_000 || i%2000 != 0 {
			continue
		}
		per := float64(x.MemBytes()) / float64(x.Len())
		most, sum, load, n = max(most, per), sum+per, load+loadFactor(x), n+1
	}
	t.Logf("bytes per entry: mean %.2f, at most %.2f; mean load %.3f", sum/float64(n), most, load/float64(n))
	require.LessOrEqual(t, most, 11.4)
	for i := uint64(1); i <= 2_500_000; i += 101 {
		e, status := x.Lookup(mix64(i))
		require.Equal(t, Found, status)
		require.Equal(t, i, e.Place)
	}
}

func loadFactor(x *Index) float64 {
	used, slots := 0, 0
	for i := range x.shards {
		if t := x.shards[i].table.Load(); t != nil {
			used += int(x.shards[i].used.Load())
			slots += t.slots()
		}
	}
	return float64(used) / float64(slots)
}

// Deleting gives the memory back, and what stays is still found.
func TestShrink(t *testing.T) {
	const n = uint64(300_000)
	x := New(Config{PlaceBits: 36})
	defer x.Close()
	for i := uint64(1); i <= n; i++ {
		putNumber(t, x, i)
	}
	full := x.MemBytes()
	for i := uint64(1); i <= n; i++ {
		if i%50 != 0 {
			deleteNumber(t, x, i)
		}
	}
	require.EqualValues(t, n/50, x.Len())
	require.Less(t, x.MemBytes(), full/2)
	for i := uint64(1); i <= n; i++ {
		_, status := x.Lookup(mix64(i))
		require.Equal(t, i%50 == 0, status == Found, i)
	}
	for i := uint64(50); i <= n; i += 50 {
		deleteNumber(t, x, i)
	}
	require.Zero(t, x.Len())
	require.LessOrEqual(t, x.MemBytes(), 5<<18, "a page for each shard")
}

func deleteNumber(tb testing.TB, x *Index, i uint64) {
	ref, err := x.Find(mix64(i), numberResolver(i))
	if err == nil {
		err = x.Delete(mix64(i), ref, numberResolver(i))
	}
	if err != nil || !ref.Found() {
		tb.Fatal(i, ref.Found(), err)
	}
}

// TestBadHash has a hash of many values that all share both buckets. The table does
// not grow for them without end; they go to the side table and are found there.
func TestBadHash(t *testing.T) {
	l := newLayout(minPlaceBits)
	small := emptyTable(l.minN)
	var bad []uint64
	for x := uint64(0); x <= small.first(&l, 1) && len(bad) < 300; x++ {
		if b, _ := small.at(&l, l.other(x)); b == 1 {
			bad = append(bad, x<<(64-shardBits-l.xBits))
		}
	}
	require.Len(t, bad, 300)
	w := newWorld(t, minPlaceBits, func(key string) uint64 {
		var i int
		fmt.Sscan(key, &i)
		return bad[i]
	})
	defer func() { w.x.Close() }()
	for i := range bad {
		w.put(fmt.Sprint(i))
		require.LessOrEqual(t, w.x.MemBytes(), 256<<10)
	}
	require.Greater(t, w.x.SideLen(), 200)
	check := func() {
		require.Equal(t, len(w.model), w.x.Len())
		for i := range bad {
			w.requireGet(fmt.Sprint(i))
			require.False(t, w.find(fmt.Sprint(i)).Collides(), "no identity is shared")
		}
	}
	check()
	for i := range bad {
		switch i % 3 {
		case 0:
			w.put(fmt.Sprint(i))
		case 1:
			w.delete(fmt.Sprint(i))
		case 2:
			w.move(fmt.Sprint(i))
		}
	}
	check()
	w.reload()
	check()
}

func TestErrPlace(t *testing.T) {
	x := New(Config{})
	defer x.Close()
	ref, err := x.Find(1, numberResolver(1))
	require.NoError(t, err)
	for _, e := range []Entry{{}, {Place: 1 << minPlaceBits}, {Place: 1, Class: 16}, {Place: 1, Hits: 4}} {
		require.ErrorIs(t, x.Put(1, ref, numberResolver(1), e), ErrPlace)
		_, err := x.Move(1, Entry{Place: 1}, e)
		require.ErrorIs(t, err, ErrPlace)
	}
	require.Zero(t, x.Len())
	require.Panics(t, func() { New(Config{PlaceBits: 33}) })
	require.Panics(t, func() { New(Config{PlaceBits: 45}) })
}

// A resolver's error changes nothing.
func TestResolverErrors(t *testing.T) {
	w := newWorld(t, minPlaceBits, hashes["0 bits"])
	defer w.x.Close()
	for _, key := range []string{"a", "b", "c"} {
		w.put(key)
	}
	bad := failingResolver{keyResolver{w, "b"}}
	_, err := w.x.Find(0, bad)
	require.ErrorIs(t, err, errNoKey)
	ref := w.find("new")
	require.ErrorIs(t, w.x.Put(0, ref, bad, Entry{Place: 9}), errNoKey)
	require.ErrorIs(t, w.x.Delete(0, w.find("b"), bad), errNoKey)
	w.disk[w.model["a"].Place], w.disk = "", nil
	_, err = w.x.Find(0, keyResolver{w, "a"})
	require.ErrorIs(t, err, errNoRecord)
	require.Equal(t, 3, w.x.Len())
}

var errNoKey = fmt.Errorf("no key")

type failingResolver struct{ keyResolver }

func (failingResolver) Key() ([]byte, error) { return nil, errNoKey }

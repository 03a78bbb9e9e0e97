package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// shorter returns n, or less of it where tests are to be short.
func shorter(n int) int {
	if testing.Short() {
		return n / 4
	}
	return n
}

// TestRoomForUpdates: who holds the writer lock makes room as well as others do, however
// little it leaves.
func TestRoomForUpdates(t *testing.T) {
	for _, o := range []Options{
		{CountLimit: 60, Policy: evict.S3FIFO},
		{CountLimit: 60, Policy: evict.LRU},
		{SizeLimit: 192 << 10, Policy: evict.S3FIFO},
		{SizeLimit: 192 << 10, Policy: evict.LRU},
	} {
		t.Run(fmt.Sprint(o.Policy, o.CountLimit), func(t *testing.T) {
			o.SegmentSize = 16 << 10
			mem := vfs.NewMem()
			mem.NoTrace = true
			e, err := Open(mem, o)
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(0, 5))
			returns(t, func() {
				for range shorter(6000) {
					key := fmt.Sprint("k", r.IntN(600))
					value := make([]byte, r.IntN(500))
					err := e.Update(func(tx *Tx) error { return tx.Set(key, value, Attrs{}) })
					if err == nil && r.IntN(3) == 0 {
						_, err = e.Delete(fmt.Sprint("k", r.IntN(600)))
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			require.NoError(t, e.Close())
		})
	}
}

// TestRoomBesideOthers: room that one has made, and another has taken, is made again.
func TestRoomBesideOthers(t *testing.T) {
	for _, p := range []evict.Policy{evict.S3FIFO, evict.LRU} {
		t.Run(p.String(), func(t *testing.T) {
			mem := vfs.NewMem()
			mem.NoTrace = true
			e, err := Open(mem, Options{SizeLimit: 1 << 20, SegmentSize: 64 << 10, Policy: p, Compaction: true})
			require.NoError(t, err)
			var errs [3]error
			var wg sync.WaitGroup
			for g := range errs {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(g), 1))
					for n := shorter(4000); n > 0 && errs[g] == nil; n-- {
						key, value := fmt.Sprint("k", r.IntN(3000)), make([]byte, r.IntN(2000))
						if g == 0 {
							errs[g] = e.Update(func(tx *Tx) error { return tx.Set(key, value, Attrs{}) })
							continue
						}
						errs[g] = e.Set(key, value, Attrs{})
						_, _ = e.Get(key, nil)
					}
				})
			}
			wg.Wait()
			require.NoError(t, errors.Join(errs[:]...))
			require.NoError(t, e.Close())
		})
	}
}

// TestRoomInAnySegments: a cache that evicts takes whatever is stored, also where its
// segments are large for its limit, or many are written to at a time.
func TestRoomInAnySegments(t *testing.T) {
	lifetimes := []time.Duration{0, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 3 * time.Hour, 12 * time.Hour, 72 * time.Hour, 720 * time.Hour}
	for _, c := range []struct {
		limit, segment int64
		policy         evict.Policy
		expires        bool
		size           int
	}{
		{192 << 10, 16 << 10, evict.LRU, false, 1000},
		{1 << 20, 0, evict.FIFO, false, 1000},
		{2 << 20, 0, evict.S3FIFO, false, 1000},
		{2 << 20, 0, evict.LRU, false, 1000},
		{4 << 20, 0, evict.S3FIFO, true, 1000},
		{8 << 20, 1 << 20, evict.S3FIFO, true, 7500},
		{8 << 20, 5 << 20, evict.LRU, true, 7500},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			mem := vfs.NewMem()
			mem.NoTrace = true
			clock := &wallClock{time.Unix(1_700_000_000, 0)}
			e, err := Open(mem, Options{SizeLimit: c.limit, SegmentSize: c.segment, Policy: c.policy, Now: clock.now})
			require.NoError(t, err)
			for i := range int(c.limit) * shorter(4) / c.size {
				clock.t = clock.t.Add(10 * time.Microsecond)
				key, a := fmt.Sprint("k", i%4000), Attrs{}
				if ttl := lifetimes[i/3%8]; ttl > 0 && c.expires {
					a = clock.attrs(ttl)
				}
				if i%3 == 0 {
					key, a = fmt.Sprint("hot", i%50), Attrs{}
				}
				require.NoError(t, e.Set(key, make([]byte, c.size), a), "set %d", i)
				_, _ = e.Get(fmt.Sprint("k", i%100), nil)
			}
			require.LessOrEqual(t, onDisk(mem), c.limit+c.limit/tolerance)
			require.NoError(t, e.Close())
		})
	}
}

// TestRoomOfExpired: what has expired goes before anything that has not, whatever the
// policy and the limit.
func TestRoomOfExpired(t *testing.T) {
	limits := map[string]struct {
		Options
		items int
	}{
		"count": {Options{CountLimit: 100}, 100},
		"size":  {Options{SizeLimit: 256 << 10, SegmentSize: 16 << 10}, 180},
	}
	for what, l := range limits {
		for p := evict.S3FIFO; p <= evict.None; p++ {
			t.Run(what+"/"+p.String(), func(t *testing.T) {
				clock := &wallClock{time.Unix(1_700_000_000, 0)}
				o := l.Options
				o.Policy, o.Now = p, clock.now
				e, err := Open(vfs.NewMem(), o)
				require.NoError(t, err)
				for i := range l.items {
					a := Attrs{}
					if i%2 == 1 {
						a = clock.attrs(time.Minute)
					}
					require.NoError(t, e.Set(fmt.Sprint("k", i), make([]byte, 1000), a))
				}
				clock.t = clock.t.Add(time.Hour)
				for i := range 40 {
					require.NoError(t, e.Set(fmt.Sprint("new", i), make([]byte, 1000), Attrs{}))
				}
				for i := 0; i < l.items; i += 2 {
					_, err := e.Get(fmt.Sprint("k", i), nil)
					require.NoError(t, err, "item %d", i)
				}
				require.NoError(t, e.Close())
			})
		}
	}
}

// TestRoomAmongLasting: a cache that is full, and evicts nothing, takes new items once
// some of each segment has expired.
func TestRoomAmongLasting(t *testing.T) {
	for _, share := range []int{2, 4, 20} {
		t.Run(fmt.Sprint("one of ", share), func(t *testing.T) {
			clock := &wallClock{time.Unix(1_700_000_000, 0)}
			o := Options{SizeLimit: 256 << 10, SegmentSize: 16 << 10, Policy: evict.None, Now: clock.now, oneStream: true}
			e, err := Open(vfs.NewMem(), o)
			require.NoError(t, err)
			n := 0
			for ; err == nil; n++ {
				a := Attrs{}
				if n%share != 0 {
					a = clock.attrs(time.Minute)
				}
				err = e.Set(fmt.Sprint("k", n), make([]byte, 1000), a)
			}
			require.ErrorIs(t, err, ErrFull)
			clock.t = clock.t.Add(time.Hour)
			require.NoError(t, e.Set("new", make([]byte, 1000), Attrs{}))
			for i := 0; i < n-1; i += share {
				_, err := e.Get(fmt.Sprint("k", i), nil)
				require.NoError(t, err, "item %d", i)
			}
			require.NoError(t, e.Close())
		})
	}
}

// TestTooLargeEvictsNothing: a value fits, or it is refused before anything is given up
// for it.
func TestTooLargeEvictsNothing(t *testing.T) {
	for _, limit := range []int64{256 << 10, 1 << 20} {
		for _, p := range []evict.Policy{evict.S3FIFO, evict.LRU} {
			t.Run(fmt.Sprint(p, limit), func(t *testing.T) {
				fits, refused := 0, 0
				for percent := int64(50); percent < 100; percent += 7 {
					mem := vfs.NewMem()
					mem.NoTrace = true
					e, err := Open(mem, Options{SizeLimit: limit, Policy: p, FileThreshold: 16 << 10})
					require.NoError(t, err)
					for i := range limit / 600 {
						require.NoError(t, e.Set(fmt.Sprint("k", i), make([]byte, 500), Attrs{}))
					}
					before := e.index.Load().Len()
					if err := e.Set("large", make([]byte, limit*percent/100), Attrs{}); err == nil {
						fits++
					} else {
						refused++
						require.ErrorIs(t, err, ErrTooLarge, "%d%%", percent)
						require.Equal(t, before, e.index.Load().Len(), "%d%%", percent)
					}
					require.NoError(t, e.Close())
				}
				require.NotZero(t, fits)
				require.NotZero(t, refused)
			})
		}
	}
}

// TestCountOfReplaced: a transaction that deletes as many items as it stores fits a cache
// that is full.
func TestCountOfReplaced(t *testing.T) {
	e, err := Open(vfs.NewMem(), Options{CountLimit: 2, Policy: evict.None})
	require.NoError(t, err)
	require.NoError(t, e.Set("a", nil, Attrs{}))
	require.NoError(t, e.Set("b", nil, Attrs{}))
	replace := func(key string, old ...string) error {
		return e.Update(func(tx *Tx) error {
			for _, k := range old {
				if _, err := tx.Delete(k); err != nil {
					return err
				}
			}
			return tx.Set(key, nil, Attrs{})
		})
	}
	require.ErrorIs(t, replace("c"), ErrFull)
	require.NoError(t, replace("c", "a"))
	require.NoError(t, replace("d", "b", "c"))
	left, err := e.Len()
	require.NoError(t, err)
	require.Equal(t, 1, left)
	require.NoError(t, e.Close())
}

// TestEmptyEndsWhereItemsCount: segments in which nothing is wanted any more go when items
// are what there is too much of, too, though nothing runs in the background.
func TestEmptyEndsWhereItemsCount(t *testing.T) {
	const items, length = 100, 1 << 10
	mem := vfs.NewMem()
	mem.NoTrace = true
	e, err := Open(mem, Options{CountLimit: items, Policy: evict.S3FIFO, SegmentSize: 3 * length})
	require.NoError(t, err)
	value := make([]byte, length)
	rounds := shorter(40_000)
	if raceEnabled {
		rounds /= 4 // one goroutine
	}
	for i := range rounds {
		key := fmt.Sprint("k", i%(4*items))
		if _, err := e.Get(key, nil); err == nil {
			continue
		}
		require.NoError(t, e.Set(key, value, Attrs{}))
	}
	s, err := e.Stats()
	require.NoError(t, err)
	require.Less(t, int(s.Segments), items, "each has nearly three items, but for those that are written to")
	require.NoError(t, e.Close())
}

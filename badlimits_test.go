package diskcache

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTinyLimits: what does not fit is refused with a typed error, and nothing that was
// there is touched for it.
func TestTinyLimits(t *testing.T) {
	for _, o := range []Options{
		{SizeLimit: 1}, {SizeLimit: 500}, {SizeLimit: 20_000, SegmentSize: 64 << 10}, {SizeLimit: 200 << 10, SegmentSize: 256 << 10},
		{CountLimit: 1}, {MinFreeSpace: math.MaxInt64},
		{SizeLimit: math.MaxInt64}, {CountLimit: math.MaxInt64}, {SizeLimit: math.MaxInt64, CountLimit: math.MaxInt64, Policy: PolicyLRU},
	} {
		t.Run(fmt.Sprint(o.SizeLimit, o.CountLimit, o.MinFreeSpace), func(t *testing.T) {
			dir := t.TempDir()
			for range 2 {
				c := mustOpen(t, dir, &o)
				stored := storeUntilRefused(t, c, 300)
				require.Equal(t, o.SizeLimit > 500 || o.CountLimit > 0, stored > 0)
				if o.SizeLimit == math.MaxInt64 || o.CountLimit == math.MaxInt64 {
					require.Equal(t, 300, stored)
				}
				n, err := c.Len()
				require.NoError(t, err)
				if o.CountLimit > 0 {
					require.LessOrEqual(t, int64(n), o.CountLimit)
				}
				_, err = c.Cull()
				require.NoError(t, err)
				require.NoError(t, c.Close())
			}
		})
	}
}

// storeUntilRefused sets n keys, and returns how many were stored. Each is what was set,
// as long as it is there.
func storeUntilRefused(t *testing.T, c *Cache, n int) (stored int) {
	t.Helper()
	for i := range n {
		key, value := "key "+itoa(i), strings.Repeat(itoa(i%10), 100+i)
		err := c.Set(key, []byte(value))
		if err != nil {
			require.True(t, errors.Is(err, ErrTooLarge) || errors.Is(err, ErrFull) || errors.Is(err, ErrNoSpace), "%v", err)
			continue
		}
		stored++
		got, err := c.Get(key)
		require.NoError(t, err)
		require.Equal(t, value, string(got))
	}
	return stored
}

func TestNegativeLimits(t *testing.T) {
	for _, o := range []Options{
		{SizeLimit: -1}, {CountLimit: -1}, {MinFreeSpace: -1}, {SizeLimit: math.MinInt64}, {CountLimit: math.MinInt64}, {MinFreeSpace: math.MinInt64},
		{Policy: -1}, {Policy: PolicyNone + 1}, {Policy: 256},
	} {
		_, err := Open(t.TempDir(), &o)
		require.ErrorIs(t, err, ErrOption, "%+v", o)
	}
}

// TestShrunkLimits: a directory that is opened with a hundredth of the limit that it was
// filled to comes down to it with what is written next.
func TestShrunkLimits(t *testing.T) {
	const large, small = 20 << 20, 20 << 20 / 100
	for _, o := range []Options{
		{SizeLimit: small}, {SizeLimit: small, Policy: PolicyLRU}, {SizeLimit: small, Policy: PolicyTTL}, {CountLimit: 20}, {CountLimit: 20, Policy: PolicyLFU},
	} {
		t.Run(fmt.Sprint(o.Policy, o.SizeLimit, o.CountLimit), func(t *testing.T) {
			dir := t.TempDir()
			c := mustOpen(t, dir, &Options{SizeLimit: large, FileThreshold: 32 << 10})
			value := func(i int) []byte { return []byte(strings.Repeat(itoa(i%10), 2000+i%50*1000)) }
			const n = 500
			for i := range n {
				require.NoError(t, c.Set("old "+itoa(i), value(i)))
			}
			require.NoError(t, c.Close())
			o.FileThreshold = 32 << 10
			c = mustOpen(t, dir, &o)
			for i := range 10 {
				require.NoError(t, c.Set("new "+itoa(i), value(i)))
			}
			s, err := c.Stats()
			require.NoError(t, err)
			if o.SizeLimit > 0 {
				require.LessOrEqual(t, s.DiskBytes, o.SizeLimit+o.SizeLimit/10+o.SizeLimit/8)
			} else {
				require.LessOrEqual(t, s.Items, o.CountLimit)
			}
			require.Positive(t, s.Items)
			for i := range n {
				v, err := c.Get("old " + itoa(i))
				if !errors.Is(err, ErrNotFound) {
					require.NoError(t, err)
					require.Equal(t, value(i), v)
				}
			}
			require.NoError(t, c.Close())
		})
	}
}

// fakeClock is a clock that stands still until it is set.
type fakeClock struct{ t atomic.Pointer[time.Time] }

func newFakeClock(t time.Time) *fakeClock {
	f := &fakeClock{}
	f.set(t)
	return f
}

func (f *fakeClock) now() time.Time  { return *f.t.Load() }
func (f *fakeClock) set(t time.Time) { f.t.Store(&t) }

func TestOddTTLs(t *testing.T) {
	const year = 365 * 24 * time.Hour
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		ttl   time.Duration
		lives []time.Duration
		over  []time.Duration
	}{
		{ttl: 0, over: []time.Duration{0, 1, year}},
		{ttl: -1, over: []time.Duration{0, 1, year}},
		{ttl: math.MinInt64, over: []time.Duration{0, 1, year}},
		{ttl: 1, lives: []time.Duration{0}, over: []time.Duration{1, 2, year}},
		{ttl: time.Second + 1, lives: []time.Duration{0, time.Second}, over: []time.Duration{time.Second + 1, year}},
		{ttl: math.MaxInt64, lives: []time.Duration{0, 1, year, 200 * year}},
	} {
		for _, limit := range []int64{0, 1 << 20} {
			dir, clock := t.TempDir(), newFakeClock(begin)
			o := &Options{Now: clock.now, SizeLimit: limit}
			c := mustOpen(t, dir, o)
			require.NoError(t, c.Set("k", []byte("before")), "what an odd time replaces must not come back")
			require.NoError(t, c.Set("k", []byte("v"), TTL(x.ttl)))
			for _, d := range x.lives {
				clock.set(begin.Add(d))
				_, err := c.Expire()
				require.NoError(t, err)
				v, err := c.Get("k")
				require.NoError(t, err, "%v after %v", x.ttl, d)
				require.Equal(t, "v", string(v))
			}
			for _, d := range x.over {
				clock.set(begin.Add(d))
				_, err := c.Get("k")
				require.ErrorIs(t, err, ErrNotFound, "%v after %v", x.ttl, d)
			}
			_, err := c.Expire()
			require.NoError(t, err)
			n, err := c.Len()
			require.NoError(t, err)
			require.Equal(t, len(x.over) == 0, n == 1)
			require.NoError(t, c.Close())
			c = mustOpen(t, dir, o)
			_, err = c.Get("k")
			require.Equal(t, len(x.over) > 0, errors.Is(err, ErrNotFound))
			require.NoError(t, c.Close())
		}
	}
}

func TestOddTags(t *testing.T) {
	dir := t.TempDir()
	o := &Options{SegmentSize: 256 << 10}
	c := mustOpen(t, dir, o)
	long := strings.Repeat("t", MaxTagSize)
	tags := []string{"", "a", "A", "a\x00", "\x00", "\xff\xfe", "\n", "ä", long, long[1:], long[1:] + "u"}
	const each = 3
	for i, tag := range tags {
		for j := range each {
			require.NoError(t, c.Set(fmt.Sprint(i, " ", j), []byte(itoa(i)), Tag(tag)))
		}
	}
	_, err := c.EvictTag(long + "t")
	require.ErrorIs(t, err, ErrTooLarge)
	n, err := c.EvictTag("never used")
	require.NoError(t, err)
	require.Zero(t, n)
	for i, tag := range tags {
		if i == len(tags)/2 {
			require.NoError(t, c.Close())
			c = mustOpen(t, dir, o)
		}
		it, err := c.Item(fmt.Sprint(i, " 0"))
		require.NoError(t, err)
		require.Equal(t, tag, it.Tag)
		n, err := c.EvictTag(tag)
		require.NoError(t, err)
		require.Equal(t, each, n, "%.20q", tag)
		for k := range tags {
			has, err := c.Has(fmt.Sprint(k, " 1"))
			require.NoError(t, err)
			require.Equal(t, k > i, has, "%.20q, after %.20q was evicted", tags[k], tag)
		}
	}
	require.NoError(t, c.Close())
}

// TestEqualDeadlines: very many items whose time is over at the same moment.
func TestEqualDeadlines(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 20_000
	}
	dir, clock := t.TempDir(), newFakeClock(time.Unix(1e9, 0))
	o := &Options{Now: clock.now, SegmentSize: 8 << 20, ManualCompaction: true}
	c := mustOpen(t, dir, o)
	deadline := clock.now().Add(time.Hour)
	for i := range n {
		require.NoError(t, c.Set(itoa(i), nil, ExpireAt(deadline)))
	}
	require.NoError(t, c.Set("stays", nil))
	clock.set(deadline.Add(-1))
	removed, err := c.Expire()
	require.NoError(t, err)
	require.Zero(t, removed)
	clock.set(deadline)
	removed, err = c.Expire()
	require.NoError(t, err)
	require.Equal(t, n, removed)
	left, err := c.Len()
	require.NoError(t, err)
	require.Equal(t, 1, left)
	require.NoError(t, c.Close())
	clock.set(deadline.Add(-time.Hour))
	c = mustOpen(t, dir, o)
	left, err = c.Len()
	require.NoError(t, err)
	require.Equal(t, 1, left)
	require.NoError(t, c.Close())
}

// TestClockSteps: a clock that goes forth and back, by little and by much, or stands
// still: nothing is served at its time or later, and nothing comes back.
func TestClockSteps(t *testing.T) {
	const day = 24 * time.Hour
	steps := []time.Duration{0, 1, time.Second, time.Minute, time.Hour, day, 30 * day, 365 * day, 3650 * day}
	for seed := range uint64(4) {
		for _, limit := range []int64{0, 100 << 10} {
			t.Run(fmt.Sprint(seed, limit), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 7))
				w := &clockWalk{T: t, r: r, clock: newFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), dir: t.TempDir(), items: make(map[string]walkItem)}
				w.o = &Options{Now: w.clock.now, SizeLimit: limit, SegmentSize: 8 << 10}
				w.c, w.latest = mustOpen(t, w.dir, w.o), w.clock.now()
				for range 3000 {
					if r.IntN(8) == 0 {
						d := steps[r.IntN(len(steps))]
						if r.IntN(2) == 0 && w.clock.now().Year() > 2000 || w.clock.now().Year() > 2060 {
							d = -d
						}
						w.clock.set(w.clock.now().Add(d))
						if w.clock.now().After(w.latest) {
							w.latest = w.clock.now()
						}
					}
					w.step(steps)
				}
				require.NoError(t, w.c.Close())
			})
		}
	}
}

// TestClockBackTwice: what was found over stays over, also when that was found by a clock
// that had gone back before, and goes back again.
func TestClockBackTwice(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := newFakeClock(begin.Add(10 * time.Hour))
	c := mustOpen(t, t.TempDir(), &Options{Now: clock.now})
	require.NoError(t, c.Set("first", nil, TTL(time.Second)))
	clock.set(clock.now().Add(time.Second))
	_, err := c.Get("first")
	require.ErrorIs(t, err, ErrExpired)
	clock.set(begin)
	require.NoError(t, c.Set("second", nil, TTL(time.Hour)))
	clock.set(begin.Add(time.Hour))
	_, err = c.Get("second")
	require.ErrorIs(t, err, ErrExpired)
	clock.set(begin)
	_, err = c.Get("second")
	require.NoError(t, c.Close())
	require.ErrorIs(t, err, ErrNotFound)
}

// TestClockBackAfterReopen: nor does it come back when the cache was closed meanwhile,
// and is too small for all that makes opening fast.
func TestClockBackAfterReopen(t *testing.T) {
	for _, limit := range []int64{0, 100 << 10, 16 << 10} {
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		dir, clock := t.TempDir(), newFakeClock(begin)
		o := &Options{Now: clock.now, SizeLimit: limit}
		c := mustOpen(t, dir, o)
		if limit > 0 {
			for i := range 1000 {
				require.NoError(t, c.Set(itoa(i), nil))
			}
		}
		require.NoError(t, c.Set("k", nil, TTL(time.Hour)))
		clock.set(begin.Add(time.Hour))
		_, err := c.Get("k")
		require.ErrorIs(t, err, ErrExpired)
		require.NoError(t, c.Close())
		clock.set(begin)
		c = mustOpen(t, dir, o)
		_, err = c.Get("k")
		require.NoError(t, c.Close())
		require.ErrorIs(t, err, ErrNotFound, "limit %d", limit)
	}
}

// clockWalk is a cache by a clock that is wrong now and then.
type clockWalk struct {
	*testing.T
	r      *rand.Rand
	clock  *fakeClock
	latest time.Time // that the clock ever was
	dir    string
	o      *Options
	c      *Cache
	items  map[string]walkItem
	n      int
}

// walkItem is what a key was set to last.
type walkItem struct {
	value    string
	deadline time.Time // zero: none
	over     bool      // it was found gone
}

func (w *clockWalk) step(ttls []time.Duration) {
	key := "key " + itoa(w.r.IntN(100))
	switch w.r.IntN(40) {
	case 0:
		_, err := w.c.Expire()
		require.NoError(w, err)
	case 1:
		_, err := w.c.Cull()
		require.NoError(w, err)
	case 2:
		require.NoError(w, w.c.Close())
		w.c = mustOpen(w.T, w.dir, w.o)
	case 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15:
		w.set(key, ttls)
	default:
		w.look(key)
	}
}

func (w *clockWalk) set(key string, ttls []time.Duration) {
	w.n++
	it := walkItem{value: itoa(w.n) + strings.Repeat(" ", w.r.IntN(4000))}
	var opts []SetOption
	if w.r.IntN(4) > 0 {
		ttl := ttls[w.r.IntN(len(ttls))]
		it.deadline = w.clock.now().Add(ttl)
		opts = append(opts, TTL(ttl))
	}
	require.NoError(w, w.c.Set(key, []byte(it.value), opts...))
	w.items[key] = it
	w.look(key)
}

func (w *clockWalk) look(key string) {
	it, known := w.items[key]
	v, err := w.c.Get(key)
	if errors.Is(err, ErrNotFound) {
		// By a clock that is far behind, what was stored before is not served, lest it
		// lives too long; it is there again when the clock is right.
		behind := w.latest.Sub(w.clock.now()) > 23*time.Hour && !it.deadline.IsZero() && w.clock.now().Before(it.deadline)
		it.over = known && !behind
		w.items[key] = it
		return
	}
	require.NoError(w, err)
	require.Equal(w, it.value, string(v))
	require.False(w, it.over, "%s is back", key)
	require.True(w, it.deadline.IsZero() || w.clock.now().Before(it.deadline), "%s is served %v late", key, w.clock.now().Sub(it.deadline))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/memory"
)

// sweeping removes many items with one call.
type sweeping struct {
	name  string
	limit func(n int) int64                                   // on the number of items, when the sweep begins
	do    func(s *sweeper) (int, error)                       // returns how many were removed
	left  func(n int) int                                     // items that are to be there afterwards
	attrs func(i int, deadline time.Time) diskcache.SetOption // of item i; nil: none
}

// taggedEvery is which part of the items has the tag.
const taggedEvery = 10

const sweepTag = "tag"

var sweepings = [...]sweeping{
	{
		name: "tag", left: func(n int) int { return n - (n+taggedEvery-1)/taggedEvery },
		attrs: func(i int, _ time.Time) diskcache.SetOption {
			if i%taggedEvery == 0 {
				return diskcache.Tag(sweepTag)
			}
			return nil
		},
		do: func(s *sweeper) (int, error) { return s.cache.EvictTag(sweepTag) },
	},
	{
		name: "expire", left: func(int) int { return 0 },
		attrs: func(_ int, deadline time.Time) diskcache.SetOption { return diskcache.ExpireAt(deadline) },
		do: func(s *sweeper) (int, error) {
			s.ahead.Store(int64(2 * sweepTTL))
			return s.cache.Expire()
		},
	},
	{
		name: "clear", left: func(int) int { return 0 },
		do: func(s *sweeper) (int, error) { return s.cache.Clear() },
	},
	{
		name: "cull", limit: func(n int) int64 { return max(1, int64(n/2)) }, left: func(n int) int { return max(1, n/2) },
		do: func(s *sweeper) (int, error) { return s.cache.Cull() },
	},
}

// sweepTTL is far longer than it takes to fill the cache.
const sweepTTL = 24 * time.Hour

// sweep removes many of n items with one call, once for each such call, each in a cache
// of its own, while others get items and set some. It tells how long the call took, and
// how long those waited. Nothing is repeated: the longest of very many waits is what
// counts. There is no limit to compare with.
func sweep(b *bench) ([]result, error) {
	if err := b.measureSizes(); err != nil {
		return nil, err
	}
	b.order = draw.Permutation(b.rand, b.p.n)
	var results []result
	for i := range sweepings {
		s := &sweeper{bench: b, sweeping: &sweepings[i]}
		r, err := s.run()
		if err != nil {
			return nil, fmt.Errorf("sweep, %s: %w", s.name, err)
		}
		results = append(results, *r)
		b.bar.step()
	}
	return results, nil
}

// sweeper sweeps in one way.
type sweeper struct {
	*bench
	*sweeping
	ahead atomic.Int64 // nanoseconds by which the cache's clock is
}

// now is the cache's clock.
func (s *sweeper) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *sweeper) run() (*result, error) {
	if err := s.fillUp(); err != nil {
		return nil, err
	}
	before, err := s.cache.Stats()
	if err != nil {
		return nil, err
	}
	out := &swept{}
	out.GetComputing, out.SetComputing, err = s.beside(s.compute)
	if err != nil {
		return nil, err
	}
	r := s.blank()
	r.Variant, r.swept = s.name, out
	out.Get, out.Set, err = s.beside(func() (err error) {
		start := time.Now()
		out.Removed, err = s.do(s)
		r.Seconds = max(time.Since(start), 1).Seconds()
		return err
	})
	if err != nil {
		return nil, err
	}
	after, err := s.cache.Stats()
	r.setRate(float64(max(out.Removed, 1)) / r.Seconds)
	r.latencies = out.Get.latencies
	r.RSS, r.Disk, r.Written = memory.Resident(), after.DiskBytes, after.WrittenBytes-before.WrittenBytes
	return r, errors.Join(err, s.check(), s.closeCache(), os.RemoveAll(s.cacheDir()))
}

// fillUp sets n items, and opens the cache as the sweep wants it.
func (s *sweeper) fillUp() error {
	o := s.options()
	o.Now = s.now
	if err := s.openEmpty(o); err != nil {
		return err
	}
	w, deadline := s.workers[0], s.now().Add(sweepTTL)
	for i := range s.p.n {
		var opts []diskcache.SetOption
		if s.attrs != nil {
			if opt := s.attrs(i, deadline); opt != nil {
				opts = append(opts, opt)
			}
		}
		if err := s.cache.Set(w.keyOf(uint64(i)), w.value, opts...); err != nil {
			return err
		}
	}
	s.measureMemory()
	if s.limit != nil {
		o.CountLimit, o.CullLimit = s.limit(s.p.n), -1 // nothing is given up before Cull is called
	}
	if err := s.closeCache(); err != nil {
		return err
	}
	return s.open(o)
}

// beside does something while the workers get items and one more sets some, and returns
// how long these took.
func (s *sweeper) beside(do func() error) (gets, sets waits, err error) {
	quit := make(chan struct{})
	done := make(chan error)
	writer := newWorker(s.p.keySize, s.workers[0].value)
	for r, w := range s.workers {
		w.hist.Reset()
		go func() {
			done <- until(quit, func(i int) error { return w.timed(func() error { return s.get(w, r, i) }) })
		}()
	}
	go func() { done <- until(quit, func(i int) error { return s.setNow(writer, i) }) }()
	pprof.Do(context.Background(), pprof.Labels("side", "sweep "+s.name), func(context.Context) { err = do() })
	close(quit)
	for range len(s.workers) + 1 {
		err = errors.Join(err, <-done)
	}
	s.mergeLatencies()
	return waitsOf(s.workers[0].hist), waitsOf(writer.hist), err
}

// until does operations, at least one, until quit is closed.
func until(quit <-chan struct{}, do func(i int) error) error {
	for i := 0; ; i++ {
		if err := do(i); err != nil {
			return err
		}
		select {
		case <-quit:
			return nil
		default:
		}
	}
}

// get reads items in random order, each worker beginning elsewhere. Some are gone.
func (s *sweeper) get(w *worker, r, i int) error {
	err := w.get(s.cache, uint64(s.order[(r*len(s.order)/len(s.workers)+i)%len(s.order)]))
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil
	}
	return err
}

// The writer sets a few keys that nobody else has, with pauses: it is there to find out
// how long a Set waits, and not to be a load.
const (
	sweepKeys  = 64
	sweepPause = 200 * time.Microsecond
)

func (s *sweeper) setNow(w *worker, i int) error {
	time.Sleep(sweepPause)
	err := w.timed(func() error { return w.set(s.cache, missing+uint64(i%sweepKeys)) })
	if errors.Is(err, diskcache.ErrFull) { // culling by hand
		return nil
	}
	return err
}

// compute keeps a processor busy for about as long as it takes to get all items. What
// others wait beside it, they wait for a processor.
func (s *sweeper) compute() error {
	w := newWorker(s.p.keySize, s.workers[0].value)
	for range s.p.n {
		for range 64 {
			w.sum ^= xxhash.Sum64(w.key)
		}
	}
	s.workers[0].sum ^= w.sum
	return nil
}

// check finds out whether as many items are left as there should be.
func (s *sweeper) check() error {
	w := s.workers[0]
	for i := range sweepKeys {
		if _, err := s.cache.Delete(w.keyOf(missing + uint64(i))); err != nil {
			return err
		}
	}
	n, err := s.cache.Len()
	want := s.left(s.p.n)
	if s.limit != nil && n <= want && n >= want-sweepKeys {
		return err // the keys of the writer count
	}
	if err == nil && n != want {
		err = fmt.Errorf("%d items are left and should be %d", n, want)
	}
	return err
}

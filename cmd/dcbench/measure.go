package main

import (
	"cmp"
	"context"
	"runtime/pprof"
	"slices"
	"sync"
	"time"
)

// op does the i-th operation.
type op func(w *worker, i int) error

// side is one of the parties that take turns: the cache, or a limit.
type side struct {
	name   string
	do     op
	settle func() error // puts on the disk what a round wrote, unmeasured, so that the others do not pay for it
	rates  []float64    // operations per second of each round
	spent  time.Duration
}

// rate is the median of all rounds.
func (s *side) rate() float64 { return median(s.rates) }

func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// measure compares the sides, of which the cache's is the first, and then times
// operations of the cache one by one, from number first on.
func (b *bench) measure(first int, sides ...*side) ([]result, error) {
	if err := b.compare(b.p.n, sides...); err != nil {
		return nil, err
	}
	return b.finish(first, sides...)
}

// finish is measure after compare.
func (b *bench) finish(first int, sides ...*side) ([]result, error) {
	s, err := b.cache.Stats()
	if err != nil {
		return nil, err
	}
	r := b.blank()
	r.setRate(sides[0].rate())
	r.Seconds = sides[0].spent.Seconds()
	r.RSS, r.Disk, r.Written = resident(), s.DiskBytes, s.WrittenBytes
	if len(sides) > 1 {
		r.setLimit(sides[1].rate())
	}
	if len(sides) > 2 {
		r.MappedLimit = new(sides[2].rate())
	}
	if err := b.latency(first, first+b.latencies(), sides[0].do); err != nil {
		return nil, err
	}
	r.setLatencies(b.workers[0].hist)
	return []result{*r}, b.closeCache()
}

// compare does operations 0 to n-1 on each side. They are parted into rounds, in
// each of which the sides take turns, so that a machine that gets slower or
// faster meanwhile does so for all of them; who begins changes from round to
// round.
func (b *bench) compare(n int, sides ...*side) error {
	rounds := min(b.p.rounds, n)
	for r := range rounds {
		from, to := r*n/rounds, (r+1)*n/rounds
		for i := range sides {
			if err := b.round(sides[(i+r)%len(sides)], from, to); err != nil {
				return err
			}
			b.bar.step()
		}
	}
	return nil
}

func (b *bench) round(s *side, from, to int) error {
	if err := b.gather(); err != nil {
		return err
	}
	var err error
	pprof.Do(context.Background(), pprof.Labels("side", s.name), func(context.Context) {
		start := time.Now()
		err = b.each(from, to, s.do)
		d := time.Since(start)
		s.spent += d
		s.rates = append(s.rates, float64(to-from)/max(d, 1).Seconds())
	})
	if err != nil || s.settle == nil {
		return err
	}
	return s.settle()
}

// gather waits for the other processes that run the workload, if there are any.
func (b *bench) gather() error {
	if b.together == nil {
		return nil
	}
	return b.together()
}

// each does operations from to to-1, each worker a part of them.
func (b *bench) each(from, to int, do op) error {
	if len(b.workers) == 1 {
		return doAll(b.workers[0], from, to, do)
	}
	errs := make([]error, len(b.workers))
	var wg sync.WaitGroup
	n := to - from
	for i, w := range b.workers {
		wg.Go(func() {
			errs[i] = doAll(w, from+i*n/len(b.workers), from+(i+1)*n/len(b.workers), do)
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

func doAll(w *worker, from, to int, do op) error {
	for i := from; i < to; i++ {
		if err := do(w, i); err != nil {
			return err
		}
	}
	return nil
}

// maxLatencies is how many operations are timed one by one: enough for a hundred
// beyond the last percentile that is told.
const maxLatencies = 100_000

func (b *bench) latencies() int { return min(b.p.n, maxLatencies) }

// latency does operations from to to-1 once more and times each. That is apart
// from compare because to look at the clock takes as long as a quick operation.
func (b *bench) latency(from, to int, do op) error {
	if err := b.gather(); err != nil {
		return err
	}
	err := b.each(from, to, func(w *worker, i int) error {
		return w.timed(func() error { return do(w, i) })
	})
	b.mergeLatencies()
	b.bar.step()
	return err
}

// timed does one operation and puts the time that it took into the histogram. What is
// too long for that counts as its longest.
func (w *worker) timed(do func() error) error {
	start := time.Now()
	err := do()
	_ = w.hist.RecordValue(min(int64(time.Since(start)), w.hist.HighestTrackableValue()))
	return err
}

// mergeLatencies leaves with the first worker what all have measured.
func (b *bench) mergeLatencies() {
	for _, w := range b.workers[1:] {
		b.workers[0].hist.Merge(w.hist)
	}
}

package contest

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// worker is what one goroutine works with.
type worker struct {
	place, of int
	key, buf  []byte
	keys      [][]byte // of a batch
	values    [][]byte
	hist      *hdrhistogram.Histogram // nil: not timed
	ops       int
	behind    time.Duration
}

// run does operations from to to-1, of which each goroutine has its part, until they are done or
// the time is over.
type run struct {
	do       func(w *worker, i int) error
	from, to int
	rate     float64
	began    time.Time
	over     atomic.Bool
	workers  []*worker
}

func newRun(o *Order, from, to int, do func(w *worker, i int) error) *run {
	r := &run{do: do, from: from, to: to, rate: o.Rate}
	for place := range o.Goroutines {
		w := &worker{place: place, of: o.Goroutines, key: make([]byte, 0, KeySize)}
		if o.Timed {
			w.hist = newHistogram()
		}
		r.workers = append(r.workers, w)
	}
	return r
}

// forever is how many operations are too many for any time.
const forever = math.MaxInt

func (r *run) run(limit time.Duration) (*Answer, error) {
	if limit > 0 {
		timer := time.AfterFunc(limit, func() { r.over.Store(true) })
		defer timer.Stop()
	}
	errs := make([]error, len(r.workers))
	var wg sync.WaitGroup
	r.began = time.Now()
	for i, w := range r.workers {
		wg.Go(func() { errs[i] = r.work(w) })
	}
	wg.Wait()
	took := time.Since(r.began)
	return r.answer(took), errors.Join(errs...)
}

// work does one operation at least.
func (r *run) work(w *worker) error {
	for i := r.from + w.place; i < r.to && (w.ops == 0 || !r.over.Load()); i += w.of {
		if err := r.one(w, i); err != nil {
			r.over.Store(true) // the others need not go on
			return err
		}
		w.ops++
	}
	return nil
}

// one does one operation and times it, if that is asked for. With a rate it waits for the
// operation's turn, and the time counts from there: who is late lets those wait that come after,
// as many clients would.
func (r *run) one(w *worker, i int) error {
	if w.hist == nil {
		return r.do(w, i)
	}
	start := time.Now()
	if r.rate > 0 {
		turn := r.began.Add(time.Duration(float64(i-r.from) / r.rate * float64(time.Second)))
		w.behind = time.Since(turn)
		waitFor(turn)
		start = turn
	}
	err := r.do(w, i)
	record(w.hist, time.Since(start))
	return err
}

// waitFor sleeps as long as sleeping is exact, and then looks at the clock.
func waitFor(turn time.Time) {
	const inexact = 2 * time.Millisecond
	if d := time.Until(turn); d > inexact {
		time.Sleep(d - inexact)
	}
	for time.Now().Before(turn) {
	}
}

func (r *run) answer(took time.Duration) *Answer {
	a := &Answer{Nanos: max(int64(took), 1)}
	first := r.workers[0]
	for i, w := range r.workers {
		a.Ops += w.ops
		first.behind = max(first.behind, w.behind)
		if i > 0 && w.hist != nil {
			first.hist.Merge(w.hist)
		}
	}
	if first.hist != nil {
		a.Latency = latencyOf(first.hist)
		a.Latency.Behind = int64(max(first.behind, 0))
	}
	return a
}

package contest

import (
	"cmp"
	"errors"
	"sync"
	"time"
)

// compact compacts, with Gets meanwhile, which are timed. A Get that fails because of it is counted,
// and told of; what it answers must be right.
func (p *player) compact(o *Order) (*Answer, error) {
	if o.N == 0 {
		return nil, p.store.Compact()
	}
	if err := p.aimAt(o.Keys, o.N); err != nil {
		return nil, err
	}
	o.Timed, o.Goroutines = true, 1
	failed := 0
	gets := newRun(o, 0, forever, func(w *worker, i int) error {
		err := p.get(w, p.at(i))
		if err != nil && !errors.As(err, new(wrongError)) {
			failed++
			return nil
		}
		return err
	})
	var took time.Duration
	var err error
	var wg sync.WaitGroup
	wg.Go(func() {
		start := time.Now()
		err = p.store.Compact()
		took = time.Since(start)
		gets.over.Store(true)
	})
	a, gerr := gets.run(0)
	wg.Wait()
	a.Took, a.Failed = int64(took), failed
	return a, cmp.Or(err, gerr)
}

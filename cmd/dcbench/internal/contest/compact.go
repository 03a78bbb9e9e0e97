package contest

import (
	"sync"
	"time"
)

// compact compacts, and times Gets meanwhile. The answer's time is compacting's.
func (p *player) compact(o *Order) (*Answer, error) {
	if o.N == 0 {
		return nil, p.store.Compact()
	}
	if err := p.aimAt(o.Keys, o.N); err != nil {
		return nil, err
	}
	o.Timed = true
	gets := newRun(o, 0, forever, func(w *worker, i int) error { return p.get(w, p.at(i)) })
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
	a.Nanos = int64(took)
	if err == nil {
		err = gerr
	}
	return a, err
}

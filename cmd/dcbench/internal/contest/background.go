package contest

import "fmt"

// background is the writing between the orders write and stop.
type background struct {
	run  *run
	done chan error
}

// write sets the keys of an order again and again.
func (p *player) write(o *Order) error {
	if p.background != nil || o.From >= o.To || o.To > len(p.versions) {
		return fmt.Errorf("%w: write", errOrder)
	}
	keys := uint64(o.To - o.From)
	r := newRun(&Order{Goroutines: 1}, 0, forever, func(w *worker, i int) error { return p.set(w, uint64(o.From)+uint64(i)%keys) })
	p.background = &background{r, make(chan error, 1)}
	go func() {
		_, err := r.run(0)
		p.background.done <- err
	}()
	return nil
}

func (p *player) stop() error {
	if p.background == nil {
		return fmt.Errorf("%w: nothing is written", errOrder)
	}
	p.background.run.over.Store(true)
	err := <-p.background.done
	p.background = nil
	return err
}

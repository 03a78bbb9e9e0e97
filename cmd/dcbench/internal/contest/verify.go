package contest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
)

// neverSet are how many keys are looked for that nobody has set.
const neverSet = 100

// verify reads every key below o.To, and compares what is there with what was set last.
func (p *player) verify(o *Order) (*Answer, error) {
	a := &Answer{}
	w := &worker{of: 1, key: make([]byte, 0, KeySize)}
	var f faults
	for n := range min(o.To, len(p.versions)) {
		lost, err := p.check(w, uint64(n))
		if lost {
			a.Lost++
		}
		f.add(err)
		a.Ops++
	}
	for i := range neverSet {
		f.add(p.miss(w, i))
	}
	if p.walked {
		f.add(p.checkWalk())
	}
	p.checkCounters(&f)
	p.checkQueue(&f)
	if f.n > 0 {
		return a, wrongError{fmt.Errorf("%d of %d keys are wrong; the first: %w", f.n, a.Ops+neverSet, f.first)}
	}
	p.walked = false // who goes on may insert in another order
	return a, nil
}

// faults are what was found wrong.
type faults struct {
	n     int
	first error
}

func (f *faults) add(err error) {
	if err != nil {
		f.n++
		f.first = cmp.Or(f.first, err)
	}
}

// check compares one key. What another process sets that one compares.
func (p *player) check(w *worker, n uint64) (lost bool, err error) {
	got, err := p.store.Get(AppendKey(w.key, p.base+n), w.buf[:0])
	absent := errors.Is(err, ErrMissing)
	switch {
	case err != nil && !absent:
		return false, fmt.Errorf("key %d: %w", n, err)
	case !p.shared.mine(n) && absent:
		return false, nil
	case !p.shared.mine(n):
		return false, p.checkLength(n, got)
	case !p.there(n) && absent:
		return false, nil
	case !p.there(n):
		return false, wrongf("key %d was deleted, or never set, and is there", n)
	case absent && p.mayForget():
		return true, nil
	case absent:
		return false, wrongf("key %d is lost", n)
	}
	w.buf = got
	if !bytes.Equal(got, p.text.Value(p.base+n, p.versions[n].Load(), p.sizes.Of(n))) {
		return false, wrongf("key %d has another value than was set, of %d bytes", n, len(got))
	}
	return false, nil
}

package contest

import (
	"bytes"
	"fmt"
	"time"
)

// peek looks at both ends by turns. What must be there follows from the numbers, for keys are
// inserted by number here, each once.
func (p *player) peek(s Ordered) (func(w *worker, i int) error, error) {
	first, last := -1, -1
	for n := range p.versions {
		if p.there(uint64(n)) {
			last = n
			if first < 0 {
				first = n
			}
		}
	}
	if first < 0 {
		return nil, fmt.Errorf("%w: peek, and no key is there", errOrder)
	}
	var keys, values [2][]byte
	for i, n := range []int{first, last} {
		number := p.base + uint64(n)
		keys[i], values[i] = AppendKey(nil, number), p.text.Value(number, p.versions[n].Load(), p.sizes.Of(uint64(n)))
	}
	return func(_ *worker, i int) error {
		end := i & 1
		key, value, err := s.PeekItem(end == 1)
		if err == nil && (!bytes.Equal(key, keys[end]) || !bytes.Equal(value, values[end])) {
			return wrongf("at the end %d is key %x with another value, or another key, than %x", end, key, keys[end])
		}
		return err
	}, nil
}

// walk walks through all keys, again and again until the time is over.
func (p *player) walk(o *Order) (*Answer, error) {
	s, err := has[Ordered](p.store)
	if err != nil {
		return nil, err
	}
	p.walked = true
	want, a := p.live(), &Answer{}
	begin := time.Now()
	for limit := time.Duration(o.Millis) * time.Millisecond; a.Ops == 0 || time.Since(begin) < limit; {
		found := 0
		for _, err := range s.Keys() {
			if err != nil {
				return nil, err
			}
			found++
		}
		if found != want || want == 0 {
			return nil, wrongf("a walk has found %d keys of %d", found, want)
		}
		a.Ops += found
	}
	a.Nanos = max(1, int64(time.Since(begin)))
	return a, nil
}

// live counts the keys that are there.
func (p *player) live() (n int) {
	for i := range p.versions {
		if p.there(uint64(i)) {
			n++
		}
	}
	return n
}

// checkWalk looks whether a walk finds what is there, in order.
func (p *player) checkWalk() error {
	s, _ := p.store.(Ordered)
	next := uint64(0)
	skip := func() {
		for next < uint64(len(p.versions)) && !p.there(next) {
			next++
		}
	}
	skip()
	for key, err := range s.Keys() {
		if err != nil {
			return fmt.Errorf("a walk before key %d: %w", next, err)
		}
		if !bytes.Equal(key, AppendKey(nil, p.base+next)) {
			return wrongf("a walk has found %x in the place of key %d", key, next)
		}
		next++
		skip()
	}
	if next < uint64(len(p.versions)) {
		return wrongf("a walk has not found key %d", next)
	}
	return nil
}

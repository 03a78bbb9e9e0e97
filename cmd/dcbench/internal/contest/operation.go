package contest

import (
	"errors"
	"fmt"
	"time"
)

// wrongError says that a store answered what is not so.
type wrongError struct{ error }

func wrongf(format string, args ...any) error { return wrongError{fmt.Errorf(format, args...)} }

// play does one of the orders that are measured.
func (p *player) play(o *Order) (*Answer, error) {
	from, to := o.From, o.To
	if o.To == 0 {
		if o.draws() {
			if o.N < 2*o.Goroutines || int64(o.N) > p.high.Load() {
				return nil, fmt.Errorf("%w: keys drawn from %d, with %d set, by %d goroutines", errOrder, o.N, p.high.Load(), o.Goroutines)
			}
			if err := p.aimAt(o.Keys, o.N); err != nil {
				return nil, err
			}
		}
		from, to = p.begun, forever
	} else if from < 0 || to > len(p.versions) {
		return nil, fmt.Errorf("%w: keys %d to %d of %d", errOrder, from, to, len(p.versions))
	}
	if o.Goroutines > 1 && (p.shared.of > 0 || o.Do == "queue") {
		return nil, fmt.Errorf("%w: %s by %d goroutines", errOrder, o.Do, o.Goroutines)
	}
	do, err := p.operation(o)
	if err != nil {
		return nil, err
	}
	if o.Do == "set" && o.Batch > 1 {
		from, to = 0, (o.To-o.From+o.Batch-1)/o.Batch
	}
	a, err := newRun(o, from, to, do).run(time.Duration(o.Millis) * time.Millisecond)
	if o.Do == "set" || o.Do == "add" {
		p.raise(int64(o.To))
	}
	if o.Batch > 1 {
		a.Ops = min(a.Ops*o.Batch, o.To-o.From)
	}
	if o.To == 0 {
		p.begun += a.Ops
	}
	return a, err
}

// operation returns what the i-th operation of an order is.
func (p *player) operation(o *Order) (func(w *worker, i int) error, error) {
	switch drawn := o.To == 0; {
	case o.Do == "set" && o.Batch > 1:
		return func(w *worker, i int) error {
			at := o.From + i*o.Batch
			return p.batch(w, at, min(at+o.Batch, o.To), false)
		}, nil
	case o.Do == "set":
		return func(w *worker, i int) error { return p.set(w, uint64(i)) }, nil
	case o.Do == "get" && !drawn:
		return func(w *worker, i int) error { return p.get(w, uint64(i)) }, nil
	case o.Do == "get":
		return func(w *worker, i int) error { return p.get(w, p.at(i)) }, nil
	case o.Do == "overwrite":
		return func(w *worker, i int) error { return p.set(w, p.own(w, p.at(i))) }, nil
	case o.Do == "miss":
		return p.miss, nil
	case o.Do == "delete":
		return func(w *worker, i int) error { return p.remove(w, uint64(i)) }, nil
	case o.Do == "mix":
		return p.mix(o)
	}
	return p.rare(o)
}

// rare returns what the i-th operation of an order is that not every store obeys.
func (p *player) rare(o *Order) (func(w *worker, i int) error, error) {
	switch o.Do {
	case "add":
		s, err := has[Adder](p.store)
		return func(w *worker, i int) error { return p.setBy(adding(s), w, uint64(i)) }, err
	case "incr":
		s, err := has[Counter](p.store)
		p.counters(o)
		if o.To > 0 {
			return func(w *worker, i int) error { return p.incr(s, w, uint64(i)) }, err
		}
		return func(w *worker, i int) error { return p.incr(s, w, p.own(w, p.at(i))) }, err
	case "queue":
		s, err := has[Queue](p.store)
		return func(*worker, int) error {
			if err := p.push(s); err != nil {
				return err
			}
			_, err := p.pull(s)
			return err
		}, err
	}
	s, err := has[Ordered](p.store)
	if err != nil {
		return nil, err
	}
	return p.peek(s)
}

// adding is Add of a key that is not there.
func adding(s Adder) func(key, value []byte) error {
	return func(key, value []byte) error {
		added, err := s.Add(key, value)
		if err == nil && !added {
			return wrongf("key %d was not added, and nobody has set it", KeyNumber(key))
		}
		return err
	}
}

// mix returns operations of which some are Gets, some deletes, and the others what the order says.
func (p *player) mix(o *Order) (func(w *worker, i int) error, error) {
	reads, deletes, seed := uint64(o.Reads), uint64(o.Reads+o.Deletes), p.shared.seed(p.seed)
	get := p.get
	if o.Deletes > 0 {
		get = p.look
	}
	write, err := p.writeOf(o)
	return func(w *worker, i int) error {
		switch r := Mix(uint64(i)^seed) % 100; {
		case r < reads:
			return get(w, p.at(i))
		case r < deletes:
			return p.remove(w, p.own(w, p.at(i)))
		}
		return write(w, i)
	}, err
}

// writeOf returns what the order mix does that is no Get.
func (p *player) writeOf(o *Order) (func(w *worker, i int) error, error) {
	switch o.Write {
	case "overwrite":
		return func(w *worker, i int) error { return p.set(w, p.own(w, p.at(i))) }, nil
	case "insert":
		return p.insert, nil
	case "modify":
		return func(w *worker, i int) error {
			n := p.own(w, p.at(i))
			if err := p.get(w, n); err != nil {
				return err
			}
			return p.set(w, n)
		}, nil
	case "expire":
		e, ok := p.store.(Expirer)
		if !ok {
			return func(w *worker, i int) error { return p.set(w, p.own(w, p.at(i))) }, nil
		}
		return func(w *worker, i int) error { return p.setBy(e.SetExpiring, w, p.own(w, p.at(i))) }, nil
	}
	return nil, fmt.Errorf("%w: mix, write %q", errOrder, o.Write)
}

func (p *player) set(w *worker, n uint64) error { return p.setBy(p.store.Set, w, n) }

func (p *player) setBy(set func(key, value []byte) error, w *worker, n uint64) error {
	key, value, v := p.next(w.key, n)
	if err := set(key, value); err != nil {
		return err
	}
	p.versions[n].Store(v)
	return nil
}

// next returns what key n is set to next.
func (p *player) next(buf []byte, n uint64) (key, value []byte, version uint32) {
	version = p.versions[n].Load()&^deleted + 1
	return AppendKey(buf, p.base+n), p.text.Value(p.base+n, version, p.sizes.Of(n)), version
}

// insert sets a key that is new, or when there is room for no more, one that is not.
func (p *player) insert(w *worker, i int) error {
	for {
		n := p.high.Load()
		if n >= int64(len(p.versions)) {
			return p.set(w, p.own(w, uint64(p.aim.drawn[i%len(p.aim.drawn)])))
		}
		if p.high.CompareAndSwap(n, n+1) {
			return p.set(w, uint64(n))
		}
	}
}

// raise notes that keys below n may be there.
func (p *player) raise(n int64) { p.high.Store(max(p.high.Load(), n)) }

func (p *player) get(w *worker, n uint64) error {
	v, err := p.store.Get(AppendKey(w.key, p.base+n), w.buf[:0])
	switch {
	case errors.Is(err, ErrMissing) && p.mayForget():
		return nil
	case errors.Is(err, ErrMissing) && p.there(n) && p.shared.mine(n):
		return wrongf("key %d is lost", n)
	case err != nil:
		return fmt.Errorf("key %d: %w", n, err)
	}
	w.buf = v
	return p.checkLength(n, v)
}

func (p *player) checkLength(n uint64, v []byte) error {
	if len(v) != p.sizes.Of(n) {
		return wrongf("key %d: a value of %d bytes in place of %d", n, len(v), p.sizes.Of(n))
	}
	return nil
}

// mayForget tells whether a key that was set may be missing: in memory, or after a death that the
// store does not promise to survive.
func (p *player) mayForget() bool { return p.kind.Memory || p.held && !p.kind.Survives }

func (p *player) miss(w *worker, i int) error {
	_, err := p.store.Get(AppendKey(w.key, missing+p.base+uint64(i)), w.buf[:0])
	switch {
	case err == nil:
		return wrongf("key %d, which nobody has set, is there", uint64(missing)+uint64(i))
	case errors.Is(err, ErrMissing):
		return nil
	}
	return err
}

// remove deletes a key if it is there: who did not get through all keys has not set them.
func (p *player) remove(w *worker, n uint64) error {
	if !p.there(n) {
		return nil
	}
	if err := p.store.Delete(AppendKey(w.key, p.base+n)); err != nil {
		return fmt.Errorf("key %d: %w", n, err)
	}
	p.versions[n].Store(p.versions[n].Load() | deleted)
	return nil
}

// batch sets keys from from to to-1 together; those that are not there only, if asked.
func (p *player) batch(w *worker, from, to int, absent bool) error {
	w.keys, w.values = w.keys[:0], w.values[:0]
	buf := w.buf[:0]
	for n := uint64(from); n < uint64(to); n++ {
		if absent && p.there(n) {
			continue
		}
		_, value, _ := p.next(w.key, n)
		buf = AppendKey(buf, p.base+n)
		w.keys, w.values = append(w.keys, nil), append(w.values, value)
	}
	w.buf = buf
	for i := range w.keys {
		w.keys[i] = buf[i*KeySize : (i+1)*KeySize : (i+1)*KeySize]
	}
	if len(w.keys) == 0 {
		return nil
	}
	if err := p.store.Batch(w.keys, w.values); err != nil {
		return err
	}
	for _, key := range w.keys {
		n := KeyNumber(key) - p.base
		p.versions[n].Store(p.versions[n].Load()&^deleted + 1)
	}
	return nil
}

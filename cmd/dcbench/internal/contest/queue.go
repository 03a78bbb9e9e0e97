package contest

import (
	"bytes"
	"errors"
	"fmt"
)

// queued is added to the number of a key to get that of a value in the queue.
const queued = 1 << 42

// queueState is what the queue has, by number: those from pulled to pushed.
type queueState struct{ pushed, pulled uint64 }

// queuedValue is what has a number in the queue.
func (p *player) queuedValue(n uint64) []byte {
	return p.text.Value(queued+p.base+n, 1, p.sizes.Of(n))
}

func (p *player) push(s Queue) error {
	n := p.queue.pushed
	if err := s.Push(p.queuedValue(n)); err != nil {
		return fmt.Errorf("push of value %d: %w", n, err)
	}
	p.queue.pushed++
	return nil
}

func (p *player) pull(s Queue) ([]byte, error) {
	n := p.queue.pulled
	v, err := s.Pull()
	switch {
	case errors.Is(err, ErrMissing):
		return nil, wrongf("value %d of the queue is lost", n)
	case err != nil:
		return nil, fmt.Errorf("pull of value %d: %w", n, err)
	case len(v) != p.sizes.Of(n):
		return nil, wrongf("value %d of the queue: %d bytes in place of %d", n, len(v), p.sizes.Of(n))
	}
	p.queue.pulled++
	return v, nil
}

// pushAll pushes as many values as an order says. It is not measured.
func (p *player) pushAll(o *Order) error {
	s, err := has[Queue](p.store)
	for i := 0; err == nil && i < o.To; i++ {
		err = p.push(s)
	}
	return err
}

// checkQueue pulls all that is in the queue, and compares it.
func (p *player) checkQueue(f *faults) {
	s, _ := p.store.(Queue)
	for p.queue.pulled < p.queue.pushed {
		n := p.queue.pulled
		v, err := p.pull(s)
		if err == nil && !bytes.Equal(v, p.queuedValue(n)) {
			err = wrongf("value %d of the queue is another than was pushed", n)
		}
		if err != nil {
			f.add(err)
			return // what comes after it need not have its place
		}
	}
}

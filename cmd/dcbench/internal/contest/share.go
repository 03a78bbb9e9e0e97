package contest

import (
	"errors"
	"fmt"
)

// shared says that other processes set the same keys: each those of which the number leaves its
// place when it is divided. Of the others' it knows how long a value is, and nothing more.
type shared struct{ place, of uint64 }

// share is told before anything is drawn, so that each process draws keys of its own.
func (p *player) share(o *Order) error {
	if o.Procs < 1 || o.Place < 0 || o.Place >= o.Procs {
		return fmt.Errorf("%w: share, place %d of %d", errOrder, o.Place, o.Procs)
	}
	p.shared, p.aim = shared{uint64(o.Place), uint64(o.Procs)}, aim{}
	return nil
}

// mine tells whether no other process sets a key.
func (s *shared) mine(n uint64) bool { return s.of == 0 || n%s.of == s.place }

// seed makes the draws of the processes differ.
func (s *shared) seed(seed uint64) uint64 { return seed ^ s.place<<32 }

// look is a Get of a key that this process, or the one that sets it, may have deleted.
func (p *player) look(w *worker, n uint64) error {
	err := p.get(w, n)
	if errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}

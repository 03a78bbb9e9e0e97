package segment

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// stripes spreads the reference count of a Set, for every read changes it.
const stripes = 16

type stripe struct {
	refs atomic.Int64
	_    [56]byte // a cache line each
}

// Set is an immutable list of segments. Whoever acquired it may read from all of
// its segments until it is released, whatever is retired meanwhile.
type Set struct {
	refs     [stripes]stripe
	bySlot   []*Segment  // nil where a slot is free
	over     atomic.Bool // superseded: no new holder stays
	drained  atomic.Bool
	released func(*Set)
	then     func() // called when it and all before it are drained, nil: nothing
	done     bool   // it is drained; guarded by Log.mu
}

// At returns the segment at slot, nil if there is none in this set.
func (s *Set) At(slot uint32) *Segment {
	if slot >= uint32(len(s.bySlot)) {
		return nil
	}
	return s.bySlot[slot]
}

// All calls fn for each segment, in the order of slots.
func (s *Set) All(yield func(*Segment) bool) {
	for _, seg := range s.bySlot {
		if seg != nil && !yield(seg) {
			return
		}
	}
}

// Over reports whether a newer set has taken the place of this one. What was read
// from it by a place that was looked up later may be another segment's.
func (s *Set) Over() bool { return s.over.Load() }

// Release ends the use of a set that was acquired with the same salt.
func (s *Set) Release(salt uint64) {
	s.refs[salt%stripes].refs.Add(-1)
	if s.over.Load() {
		s.drain()
	}
}

// drain frees the set when nobody holds it. A stripe that was seen at zero after
// the set was superseded stays free of holders: who comes later sees that and
// backs out before using anything.
func (s *Set) drain() {
	for i := range s.refs {
		if s.refs[i].refs.Load() != 0 {
			return
		}
	}
	if s.drained.CompareAndSwap(false, true) {
		s.released(s)
	}
}

// Log holds the current Set of a directory.
type Log struct {
	cur atomic.Pointer[Set]

	mu   sync.Mutex // guards what follows, and Publish
	errs []error    // of closing and removing segments
	then func()     // for the set that is superseded next
	sets []*Set     // not drained, or behind one that is not; oldest first
	live sync.WaitGroup
}

// Acquire returns the current set, nil once the log is closed. salt (any number,
// best one that differs between concurrent callers) is given to Release again.
func (l *Log) Acquire(salt uint64) *Set {
	for {
		s := l.cur.Load()
		if s == nil {
			return nil
		}
		s.refs[salt%stripes].refs.Add(1)
		if l.cur.Load() == s {
			return s
		}
		s.Release(salt)
	}
}

// Closed reports whether the log was closed.
func (l *Log) Closed() bool { return l.cur.Load() == nil }

// PublishThen is Publish that calls then once everybody has let go who acquired a set
// before it.
func (l *Log) PublishThen(bySlot []*Segment, then func()) {
	l.mu.Lock()
	l.then = then
	l.mu.Unlock()
	l.Publish(bySlot)
}

// Publish makes the segments the current set; bySlot has nil where a slot is
// free, and is copied. A nil slice closes the log: segments are closed as soon as
// their last reader is gone.
func (l *Log) Publish(bySlot []*Segment) {
	var next *Set
	if bySlot != nil {
		next = &Set{bySlot: slices.Clone(bySlot), released: l.free}
		for seg := range next.All {
			seg.refs.Add(1)
		}
		l.live.Add(1)
	}
	l.mu.Lock()
	old := l.cur.Load()
	if old != nil {
		old.then, l.then = l.then, nil
	}
	if next != nil {
		l.sets = append(l.sets, next)
	}
	l.cur.Store(next)
	l.mu.Unlock()
	if old != nil {
		old.over.Store(true)
		old.drain()
	}
}

func (l *Log) free(s *Set) {
	defer l.live.Done()
	defer l.drained(s)
	for seg := range s.All {
		if seg.refs.Add(-1) > 0 {
			continue
		}
		if err := seg.release(); err != nil {
			l.mu.Lock()
			l.errs = append(l.errs, err)
			l.mu.Unlock()
		}
	}
}

// drained calls what was to be called once s and all sets before it are drained.
func (l *Log) drained(s *Set) {
	l.mu.Lock()
	s.done = true
	n := 0
	for n < len(l.sets) && l.sets[n].done {
		n++
	}
	gone := l.sets[:n:n]
	l.sets = l.sets[n:]
	l.mu.Unlock()
	for _, s := range gone {
		if s.then != nil {
			s.then()
		}
	}
}

// Open reports whether there is a current set.
func (l *Log) Open() bool { return l.cur.Load() != nil }

// Wait waits until every set that was superseded is let go. After Publish(nil)
// nobody uses a segment any more when it returns.
func (l *Log) Wait() { l.live.Wait() }

// TakeErrors returns what closing and removing segments has met since the last
// call.
func (l *Log) TakeErrors() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := errors.Join(l.errs...)
	l.errs = nil
	return err
}

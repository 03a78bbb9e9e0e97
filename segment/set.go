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
	old := l.cur.Swap(next)
	l.mu.Unlock()
	if old != nil {
		old.over.Store(true)
		old.drain()
	}
}

func (l *Log) free(s *Set) {
	defer l.live.Done()
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

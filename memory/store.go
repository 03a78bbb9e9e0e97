package memory

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Store is a [diskcache.Store] in memory. Its methods may be called by any number of
// goroutines at once.
type Store struct {
	ops
	opt  Options
	turn chan struct{} // the writer lock: holds a token while it is free
	done chan struct{} // closed by Close
	once sync.Once

	// Changed with the turn and mu. Items are changed with the locks of their shards as well:
	// each of the three is enough to read them.
	mu     sync.RWMutex
	table  table
	index  indexes
	n      int
	volume int64
	newest uint64 // the last that was inserted

	// Under the writer lock.
	last     uint64 // version
	expiring *slotHeap
	policy   policy

	waiters waiters
	stats   counters
}

type counters struct {
	sets, deletes, setBytes, evicted, evictedBytes, expired, expiredBytes atomic.Int64
}

var _ diskcache.Store = (*Store)(nil)

// New returns an empty store. It panics if an option is out of its range; nil is all defaults.
func New(o *Options) *Store {
	s := &Store{turn: make(chan struct{}, 1), done: make(chan struct{})}
	if o != nil {
		s.opt = *o
	}
	if err := s.opt.check(); err != nil {
		panic(err)
	}
	if s.opt.Now == nil {
		s.opt.Now = time.Now
	}
	s.ops = ops{s}
	s.table.init()
	s.empty()
	s.turn <- struct{}{}
	return s
}

// empty forgets what the heaps and the policy know.
func (s *Store) empty() {
	s.expiring = newExpiring()
	s.policy = newPolicy(&s.opt)
}

// Close ends the use of the store, and what it holds is gone. Later calls return ErrClosed, a
// second Close too.
func (s *Store) Close() error {
	err := diskcache.ErrClosed
	s.once.Do(func() {
		close(s.done)
		err = nil
	})
	return err
}

func (s *Store) closed() error {
	select {
	case <-s.done:
		return diskcache.ErrClosed
	default:
		return nil
	}
}

// lock gets the writer lock, waiting no longer than ctx lets it.
func (s *Store) lock(ctx context.Context) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return fmt.Errorf("%w: another transaction: %w", diskcache.ErrTimeout, ctx.Err())
	case <-s.done:
		return diskcache.ErrClosed
	}
	if err := s.closed(); err != nil {
		s.unlock()
		return err
	}
	return nil
}

func (s *Store) unlock() { s.turn <- struct{}{} }

// wall returns the time in nanoseconds since 1970.
func (s *Store) wall() int64 { return s.opt.Now().UnixNano() }

// nextVersion returns the time, or one more than the last version where that is later. The
// caller has the writer lock.
func (s *Store) nextVersion() uint64 {
	s.last = max(s.last+1, uint64(max(s.wall(), 1)))
	return s.last
}

// alive returns a slot whose item is there.
func (s *Store) alive(x *slot) (*slot, error) {
	switch {
	case x == nil:
		return nil, diskcache.ErrNotFound
	case x.expires != 0 && x.over(s.wall()):
		return nil, diskcache.ErrExpired
	}
	return x, nil
}

// used tells the policy of a read.
func (s *Store) used(x *slot) { s.policy.hit(x) }

// build sees to it that there is an order.
func (s *Store) build(o order) {
	if o == none || s.index.built[o].Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.index.built[o].Load() {
		s.index.build(o, s.table.all)
	}
}

// read implements batches.
func (s *Store) read(needs order, fn func(b *batch) error) error {
	if err := s.closed(); err != nil {
		return err
	}
	s.build(needs)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fn(&batch{s: s, reads: true})
}

// write implements batches.
func (s *Store) write(fn func(b *batch) error) error {
	if err := s.lock(context.Background()); err != nil {
		return err
	}
	defer s.unlock()
	b := batch{s: s}
	if err := fn(&b); err != nil {
		return err
	}
	return s.apply(&b)
}

// attrs implements batches.
func (s *Store) attrs(opts []diskcache.SetOption) (diskcache.Attrs, error) {
	if len(opts) == 0 {
		return diskcache.Attrs{}, nil
	}
	return diskcache.AttrsOf(s.opt.Now, opts...)
}

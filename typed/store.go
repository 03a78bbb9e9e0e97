package typed

import (
	"context"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Store is a view of a diskcache.Store with keys and values of types. Its methods may be called
// by any number of goroutines at once.
type Store[K, V any] struct {
	Ops[K, V]
	s      diskcache.Store
	now    func() time.Time
	random func() float64 // from 0 up to 1
	failed func(key K, err error)

	mu      sync.Mutex
	flights map[string]*flight[V] // loads under way
	closed  bool
	running sync.WaitGroup
}

// Options are for New. The zero value of each field is its default.
type Options[K any] struct {
	// Prefix is put before all keys, so that several typed stores share one. Default: none.
	Prefix string
	// Now is the clock by which values are fresh. It is to be that of the store below.
	// Default: time.Now.
	Now func() time.Time
	// Failed is told of the errors that Fetch does not return: those of loads that nobody waits for,
	// which refresh what is still served, and of values that are damaged, and loaded anew.
	// Default: nobody.
	Failed func(key K, err error)
}

// New returns a typed view of s, which stays the caller's. A nil o is all defaults.
func New[K, V any](s diskcache.Store, values Serializer[V], keys Keys[K], o *Options[K]) *Store[K, V] {
	var own Options[K]
	if o != nil {
		own = *o
	}
	t := &Store[K, V]{
		Ops: Ops[K, V]{s, coding[K, V]{own.Prefix, keys, values}}, s: s,
		now: own.Now, failed: own.Failed, random: rand.Float64, flights: make(map[string]*flight[V]),
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t
}

// In returns the operations of a transaction of the store below.
func (s *Store[K, V]) In(tx diskcache.Txn) *Ops[K, V] { return &Ops[K, V]{tx, s.coding} }

// Transact calls fn within a transaction, as diskcache.Transact does.
func (s *Store[K, V]) Transact(ctx context.Context, fn func(tx *Ops[K, V]) error) error {
	return diskcache.Transact(ctx, s.s, func(tx diskcache.Txn) error { return fn(s.In(tx)) })
}

// Close ends the loads that are under way, whose callers get the error of a context that was
// cancelled, and waits for them: a load has to heed its context. Fetch returns ErrClosed then,
// where it would have to load. The store below is not closed.
func (s *Store[K, V]) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return diskcache.ErrClosed
	}
	s.closed = true
	for _, f := range s.flights {
		f.cancel()
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// Pop removes an item and returns its value. One that cannot be decoded stays.
func (s *Store[K, V]) Pop(key K) (v V, err error) {
	err = s.Transact(context.Background(), func(tx *Ops[K, V]) (err error) {
		if v, err = tx.Get(key); err == nil {
			_, err = tx.Delete(key)
		}
		return err
	})
	return v, err
}

// GetOrSet returns the value of key, or stores one if there is none. loaded reports which.
func (s *Store[K, V]) GetOrSet(key K, value V, opts ...diskcache.SetOption) (actual V, loaded bool, err error) {
	err = s.Transact(context.Background(), func(tx *Ops[K, V]) (err error) {
		if actual, err = tx.Get(key); !isMiss(err) {
			loaded = err == nil
			return err
		}
		actual = value
		return tx.Set(key, value, opts...)
	})
	return actual, loaded, err
}

// All returns the items of a range of keys, in an order of the store below. Prefix, From and
// To of r are of its keys, after Options.Prefix. An item that cannot be decoded yields its
// error, and the walk goes on.
func (s *Store[K, V]) All(r diskcache.Range) iter.Seq2[Item[K, V], error] {
	r.Prefix = s.prefix + r.Prefix
	if r.From != "" {
		r.From = s.prefix + r.From
	}
	if r.To != "" {
		r.To = s.prefix + r.To
	}
	return func(yield func(Item[K, V], error) bool) {
		for it, err := range s.s.ScanItems(r) {
			if isNote(it.Key) {
				continue
			}
			x := Item[K, V]{Meta: it}
			if err == nil {
				x, err = s.item(it)
			}
			if !yield(x, err) {
				return
			}
		}
	}
}

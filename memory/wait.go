package memory

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache"
)

// waiters are those who wait for the items of keys to change.
type waiters struct {
	n    atomic.Int64 // how many wait
	mu   sync.Mutex
	keys map[string]*waiter
}

type waiter struct {
	changed chan struct{}
	n       int
}

// join returns what is closed when a key changes, and leave, which is to be called once.
func (w *waiters) join(key string) (changed <-chan struct{}, leave func()) {
	w.n.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = make(map[string]*waiter)
	}
	x := w.keys[key]
	if x == nil {
		x = &waiter{changed: make(chan struct{})}
		w.keys[key] = x
	}
	x.n++
	return x.changed, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.n.Add(-1)
		if x.n--; x.n == 0 && w.keys[key] == x {
			delete(w.keys, key)
		}
	}
}

// wake wakes those who wait for a key, after it has changed.
func (w *waiters) wake(key string) {
	if w.n.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if x := w.keys[key]; x != nil {
		close(x.changed)
		delete(w.keys, key)
	}
}

func (w *waiters) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, x := range w.keys {
		close(x.changed)
		delete(w.keys, key)
	}
}

// Wait returns when the item of key has another version than the one given.
func (s *Store) Wait(ctx context.Context, key string, version uint64) error {
	for {
		changed, leave := s.waiters.join(key)
		err := s.waitOnce(ctx, key, version, changed)
		leave()
		if err != errAgain {
			return err
		}
	}
}

// waitOnce waits for one change of a key, or for its time to be over; errAgain says that it is
// to be looked at again.
func (s *Store) waitOnce(ctx context.Context, key string, version uint64, changed <-chan struct{}) error {
	is, expires := uint64(0), int64(0)
	err := s.look(key, func(x *slot) { is, expires = x.version, x.expires })
	if err != nil && !isMiss(err) {
		return err
	}
	if is != version {
		return nil
	}
	var over <-chan time.Time
	if expires != 0 {
		timer := time.NewTimer(remaining(expires, s.wall()))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-changed:
	case <-over:
	case <-s.done:
		return diskcache.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return errAgain
}

// remaining returns how long it is until a time. A clock of the options may stand still where
// the timer goes on, so it is never so short that a wait would spin.
func remaining(until, now int64) time.Duration {
	return min(max(time.Duration(until-now), time.Millisecond), math.MaxInt64)
}

var errAgain = errors.New("memory: look again")

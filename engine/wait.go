package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Wait returns when the item of key has another version than the one given: 0 is that there is
// none. An item that expires meanwhile ends the wait, too. It returns the error of ctx when that
// ends, ErrClosed once done is closed, and errors of reading the item.
func (e *Engine) Wait(ctx context.Context, done <-chan struct{}, key string, version uint64) error {
	h := e.opt.Hash(key)
	w := &waiter{wake: make(chan struct{}, 1)}
	e.waiting.join(h, w)
	defer e.waiting.leave(h, w)
	for {
		it, err := e.Item(key)
		if err != nil && !isMiss(err) {
			return err
		}
		if err != nil {
			it = Item{}
		}
		if it.Stored != version {
			return nil
		}
		if err := e.sleepUntil(ctx, done, w, it.Expires); err != nil {
			return err
		}
	}
}

// sleepUntil returns when the waiter is woken, or about when the time at has come.
func (e *Engine) sleepUntil(ctx context.Context, done <-chan struct{}, w *waiter, at time.Time) error {
	var over <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(e.untilNear(at))
		defer t.Stop()
		over = t.C
	}
	select {
	case <-w.wake:
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	case <-done:
		return ErrClosed
	case <-e.life.Done():
		return ErrClosed
	}
	return nil
}

// A clock that is given goes as it likes, and that of the machine may be set: who waits for a
// time looks at it now and then.
const (
	clockLook      = time.Second
	givenClockLook = 10 * time.Millisecond
)

// untilNear returns how long to sleep before the clock is looked at, for a time to come.
func (e *Engine) untilNear(at time.Time) time.Duration {
	most := clockLook
	if e.opt.Now != nil {
		most = givenClockLook
	}
	return max(min(at.Sub(e.clock.now()), most), time.Microsecond)
}

// waits are those who wait for keys to change. Who applies a commit, of this process or of
// another, wakes those of the keys in it. For the commits of others one goroutine follows
// while anybody waits.
type waits struct {
	e     *Engine
	some  atomic.Int64 // how many wait: all that a commit looks at while it is 0
	ended chan struct{}
	looks sync.WaitGroup

	mu      sync.Mutex
	by      map[uint64][]*waiter // by the hash of the key
	looking bool
	closed  bool
}

type waiter struct{ wake chan struct{} }

func (w *waits) init(e *Engine) {
	w.e = e
	w.by = make(map[uint64][]*waiter)
	w.ended = make(chan struct{})
}

func (w *waits) join(hash uint64, one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.by[hash] = append(w.by[hash], one)
	w.some.Add(1)
	if !w.looking && !w.closed && !w.e.dir.whole.Load() {
		w.looking = true
		w.looks.Go(w.follow)
	}
}

func (w *waits) leave(hash uint64, one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.by[hash], func(o *waiter) bool { return o == one })
	if w.by[hash] = left; len(left) == 0 {
		delete(w.by, hash)
	}
	w.some.Add(-1)
}

// any reports whether somebody waits. Who waits looks at its key after it has joined, and so
// sees what was applied before this was asked.
func (w *waits) any() bool { return w.some.Load() != 0 }

// changed wakes those who wait for a key with a hash.
func (w *waits) changed(hash uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wakeAll(w.by[hash])
}

// changedAll wakes all.
func (w *waits) changedAll() {
	if !w.any() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.by {
		wakeAll(list)
	}
}

func wakeAll(list []*waiter) {
	for _, one := range list {
		select {
		case one.wake <- struct{}{}:
		default: // it is about to look in any case
		}
	}
}

// lookWait bounds how long the goroutine that follows sleeps: a process may die between its
// commit and its waking of others.
const lookWait = 50 * time.Millisecond

// follow applies the commits of other processes as they come, until nobody waits any more.
func (w *waits) follow() {
	e := w.e
	for w.goesOn() {
		var seq uint64
		wakes := e.board.page != nil && !e.isLone() // by who commits; nobody else has come yet
		if wakes {
			seq = e.board.seq()
			e.board.w[wordWaits].Store(1)
		}
		err := e.catchUp()
		if err != nil {
			w.changedAll() // each finds out what is wrong
		}
		if wakes && err == nil {
			e.board.page.Wait(wordSeq, seq, lookWait)
			continue
		}
		select {
		case <-time.After(w.pause()):
		case <-w.ended:
		}
	}
}

// pause is how long to wait between two looks where nothing wakes.
func (w *waits) pause() time.Duration {
	if w.e.board.page == nil && w.e.opt.Freshness > 0 {
		return w.e.opt.Freshness
	}
	return lookWait
}

// goesOn reports whether somebody waits; if not, the goroutine is to end.
func (w *waits) goesOn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looking = w.any() && !w.closed
	return w.looking
}

// close ends the goroutine, and waits for it. Those who wait are told by the end of the
// engine's life.
func (w *waits) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	close(w.ended)
	if w.e.board.page != nil {
		w.e.board.page.Wake(wordSeq)
	}
	w.looks.Wait()
}

// tellWaiting wakes those in other processes who wait for commits.
func (b *board) tellWaiting() {
	if b.w[wordWaits].Load() != 0 {
		b.w[wordWaits].Store(0) // who goes on waiting says so again
		b.wake(wordSeq)
	}
}

package recipe

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Lock is held by one at a time: all Locks of a key in a store are the same. It belongs to the
// Hold and not to a goroutine; who holds it and acquires it once more waits for itself.
type Lock struct{ l lease }

// NewLock returns the lock of a key of s, whose value is the lock's alone. lease is how long it stays
// held when its holder dies, from a millisecond to a year; DefaultLease if it is zero or less.
func NewLock(s diskcache.Store, key string, lease time.Duration) *Lock {
	return &Lock{newLease(s, key, lease)}
}

// Acquire waits until nobody holds the lock, or ctx ends; the error matches that of ctx then.
// Its other errors are those of the store, and ErrForeign.
func (l *Lock) Acquire(ctx context.Context) (*Hold, error) { return l.l.acquire(ctx) }

// TryAcquire is Acquire that does not wait for the holder. ErrHeld: somebody else holds the lock.
func (l *Lock) TryAcquire(ctx context.Context) (*Hold, error) { return l.l.tryAcquire(ctx) }

// Held reports whether somebody holds the lock.
func (l *Lock) Held() (bool, error) {
	n, err := l.l.count()
	return n > 0, err
}

// RLock is a Lock that its holder may acquire once more, and holds until it has released it as
// often. The holder is an owner, which is a name: there are no goroutines in it.
type RLock struct{ l lease }

// NewRLock returns the lock of a key of s for an owner. All RLocks of an owner are the same; an
// empty one is an owner of its own, that no other RLock has. For lease see NewLock.
func NewRLock(s diskcache.Store, key, owner string, lease time.Duration) *RLock {
	if owner == "" {
		owner = rand.Text()
	}
	r := &RLock{newLease(s, key, lease)}
	r.l.owner = owner
	return r
}

// Acquire waits until no other owner holds the lock, or ctx ends. Each Hold is to be released, and
// has a lease of its own: what a process held that died ends with it, though its owner, of the same
// name, may live on in another.
func (r *RLock) Acquire(ctx context.Context) (*Hold, error) { return r.l.acquire(ctx) }

// TryAcquire is Acquire that does not wait for the holder. ErrHeld: another owner holds the lock.
func (r *RLock) TryAcquire(ctx context.Context) (*Hold, error) { return r.l.tryAcquire(ctx) }

// Semaphore is held by a number of holders at once at most.
type Semaphore struct{ l lease }

// NewSemaphore returns the semaphore of a key of s for n holders, which all who use it have to
// agree on. For lease see NewLock.
func NewSemaphore(s diskcache.Store, key string, n int, lease time.Duration) *Semaphore {
	p := &Semaphore{newLease(s, key, lease)}
	p.l.limit = n
	return p
}

// Acquire waits until there is room, or ctx ends. diskcache.ErrOption: the semaphore is for fewer
// than one holder.
func (p *Semaphore) Acquire(ctx context.Context) (*Hold, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.l.acquire(ctx)
}

// TryAcquire is Acquire that does not wait for holders. ErrHeld: there is no room.
func (p *Semaphore) TryAcquire(ctx context.Context) (*Hold, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.l.tryAcquire(ctx)
}

// Free returns how many more holders there is room for.
func (p *Semaphore) Free() (int, error) {
	n, err := p.l.count()
	return max(p.l.limit-n, 0), err
}

func (p *Semaphore) check() error {
	if p.l.limit < 1 {
		return fmt.Errorf("%w: a semaphore for %d holders", diskcache.ErrOption, p.l.limit)
	}
	return nil
}

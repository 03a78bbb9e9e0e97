package recipe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache"
)

// DefaultLease is the length of a lease where none is given: how long what a dead process held
// stays held.
const DefaultLease = 10 * time.Second

const (
	shortestLease = time.Millisecond
	longestLease  = 365 * 24 * time.Hour
)

// lease is what Lock, RLock and Semaphore are: a key that a number of holders may hold at once,
// each for as long as it renews its lease.
type lease struct {
	store  diskcache.Store
	key    string
	limit  int
	owner  string // may enter as often as it likes; empty: every holder is an owner of its own
	length time.Duration
}

func newLease(s diskcache.Store, key string, length time.Duration) lease {
	if length <= 0 {
		length = DefaultLease
	}
	return lease{store: s, key: key, limit: 1, length: min(max(length, shortestLease), longestLease)}
}

// held is the state of a key that cannot be entered now.
type held struct {
	version uint64
	until   time.Time // when the first of the leases is over
}

// acquire waits until it can enter, or ctx ends.
func (l *lease) acquire(ctx context.Context) (*Hold, error) {
	for {
		h, by, err := l.try(ctx)
		if err == nil && h == nil {
			err = l.wait(ctx, by)
		}
		if err != nil {
			return nil, l.explain(ctx, err)
		}
		if h != nil {
			return h, nil
		}
	}
}

// tryAcquire is acquire that returns ErrHeld in place of waiting for a holder.
func (l *lease) tryAcquire(ctx context.Context) (*Hold, error) {
	h, _, err := l.try(ctx)
	if err == nil && h == nil {
		err = ErrHeld
	}
	if err != nil {
		return nil, l.explain(ctx, err)
	}
	return h, nil
}

// explain says which key an error is of. It matches the error of ctx if that has ended.
func (l *lease) explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("recipe: %q: %w: %w", l.key, cause, err)
	}
	return fmt.Errorf("recipe: %q: %w", l.key, err)
}

// wait returns when the key has changed, or a lease of it is over.
func (l *lease) wait(ctx context.Context, by held) error {
	over, cancel := context.WithDeadline(ctx, by.until)
	defer cancel()
	err := l.store.Wait(over, l.key, by.version)
	if over.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// try enters, or tells by whom the key is held. It looks before it takes the lock of the
// store, which those who only find that they have to wait leave to others.
func (l *lease) try(ctx context.Context) (*Hold, held, error) {
	if err := ctx.Err(); err != nil {
		return nil, held{}, err
	}
	if by, free, err := l.look(); err != nil || !free {
		return nil, by, err
	}
	in, by, err := l.enter(ctx)
	if err != nil || in.id == "" {
		return nil, by, err
	}
	hs, version, err := readHolders(l.store, l.key, time.Now())
	if err != nil {
		return nil, held{}, errors.Join(err, l.leave(ctx, in.id))
	}
	if hs.find(in.id) < 0 { // it took so long that the lease is over, and the version may be of the next holder
		return nil, held{}, nil
	}
	return newHold(ctx, l, in.id, version, in.until), held{}, nil
}

// look reports whether the key seems to be free, or who holds it.
func (l *lease) look() (by held, free bool, err error) {
	hs, version, err := readHolders(l.store, l.key, time.Now())
	if err != nil || hs.room(l.limit, l.owner) {
		return held{}, true, err
	}
	return held{version, hs.first()}, false, nil
}

// entry is what one who has entered has: an id, until its lease is over.
type entry struct {
	id    string
	until time.Time
}

// enter adds a holder, or tells who is there; the id is empty then.
func (l *lease) enter(ctx context.Context) (in entry, by held, err error) {
	err = diskcache.Transact(ctx, l.store, func(tx diskcache.Txn) error {
		now := time.Now() // after the waiting for other writers, which takes nothing from the lease
		hs, version, err := readHolders(tx, l.key, now)
		if err != nil {
			return err
		}
		if !hs.room(l.limit, l.owner) {
			by = held{version, hs.first()}
			return nil
		}
		in = entry{rand.Text(), now.Add(l.length)}
		return append(hs, holder{Owner: l.owner, ID: in.id, Until: in.until}).write(tx, l.key, now)
	})
	if err != nil {
		return entry{}, held{}, err
	}
	return in, by, nil
}

// renew lengthens the lease of a holder, and returns when it is over. ErrLost: it has none any more.
func (l *lease) renew(ctx context.Context, id string) (until time.Time, err error) {
	err = l.change(ctx, func(hs holders, now time.Time) (holders, bool) {
		until = now.Add(l.length)
		return hs.renew(id, until)
	})
	return until, err
}

// leave removes a holder. ErrLost: it is not there any more.
func (l *lease) leave(ctx context.Context, id string) error {
	return l.change(ctx, func(hs holders, _ time.Time) (holders, bool) { return hs.leave(id) })
}

// change stores what fn makes of the holders. fn reports whether the one that it is about is there.
func (l *lease) change(ctx context.Context, fn func(hs holders, now time.Time) (holders, bool)) error {
	return diskcache.Transact(ctx, l.store, func(tx diskcache.Txn) error {
		now := time.Now()
		hs, _, err := readHolders(tx, l.key, now)
		if err != nil {
			return err
		}
		hs, found := fn(hs, now)
		if !found {
			return ErrLost
		}
		return hs.write(tx, l.key, now)
	})
}

// count returns how many holders there are.
func (l *lease) count() (int, error) {
	hs, _, err := readHolders(l.store, l.key, time.Now())
	return len(hs), err
}

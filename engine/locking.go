package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/lease"
	"github.com/go-diskcache/diskcache/vfs"
)

// Processes that are kept apart by different means (Options.Locking) do not see one another. So the
// state file says by which the directory is used, and who comes with another one looks, by those
// means, whether anybody has it. Only then: that a disk's locks do not work may show by a call
// that never returns. Two that come at the same moment may both find nobody; the file knows only
// one of them then, and the other notices at its next look.

func (l Locking) String() string {
	return [...]string{"LockingFcntl", "LockingLeasefile", "LockingNone"}[l]
}

// sameLocking returns a *LockedError if other processes have the directory by another Locking.
func (e *Engine) sameLocking(ctx context.Context) error {
	if e.board.file != nil {
		if err := e.board.file.make(); err != nil {
			return err
		}
	}
	f, err := e.fsys.OpenWrite(codec.StateName)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotRegular) {
		return nil
	}
	if err != nil {
		return err
	}
	err = e.agreeOnLocking(ctx, f)
	return errors.Join(err, f.Close())
}

func (e *Engine) agreeOnLocking(ctx context.Context, f vfs.File) error {
	b, n, err := readStates(f)
	if err != nil {
		return err
	}
	s, _, err := latestState(b[:n])
	switch {
	case errors.Is(err, errNoState): // what is there are words in memory
		return e.unlessUsed(ctx, LockingFcntl, n > 0)
	case err != nil:
		return err
	}
	any := false
	for _, slots := range s.Words[wordSlots : wordSlots+(mostSlots+63)/64] {
		any = any || slots != 0
	}
	err = e.unlessUsed(ctx, min(Locking(s.Words[wordLocking]), LockingNone), any)
	if err == nil && e.board.page != nil {
		err = wipeStates(f)
	}
	return err
}

// wipeStates leaves no state in a file under memory that is going to be shared, which does not
// reach to the second.
func wipeStates(f vfs.File) error {
	for _, at := range []int64{0, codec.StateStride} {
		if _, err := f.WriteAt(make([]byte, codec.StateLen(0)), at); err != nil {
			return err
		}
	}
	return nil
}

// unlessUsed is an error if processes have the directory by a Locking that is not this one's. any
// says whether some may.
func (e *Engine) unlessUsed(ctx context.Context, used Locking, any bool) error {
	switch {
	case !any || used == e.opt.Locking:
		return nil
	case used == LockingNone: // whether who promised lives is seen by nobody
		return e.otherLocking(used, "")
	}
	locks, err := used.over(e.disk).Locks(codec.LockName)
	if errors.Is(err, vfs.ErrNoLocks) {
		return nil // so nobody has any
	}
	if err != nil {
		return err
	}
	err = e.awaitNobody(ctx, used, locks)
	return errors.Join(err, locks.Close())
}

// awaitNobody waits until nobody has a slot any more by another Locking. Of a lease it shows late
// that its holder has died; it does not wait for who lives.
func (e *Engine) awaitNobody(ctx context.Context, used Locking, locks vfs.Locks) error {
	if used == LockingLeasefile {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lease.Wait+2*lease.Beat)
		defer cancel()
	}
	for {
		i, taken, err := locks.Taken(lockSlots, lockFar+mostSlots)
		if err != nil || !taken {
			return err
		}
		if used != LockingLeasefile || sleep(ctx, lease.Beat/4) != nil {
			return e.otherLocking(used, locks.Text((i-lockSlots)%(lockFar-lockSlots)))
		}
	}
}

func (e *Engine) otherLocking(used Locking, who string) error {
	return fmt.Errorf("%w: the directory is used with %v, not %v: %w", ErrOption, used, e.opt.Locking, &vfs.LockedError{Name: codec.LockName, Holder: who})
}

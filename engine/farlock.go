package engine

import (
	"context"
	"errors"
	"time"
)

// The writer lock on network disks. Nothing can be shared to wait on, and no holder is told
// that it is wanted: who wants it tries again and again. So there are two locks. Who is to be
// next holds the one and tries for the other, which the holder gives up when it finds the
// first one taken; those behind try for the first.

const (
	// farTick is how long it is kept without a commit, about: to take it and to give it up
	// each take as long as some commits do.
	farTick = 5 * time.Millisecond

	// farSlice is how long it is kept when another process wants it.
	farSlice = 50 * time.Millisecond

	// nextPoll bounds the pauses of the one who is next.
	nextPoll = 8 * time.Millisecond
)

// waitFar waits for the lock, in two steps.
func (l *dirLock) waitFar(ctx context.Context) error {
	if l.yields {
		l.yields = false
		if err := l.pause(ctx, mostPoll); err != nil { // those who wait have their turn first
			return err
		}
	}
	if err := l.poll(ctx, lockNext, mostPoll); err != nil {
		return err
	}
	err := l.poll(ctx, lockWriter, nextPoll)
	if uerr := l.e.board.file.fails(l.e.locks.Unlock(lockNext)); uerr != nil && err == nil {
		err = errors.Join(uerr, l.e.locks.Unlock(lockWriter))
	}
	return err
}

// poll tries for a lock until it has it, after pauses that grow.
func (l *dirLock) poll(ctx context.Context, i int, most time.Duration) error {
	for pause := leastPoll; ; pause = min(2*pause, most) {
		ok, err := l.e.locks.TryLock(i)
		if ok || err != nil {
			return l.e.board.file.fails(err)
		}
		if err := l.pause(ctx, pause); err != nil {
			return err
		}
	}
}

// pause waits until another try is due.
func (l *dirLock) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-l.gone:
		return ErrClosed
	case <-ctx.Done():
		return l.timeout(ctx)
	}
}

// wantedFar reports whether another process waits, once it was held for a slice of time.
func (l *dirLock) wantedFar() bool {
	if time.Since(l.since) < farSlice {
		return false
	}
	_, wanted, err := l.e.locks.Taken(lockNext, lockNext+1)
	if l.e.board.file.fails(err) == nil && !wanted {
		l.since = time.Now()
	}
	l.yields = wanted
	return wanted
}

// giveFar gives the lock up once all that was committed is published.
func (l *dirLock) giveFar() {
	e, file := l.e, l.e.board.file
	ctx, cancel := context.WithTimeout(context.Background(), e.opt.LockTimeout)
	defer cancel()
	err := file.release(ctx)
	if err == nil {
		err = file.fails(e.locks.Unlock(lockWriter))
	}
	if err != nil { // what is not published stands in the log, and is adopted
		e.opt.Log.Warn("give up the writer lock", "err", err)
	}
}

// drop forgets the lock, which this process does not have any more, or cannot know to have.
func (l *dirLock) drop() {
	l.held = false
	l.sure.Store(false)
}

// publishFar publishes what was committed some time ago, and finds out whether the lock is
// lost, while it is kept.
func (l *dirLock) publishFar() {
	if file := l.e.board.file; file != nil {
		if err := file.publishDue(); err != nil {
			l.e.opt.Log.Warn("publish", "err", err)
		}
	}
}

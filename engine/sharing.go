package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// Sharing a directory: each process that has it open holds the lock of a slot. Who finds
// that nobody else does is the first, makes the board anew from the files, and may take
// whatever else it finds for left behind. Coming and going are under the open lock, so that
// each knows whether it is alone.

// attach makes this process one of those that have the directory open. It reports whether
// it is the first; then it holds the writer lock.
func (e *Engine) attach(ctx context.Context) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.opt.LockTimeout)
	defer cancel()
	if e.locks, err = e.fsys.Locks(codec.LockName); err != nil {
		return false, lockError(err)
	}
	first, err = e.attachTo(ctx)
	if err != nil {
		return false, errors.Join(lockError(err), e.locks.Close())
	}
	return first, nil
}

func (e *Engine) attachTo(ctx context.Context) (first bool, err error) {
	b := &e.board
	page, err := e.fsys.Page(codec.StateName, boardWords*8)
	switch {
	case err == nil:
		b.page, b.w = page, page.Words()
	case errors.Is(err, errors.ErrUnsupported):
		e.locks = &relocks{fsys: e.fsys, now: e.locks}
		b.file = newMirror(e)
		e.opt.Sync = SyncAlways // what is acknowledged others may adopt, from the server
	default:
		return false, err
	}
	if err = e.takeSlot(ctx); err != nil {
		return false, errors.Join(err, b.close())
	}
	if first, err = e.awaitBoard(ctx); err == nil && !first {
		err = e.agree()
	}
	if err == nil && b.file != nil {
		err = e.makeValuesDir()
	}
	if err != nil {
		return false, errors.Join(err, e.detach(), b.close())
	}
	e.dir.held = first
	if n := b.w[wordAttaches].Add(1); first { // nobody can come before the board is ready
		e.lone.Store(n)
	}
	return first, nil
}

// detach states that this process has the directory no more.
func (e *Engine) detach() error {
	b := &e.board
	if b.file != nil {
		return b.file.leave(e.heir.Load())
	}
	if b.page != nil {
		b.attach(b.me(), e.heir.Load())
	}
	return nil
}

// untaken returns a *LockedError if another process has one of the slots that begin at a lock.
func (e *Engine) untaken(slots int) error {
	i, taken, err := e.locks.Taken(slots, slots+mostSlots)
	if err != nil || !taken {
		return err
	}
	return e.lockedBy(i - slots)
}

// lockedBy says who has the directory in another way than this process is to have it: one
// shares memory, the other a file, and neither would see the other.
func (e *Engine) lockedBy(slot int) error {
	return &vfs.LockedError{Name: codec.LockName, Holder: e.locks.Text(slot)}
}

// takeSlot takes a slot. Where nobody else has one what the board says is of the past.
func (e *Engine) takeSlot(ctx context.Context) (err error) {
	if err := e.lockOpen(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.locks.Unlock(lockOpen)) }()
	b := &e.board
	// What the board is, before this process has a slot, is not known: it changes nothing there.
	if err := e.untaken(lockFar + lockSlots - b.slotLock(0)); err != nil {
		return err
	}
	if err := e.sameLocking(ctx); err != nil {
		return err
	}
	slot := 0
	for ; ; slot++ {
		if slot == mostSlots {
			return fmt.Errorf("%w: %d processes have the directory open", ErrFull, mostSlots)
		}
		ok, err := e.locks.TryLock(b.slotLock(slot))
		if err != nil {
			return err
		}
		if ok {
			break
		}
	}
	b.slot.Store(int32(slot))
	before := e.lockLen()
	e.locks.SetText(slot, e.opt.Holder)
	e.textGrew = e.lockLen() - before
	alone, err := e.alone()
	switch {
	case err != nil:
		return err
	case b.file != nil:
		return b.file.join(ctx, e, alone)
	case alone:
		b.clear() // before anybody else comes
	}
	e.comeIn()
	return nil
}

// comeIn states that this process has its slot.
func (e *Engine) comeIn() {
	e.heir.Store(e.board.attached(e.board.me()))
	e.board.attach(e.board.me(), true)
}

// alone reports whether no other process has the directory open. It is certain, and stays
// so, while the open lock is held.
func (e *Engine) alone() (bool, error) {
	_, others, err := e.locks.Taken(e.board.slotLock(0), e.board.slotLock(mostSlots))
	return !others && err == nil, err
}

// lockOpen takes the open lock. It is held for moments only, but for the Close of the last
// process.
func (e *Engine) lockOpen(ctx context.Context) error {
	for {
		ok, err := e.locks.TryLock(lockOpen)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s is being opened or closed by another process (%w)", ErrTimeout, codec.LockName, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// awaitBoard waits until the board is made, or has it made by this process, which holds the
// writer lock then: nobody commits before.
func (e *Engine) awaitBoard(ctx context.Context) (first bool, err error) {
	b := &e.board
	for {
		before := b.w[wordReady].Load()
		if b.ready() {
			return false, nil
		}
		ok, err := e.locks.TryLock(lockWriter)
		if ok && b.file != nil {
			err = b.file.look()
		}
		switch {
		case err != nil:
			return false, err
		case ok && !b.ready():
			return true, nil
		case ok: // this moment
			if err := e.locks.Unlock(lockWriter); err != nil {
				return false, err
			}
			continue
		}
		if err := b.wait(wordReady, before, lockWait); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, fmt.Errorf("%w: the process that opens %s first is not done (%w)", ErrTimeout, codec.LockName, ctx.Err())
		}
	}
}

// present states on the board what recovery has found, for others to begin with.
func (e *Engine) present() error {
	b := &e.board
	b.setID(e.id)
	b.w[wordSeq].Store(e.w.seq)
	e.followed.Store(e.w.seq)
	if e.dir.whole.Load() {
		return nil
	}
	now := e.opt.with(&e.settings().Settings) // which may be others than it was opened with
	now.Policy = e.opt.Policy
	for i, v := range now.agreed(e.layout.MaxFile()) {
		b.w[wordOptions+i].Store(uint64(v))
	}
	e.sayMore()
	e.knowsSettings.Store(b.w[wordSettings].Load())
	b.w[wordDisk].Store(uint64(e.stats.disk.Load()))
	b.w[wordHints].Store(uint64(e.reserve.hints.Load()))
	e.stats.disk.share(&b.w[wordDisk])
	e.reserve.hints.share(&b.w[wordHints])
	if b.file != nil {
		b.w[wordReady].Store(readyMark)
		return b.file.exchange(e.life, b.take)
	}
	b.take()
	b.w[wordReady].Store(readyMark)
	b.wake(wordReady)
	return nil
}

// The options that are the same for all processes, in the order of the board's words. SegmentSize and
// Hash, and what the layout of the index follows from, have to be as they are; the others may change,
// but for Policy, which is for those who come when nobody else is there.
var agreedNames = [...]string{"SizeLimit", "CountLimit", "MinFreeSpace", "Policy", "SegmentSize", "FileThreshold", "Hash", "layout"}

const (
	agreedSegmentSize = 4
	agreedHash        = 6
	agreedLayout      = 7
)

// agreed returns these of o, after defaults.
func (o *Options) agreed(maxFile int64) [len(agreedNames)]int64 {
	return [...]int64{
		o.SizeLimit, o.CountLimit, o.MinFreeSpace, int64(o.Policy), o.SegmentSize, o.FileThreshold,
		int64(o.Hash("diskcache") & math.MaxInt64), maxFile,
	}
}

// options returns those that the directory is opened with.
func (b *board) options() (has [len(agreedNames)]int64) {
	for i := range has {
		has[i] = int64(b.w[wordOptions+i].Load())
	}
	return has
}

// differs refuses options of this process, of those that are set, that are not the others'.
func differs(mine, has [len(agreedNames)]int64, set [len(agreedNames)]bool) error {
	for i := range has {
		switch {
		case !set[i] || mine[i] == has[i]:
		case i == agreedHash:
			return fmt.Errorf("%w: another process has the directory open with another Hash", ErrOption)
		default:
			return fmt.Errorf("%w: %s is %d, another process has the directory open with %d", ErrOption, agreedNames[i], mine[i], has[i])
		}
	}
	return nil
}

// agree takes over what the directory is opened with. Options that were given, and differ from
// what cannot be changed, are refused.
func (e *Engine) agree() error {
	has, given, o := e.board.options(), &e.given, &e.opt
	set := [len(agreedNames)]bool{
		agreedSegmentSize: given.SegmentSize != 0, agreedHash: true,
	}
	if err := differs(o.agreed(has[agreedLayout]), has, set); err != nil {
		return err
	}
	o.SizeLimit, o.CountLimit, o.MinFreeSpace = has[0], has[1], has[2] // and the rest of what may change is taken with these
	o.Policy = Policy(has[3])
	o.SegmentSize, o.FileThreshold = has[agreedSegmentSize], has[5]
	e.id = e.board.id()
	e.maxFile = has[agreedLayout]
	e.stats.disk.share(&e.board.w[wordDisk])
	e.reserve.hints.share(&e.board.w[wordHints])
	e.stats.disk.Add(e.textGrew)
	return nil
}

// disagrees is an error if the directory is opened with anything that this process, which has had it
// open, does not have so.
func (e *Engine) disagrees() error {
	all := [len(agreedNames)]bool{agreedSegmentSize: true, agreedHash: true, agreedLayout: true}
	e.knowsSettings.Store(0) // it is another board, maybe
	return differs(e.opt.agreed(e.layout.MaxFile()), e.board.options(), all)
}

// lockLen returns how long the lock file is, 0 if that cannot be told.
func (e *Engine) lockLen() int64 {
	info, err := e.fsys.Stat(codec.LockName)
	if err != nil {
		return 0
	}
	return info.Size
}

// isLast reports whether no other process has the directory open. Then none comes, and this
// one holds the writer lock, until depart.
func (e *Engine) isLast() (bool, error) {
	if e.dir.whole.Load() {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.opt.LockTimeout)
	defer cancel()
	if err := e.lockOpen(ctx); err != nil {
		return false, err
	}
	alone, err := e.alone()
	if err == nil && alone {
		if err = e.enter(ctx); err == nil {
			err = e.inheritLocked() // for Close to seal
			e.dir.whole.Store(true)
			e.w.mu.Unlock()
			return true, err
		}
	}
	return false, errors.Join(err, e.locks.Unlock(lockOpen))
}

// depart ends the use of the directory by this process.
func (e *Engine) depart() error {
	e.dir.end()
	e.stats.disk.unshare()
	e.reserve.hints.unshare()
	return errors.Join(e.detach(), e.locks.Close(), e.board.close())
}

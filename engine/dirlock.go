package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/codec"
)

// The locks of the lock file, by number. 3 is not used: builds before the first release took it
// for themselves alone.
const (
	lockWriter = 0   // of the process that commits
	lockOpen   = 1   // held while a process comes or goes
	lockKeeper = 2   // of the process that takes space back in the background
	lockState  = 4   // held while the state file is written
	lockNext   = 5   // of the process that is to have the writer lock next, on network disks
	lockSlots  = 8   // one for each process, as long as it has the directory open
	lockFar    = 256 // the same, of processes that share it by the state file
	mostSlots  = 240
)

// dirLock is the writer lock of the directory: only the process that has it commits. It is
// kept from one commit to the next, so that a process which is alone pays nothing for it,
// and given up once nothing was committed for a tick, or when another process wants it.
type dirLock struct {
	e    *Engine
	held bool          // guarded by the writer lock of the process
	sure atomic.Bool   // the same, for who reads
	turn chan struct{} // of who takes it for this process; holds one value while nobody does

	updating atomic.Bool // a transaction is under way

	since time.Time // when it was taken
	uses  uint64    // raised by each commit
	seen  uint64    // uses at the last tick
	ticks *time.Timer
	gone  chan struct{} // closed when the process has given the directory up
	whole atomic.Bool   // it is held until Close, and nobody else can come

	yields  bool   // it was given up for another, who is to have it first
	yielded uint64 // wordTaken then
}

const (
	// keepTick is how long it is kept without a commit, about.
	keepTick = time.Millisecond

	// keepSlice is how long it is kept when another process wants it: to hand it on
	// takes as long as some commits do.
	keepSlice = 300 * time.Microsecond

	// aheadWait is how long who waits for it lets commits of its holder come together.
	aheadWait = 50 * time.Microsecond

	// lockWait bounds how long who waits for it sleeps: its holder may have died, and
	// wakes nobody then.
	lockWait = 5 * time.Millisecond
)

func (l *dirLock) init(e *Engine) {
	l.e = e
	l.turn = make(chan struct{}, 1)
	l.turn <- struct{}{}
	l.gone = make(chan struct{})
	l.ticks = time.AfterFunc(time.Hour, l.tick)
	l.ticks.Stop()
}

// enter takes the writer lock, that of this process and that of the directory: what other
// processes have committed is applied, and no other commit comes until leave. ctx, or
// Options.LockTimeout, bounds how long it waits for other processes.
func (e *Engine) enter(ctx context.Context) error {
	if e.forked() {
		return ErrForked // with copies of locks that its parent has
	}
	if err := e.readsOnly(); err != nil {
		return err
	}
	e.w.mu.Lock()
	for !e.dir.holds() {
		e.w.mu.Unlock()
		if err := e.dir.take(ctx); err != nil {
			return err
		}
		e.w.mu.Lock()
	}
	e.dir.uses++
	return nil
}

// tryEnter is enter that takes the lock only if that needs no waiting.
func (e *Engine) tryEnter() bool {
	if e.forked() || !e.w.mu.TryLock() {
		return false
	}
	if !e.dir.holds() {
		e.w.mu.Unlock()
		return false
	}
	e.dir.uses++
	return true
}

// holds reports whether this process has the lock, as far as is known. The caller holds the
// writer lock of the process.
func (l *dirLock) holds() bool {
	if l.held && !l.whole.Load() && l.e.board.isLost() {
		l.drop()
	}
	return l.held
}

// leave gives the writer lock of the process free, and that of the directory where another
// process wants it, and it was held for a while.
func (e *Engine) leave() {
	l := &e.dir
	switch {
	case l.whole.Load():
	case e.board.isLost():
		l.drop()
	case l.wanted():
		l.give()
	}
	e.w.mu.Unlock()
}

// wanted reports whether another process wants the lock, which was held for a while.
func (l *dirLock) wanted() bool {
	if l.e.board.file != nil {
		return l.wantedFar()
	}
	return l.e.board.w[wordWant].Load() != 0 && time.Since(l.since) >= keepSlice
}

// take takes the lock of the directory, and applies what has been committed since this
// process had it.
func (l *dirLock) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.e.opt.LockTimeout)
	defer cancel()
	if err := l.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { l.turn <- struct{}{} }()
	l.e.w.mu.Lock()
	held := l.holds()
	l.e.w.mu.Unlock()
	if held { // another goroutine has taken it meanwhile
		return nil
	}
	for try := 1; ; try++ {
		err := l.takeOnce(ctx)
		if err == nil || !l.e.board.isLost() || try == maxReattach {
			return err
		}
	}
}

// maxReattach bounds how often a process attaches anew for one use of the lock.
const maxReattach = 3

func (l *dirLock) takeOnce(ctx context.Context) error {
	if l.e.board.isLost() {
		if err := l.e.reattach(ctx); err != nil {
			return err
		}
	}
	if err := l.wait(ctx); err != nil {
		return err
	}
	l.e.w.mu.Lock()
	defer l.e.w.mu.Unlock()
	if err := l.begin(ctx); err != nil {
		return errors.Join(err, l.e.locks.Unlock(lockWriter))
	}
	return nil
}

// takeTurn waits for the turn of the process. It is taken if it is there, whatever ctx says:
// what Close does needs no waiting, as a rule.
func (l *dirLock) takeTurn(ctx context.Context) error {
	select {
	case <-l.turn:
		return nil
	default:
	}
	select {
	case <-l.turn:
		return nil
	case <-l.gone: // and its turn with it
		return ErrClosed
	case <-ctx.Done():
		return l.timeout(ctx)
	}
}

// wait waits for the kernel's lock.
func (l *dirLock) wait(ctx context.Context) error {
	b, locks := &l.e.board, l.e.locks
	if b.file != nil {
		return l.waitFar(ctx)
	}
	if l.yields {
		l.yields = false
		b.page.Wait(wordTaken, l.yielded, keepTick) // or who has it on a processor would always be first
	}
	for pause := aheadWait; ; {
		given := b.w[wordGiven].Load()
		ok, err := locks.TryLock(lockWriter)
		if ok || err != nil {
			return err
		}
		b.w[wordWant].Store(1)
		b.page.Wait(wordGiven, given, pause)
		if ctx.Err() != nil {
			return l.timeout(ctx)
		}
		if l.departed() {
			return ErrClosed
		}
		if pause, err = l.ahead(); err != nil {
			return err
		}
	}
}

// ahead applies what the holder has committed so far, so that little is left to do once the
// lock is there, and returns how long to wait for more.
func (l *dirLock) ahead() (time.Duration, error) {
	if !l.e.hasNews() {
		return lockWait, nil
	}
	err := l.e.followSome(fewRecords)
	if errors.Is(err, errBehind) {
		err = nil // it will be known better with the lock
	}
	return aheadWait, err
}

// fewRecords bounds what is applied at once while the lock is waited for: whoever gives it up
// waits a little for the next one to take it.
const fewRecords = 128

// departed reports whether the process has given the directory up, or is about to: then
// nothing of the board may be touched without its lock.
func (l *dirLock) departed() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// end gives the lock up for good. It waits for who waits for it.
func (l *dirLock) end() {
	close(l.gone)
	<-l.turn
	l.ticks.Stop()
	l.e.w.mu.Lock()
	defer l.e.w.mu.Unlock()
	if l.held && !l.whole.Load() {
		l.give()
	}
}

// timeout says for whom was waited in vain.
func (l *dirLock) timeout(ctx context.Context) error {
	if context.Cause(ctx) == ErrClosed {
		return ErrClosed
	}
	who := "another goroutine of this process"
	if b := &l.e.board; b.w != nil {
		if b.file != nil {
			_ = b.file.look() // it is of who is in the way, and may be old
		}
		if slot := int(b.w[wordHolder].Load()) - 1; slot >= 0 && slot != b.me() {
			who = cmp.Or(l.e.locks.Text(slot), "another process")
		}
	}
	return fmt.Errorf("%w: %s has %s (%w)", ErrTimeout, who, codec.LockName, context.Cause(ctx))
}

// begin begins to hold the lock. The caller holds the writer lock of the process.
func (l *dirLock) begin(ctx context.Context) error {
	e, b := l.e, &l.e.board
	if b.file != nil {
		if err := b.file.exchange(ctx, b.take); err != nil {
			return err
		}
	} else {
		b.w[wordWant].Store(0) // who still wants it says so again
		b.take()
		b.wake(wordTaken)
	}
	if err := l.catchUp(); err != nil {
		b.w[wordHolder].Store(0)
		if b.file != nil {
			err = errors.Join(err, b.file.release(ctx))
		}
		return err
	}
	e.dir.start()
	return nil
}

// catchUp applies what was committed since this process had the lock, and publishes what
// others have left unpublished.
func (l *dirLock) catchUp() error {
	e, b := l.e, &l.e.board
	if b.w[wordDied].Load() != 0 {
		e.doubtSettings()
		if err := e.adopt(); err != nil {
			return err
		}
		if err := b.publish(); err != nil { // before anything else is committed
			return err
		}
	}
	if err := e.settleSettings(); err != nil {
		return err
	}
	return e.follow()
}

// give gives the lock up. The caller holds the writer lock of the process.
func (l *dirLock) give() {
	b := &l.e.board
	l.held = false
	l.sure.Store(false)
	if b.file != nil {
		l.giveFar()
		return
	}
	b.w[wordHolder].Store(0)
	wanted := b.w[wordWant].Load() != 0
	err := l.e.locks.Unlock(lockWriter)
	b.w[wordGiven].Add(1)
	if wanted {
		l.yields, l.yielded = true, b.w[wordTaken].Load()
		b.page.Wake(wordGiven)
	}
	l.e.faults.add("give up the writer lock", err)
}

// tick gives the lock up when it was not used for a while. What is committed often keeps
// it, and looks at who wants it after each commit.
func (l *dirLock) tick() {
	if !l.e.w.mu.TryLock() {
		l.publishFar()
		l.ticks.Reset(l.tickTime())
		return
	}
	defer l.e.w.mu.Unlock()
	switch {
	case !l.held || l.whole.Load():
	case l.e.board.isLost():
		l.drop()
	case l.uses == l.seen || l.wanted():
		l.give()
	default:
		l.seen = l.uses
		l.publishFar()
		l.ticks.Reset(l.tickTime())
	}
}

// tickTime is how long the lock is kept without a commit, about.
func (l *dirLock) tickTime() time.Duration {
	if l.e.board.file != nil {
		return farTick
	}
	return keepTick
}

// opened begins to give the lock up, which the process has held since it found itself the
// first.
func (l *dirLock) opened() {
	l.e.w.mu.Lock()
	defer l.e.w.mu.Unlock()
	if !l.whole.Load() {
		l.start()
	}
}

// start begins the time that the lock is held.
func (l *dirLock) start() {
	l.held, l.since, l.seen = true, time.Now(), l.uses
	l.sure.Store(true)
	l.ticks.Reset(l.tickTime())
}

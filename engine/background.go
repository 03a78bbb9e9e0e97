package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// background is the one goroutine beside the callers': it seals what was
// rotated away and what earlier processes left, syncs where that is due, and
// loads the rest of a snapshot. Close waits for it.
type background struct {
	e    *Engine
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	mu       sync.Mutex
	rotated  []*segment.Writer // to be sealed, oldest first
	orphans  []*orphan         // found at Open without a hint
	sync     bool              // a sync was asked for
	snapshot *keydir.Index     // of which what has not been used yet is to be loaded
	recount  bool              // files are to be counted anew
	sweep    bool              // value files that nothing names may be removed

	pending    atomic.Int32 // of rotated, those whose files are still open
	maxPending int32        // how many these may be before who writes has to help

	snapshotFile vfs.File // kept open until the index has loaded all of it
	snapshotSeq  uint64
	// snapshotHorizon is the horizon that the snapshot states.
	snapshotHorizon *horizon

	current *segment.Writer // that is being sealed; guarded by mu
	sealing sealing

	sweeping sync.Mutex // held while value files that nothing names are removed
}

func (b *background) start(e *Engine, r *recovery) {
	b.e = e
	b.wake = make(chan struct{}, 1)
	b.quit = make(chan struct{})
	b.done = make(chan struct{})
	b.sealing.init()
	b.orphans = r.orphans
	b.snapshot = e.index.Load()
	b.sweep = r.sound
	b.maxPending = int32(min(max(e.opt.MaxOpenFiles/4, 2), maxPending))
	go b.run()
	b.poke()
}

func (b *background) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// seal hands over a writer that nothing is appended to any more.
func (b *background) seal(w *segment.Writer) {
	b.mu.Lock()
	b.rotated = append(b.rotated, w)
	b.mu.Unlock()
	b.pending.Add(1)
	b.poke()
}

// Sealing begins when half of maxPending segments wait, or sealDelay after one was
// filled: the system writes much of it back by itself meanwhile, and who writes fast
// is not held up by syncs that nobody asked for.
const (
	maxPending = 32
	sealDelay  = time.Second
)

// help seals what waits where the background does not keep up. The caller must
// not hold the writer lock.
func (b *background) help() {
	if b.pending.Load() > b.maxPending {
		b.e.faults.add("seal", b.e.sealWaiting(false))
	}
}

// wantSync asks for a sync soon.
func (b *background) wantSync() {
	b.mu.Lock()
	b.sync = true
	b.mu.Unlock()
	b.poke()
}

// stop ends the goroutine and waits for it. What it had still to do is done by
// Close itself.
func (b *background) stop() {
	close(b.quit)
	<-b.done
}

func (b *background) run() {
	defer close(b.done)
	var tick <-chan time.Time
	if b.e.opt.Sync == SyncInterval {
		t := time.NewTicker(b.e.opt.SyncInterval)
		defer t.Stop()
		tick = t.C
	}
	delay := time.NewTimer(sealDelay)
	defer delay.Stop()
	waiting := true // for delay
	for {
		select {
		case <-b.quit:
			return
		case <-tick:
			b.syncNow()
		case <-b.wake:
			b.work()
			if !waiting && b.pending.Load() > 0 {
				waiting = true
				delay.Reset(sealDelay)
			}
		case <-delay.C:
			waiting = false
			b.e.faults.add("seal", b.e.sealWaiting(false))
		}
	}
}

func (b *background) work() {
	e := b.e
	b.mu.Lock()
	load, want := b.snapshot, b.sync
	b.snapshot, b.sync = nil, false
	b.mu.Unlock()
	if load != nil {
		e.faults.add("load snapshot", e.loadIndex(load))
	}
	if b.pending.Load() >= b.maxPending/2 {
		e.faults.add("seal", e.sealWaiting(false))
	} else {
		b.sealing.begin()
		e.faults.add("seal", e.sealOrphans(false, false))
		b.sealing.end()
	}
	if want {
		b.syncNow()
	}
	e.faults.add("remove value files", e.values.removeDead())
	e.faults.add("remove value files", b.sweepOnce(false))
	e.faults.add("count files", b.recountOnce())
}

// syncNow syncs. That Close was faster is no fault: it syncs itself.
func (b *background) syncNow() {
	if err := b.e.Sync(); err != ErrClosed {
		b.e.faults.add("sync", err)
	}
}

// sweepOnce removes the value files that nothing names, once, as soon as it may. locked: the
// caller holds the writer lock.
func (b *background) sweepOnce(locked bool) error {
	if !locked {
		b.sweeping.Lock()
	} else if !b.sweeping.TryLock() { // who has it may be waiting for the writer lock
		return nil
	}
	defer b.sweeping.Unlock()
	if !b.takeSweep() {
		return nil
	}
	return b.e.values.removeOrphans(locked)
}

// afterDeath asks for what is to be done once other processes have died.
func (b *background) afterDeath() {
	b.mu.Lock()
	b.sweep, b.recount = true, true
	b.mu.Unlock()
	b.poke()
}

// recountOnce counts the files anew if that was asked for.
func (b *background) recountOnce() error {
	b.mu.Lock()
	want := b.recount
	b.recount = false
	b.mu.Unlock()
	if !want {
		return nil
	}
	return b.e.recount()
}

// takeSweep reports, once, that orphaned value files may be removed: all that
// was found at Open was read without damage and is on the disk.
func (b *background) takeSweep() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ok := b.sweep && len(b.orphans) == 0
	if ok {
		b.sweep = false
	}
	return ok
}

// sealRest seals all that waits for it, and writes anew what failed syncs were to
// cover.
func (e *Engine) sealRest() error { return e.sealWaiting(true) }

// sealWaiting seals what waits for it now. What could not be sealed for a passing
// reason waits for the next time. The background does not rescue: on a disk whose
// syncs fail each rescue would make another segment to rescue from.
func (e *Engine) sealWaiting(rescue bool) error {
	b := &e.bg
	b.sealing.begin()
	defer b.sealing.end()
	b.mu.Lock()
	waiting := slices.Clone(b.rotated)
	b.mu.Unlock()
	var errs []error
	for _, w := range waiting {
		if !b.begin(w) {
			continue // it was dropped meanwhile
		}
		open := !w.Segment.Sealed()
		done, err := e.seal(w, rescue)
		b.begin(nil)
		errs = append(errs, err)
		if open && w.Segment.Sealed() {
			b.pending.Add(-1)
		}
		if done {
			e.reserve.hints.Add(-int64(codec.HintLen(w.Noted())))
			if errors.Is(err, errNoHint) {
				errs[len(errs)-1] = nil
			} else {
				e.board.remove(w.Segment.ID)
			}
			b.mu.Lock()
			b.rotated = slices.DeleteFunc(b.rotated, func(o *segment.Writer) bool { return o == w })
			b.mu.Unlock()
		}
	}
	return errors.Join(append(errs, e.sealOrphans(rescue, false))...)
}

// begin notes which writer is being sealed now, if it is still to be sealed.
func (b *background) begin(w *segment.Writer) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w != nil && !slices.Contains(b.rotated, w) {
		return false
	}
	b.current = w
	return true
}

// seals reports whether a segment is being sealed now.
func (b *background) seals(s *segment.Segment) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.current != nil && b.current.Segment == s
}

// settle waits for the end of what is being sealed, if something is that does not itself
// wait for the caller. locked: the caller holds the writer lock.
func (b *background) settle(locked bool) bool {
	b.mu.Lock()
	seals := b.current != nil
	b.mu.Unlock()
	switch {
	case !seals:
		return false
	case !locked:
		b.sealing.begin()
	case !b.sealing.beginLocked():
		return false
	}
	b.sealing.end()
	return true
}

// claim takes a segment out of the queue of those to be sealed, because it is to be
// dropped: nobody needs to know any more what it held, nor that it is on the disk. It
// returns its writer, nil if it has none any more, and false if it is being sealed now.
func (b *background) claim(s *segment.Segment) (*segment.Writer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current != nil && b.current.Segment == s {
		return nil, false
	}
	i := slices.IndexFunc(b.rotated, func(w *segment.Writer) bool { return w.Segment == s })
	if i < 0 {
		return nil, true
	}
	w := b.rotated[i]
	b.rotated = slices.Delete(b.rotated, i, i+1)
	return w, true
}

// unclaim puts a writer back that was claimed, for its segment is not dropped.
func (b *background) unclaim(w *segment.Writer) {
	if w == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rotated = slices.Insert(b.rotated, 0, w)
}

// giveUpSealing ends a writer whose segment was dropped.
func (e *Engine) giveUpSealing(w *segment.Writer) {
	if w == nil {
		return
	}
	if !w.Segment.Sealed() {
		e.bg.pending.Add(-1)
	}
	w.Finish()
	e.stats.disk.Add(w.Grown())
	e.reserve.hints.Add(-int64(codec.HintLen(w.Noted())))
	e.board.remove(w.Segment.ID)
}

// forgetOrphans gives up the sealing of what earlier processes have left.
func (b *background) forgetOrphans() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.orphans {
		b.e.reserve.hints.Add(-int64(codec.HintLen(len(o.h.entries))))
	}
	b.orphans = nil
}

// hasRotated reports whether a segment is still to be sealed that this process wrote to.
func (b *background) hasRotated(id uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.rotated, func(w *segment.Writer) bool { return w.Segment.ID == id })
}

// hasOrphan reports whether a segment is one of those that are to be sealed for others.
func (b *background) hasOrphan(id uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.orphans, func(o *orphan) bool { return o.h.seg.ID == id })
}

// adoptOrphan has a segment sealed that a process which died has left.
func (b *background) adoptOrphan(o *orphan) {
	b.mu.Lock()
	b.orphans = append(b.orphans, o)
	b.mu.Unlock()
	b.poke()
}

// hasOrphans reports whether segments of earlier processes are still to be sealed.
func (b *background) hasOrphans() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.orphans) > 0
}

// sealAll seals what there is, the active segment too. What a failed sync was to
// cover goes to another segment, which is sealed then; a disk on which that fails
// as well is given up.
func (e *Engine) sealAll() error {
	const tries = 3
	var errs []error
	for range tries {
		e.w.mu.Lock()
		for _, w := range e.w.actives() {
			e.bg.seal(w)
		}
		e.w.active = [streams]*segment.Writer{}
		e.w.mu.Unlock()
		errs = append(errs, e.sealRest())
		e.w.mu.Lock()
		more := len(e.w.actives()) > 0
		e.w.mu.Unlock()
		if !more {
			break
		}
	}
	return errors.Join(errs...)
}

// errDropped says that a segment needs no hint: another process has dropped it.
var errDropped = errors.New("diskcache: segment was dropped")

// errNoHint says that a segment gets no hint now, because another process did not give the
// writer lock up in time. It is on the disk, and stays on the board, so that it is inherited: by
// this process, should it go on.
var errNoHint = errors.New("diskcache: segment left without a hint")

// hintPatience is how long who seals waits for other processes, for the sake of a hint.
const hintPatience = time.Second

// publisher returns what gives the hint of a segment its name: where other processes may drop
// the segment, under the writer lock, so that who removes its files finds the hint. One that
// came later would tell of a segment that is lost. locked: the caller holds the lock.
func (e *Engine) publisher(s *segment.Segment, locked bool) segment.Publish {
	return func(rename func() error) error {
		if !locked { // also if no other process is there: one may come this moment
			ctx, cancel := context.WithTimeout(context.Background(), hintPatience)
			defer cancel()
			if err := e.bg.sealing.enter(ctx, e); err != nil {
				return errors.Join(errNoHint, err)
			}
			defer e.leave()
		}
		if !e.w.has(s) {
			return errDropped
		}
		return rename()
	}
}

// seal seals one writer's segment. It is not done while data that a failed sync
// was to cover stands nowhere else: then it is to be tried again. A failed sync
// that was reported before is no news once its data has been written again.
func (e *Engine) seal(w *segment.Writer, rescue bool) (done bool, err error) {
	if w.Empty() {
		return true, e.discard(w)
	}
	known := w.SyncErr() != nil || e.values.loose.anyFailed(w.Segment)
	e.stats.syncs.Add(1)
	hint, err := w.Seal(e.publisher(w.Segment, false))
	e.stats.disk.Add(hint + w.Grown())
	if errors.Is(err, errDropped) || err != nil && !e.inLog(w.Segment) {
		return true, nil
	}
	if w.SyncErr() != nil {
		if known {
			err = nil
		}
		if !rescue {
			return false, syncError(err)
		}
		rerr := e.rescue(w.Segment)
		return rerr == nil, errors.Join(syncError(err), syncError(rerr))
	}
	return true, writeError(err)
}

// entriesOf returns what a segment holds that waits to be sealed; nil if it does not.
func (b *background) entriesOf(s *segment.Segment) []codec.HintEntry {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.rotated {
		if w.Segment == s {
			return w.Entries()
		}
	}
	return nil
}

// discard removes a segment that nothing was committed to: its first write failed.
func (e *Engine) discard(w *segment.Writer) error {
	w.Finish()
	e.bg.sealing.lock(&e.w)
	defer e.w.mu.Unlock()
	e.stats.disk.Add(w.Grown())
	if e.w.has(w.Segment) { // an index built anew has no use for it
		e.w.bySlot[w.Segment.Slot] = nil
	}
	if err := w.Segment.Retire(); err != nil {
		return err
	}
	if e.log.Open() {
		e.log.Publish(e.w.bySlot)
	}
	return e.log.TakeErrors()
}

package engine

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/compaction"
)

// reclaiming is the goroutine that keeps garbage and limits within bounds, so that
// who writes seldom has to. Close waits for it.
type reclaiming struct {
	e     *Engine
	wake  chan struct{}
	quit  chan struct{}
	done  chan struct{}
	asked uint64      // wordRoom, when it was answered
	kept  atomic.Bool // this process is the one that takes space back in the background
}

const (
	// reclaimTick is how often it looks whether there is something to do.
	reclaimTick = time.Second

	// followTick is how often a process that is idle applies what others have committed, so
	// that it has little to do when it is asked again, and followAtOnce how many records it
	// applies then: a tenth of a processor is what others lose by it at most.
	followTick   = 50 * time.Millisecond
	followAtOnce = 4096

	// reclaimRate bounds what is copied while nobody waits for room, in bytes per
	// second: readers and writers are to have the disk.
	reclaimRate = 64 << 20

	// Garbage is taken back from this part of all bytes on, in percent: while the
	// cache is written to, and while it is not. Below a SizeLimit it costs nothing, and
	// the longer it waits, the less has to be copied.
	busyShare    = 33
	limitedShare = 100
	idleShare    = 20
	// idleLeast is the part of a segment that must be garbage then.
	idleLeast = 25
)

func (r *reclaiming) start(e *Engine) {
	r.e = e
	r.wake = make(chan struct{}, 1)
	r.quit = make(chan struct{})
	r.done = make(chan struct{})
	go r.run()
}

func (r *reclaiming) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reclaiming) stop() {
	close(r.quit)
	<-r.done
}

func (r *reclaiming) run() {
	defer close(r.done)
	t := time.NewTicker(reclaimTick)
	defer t.Stop()
	others := time.NewTicker(followTick)
	defer others.Stop()
	r.lookAround()
	var last uint64
	busy := int64(busyShare)
	if r.e.settings().SizeLimit > 0 {
		busy = limitedShare
	}
	for {
		select {
		case <-r.quit:
			return
		case <-r.wake:
			r.work(busy)
		case <-others.C:
			if r.looksNow() {
				if err := r.follow(); err != ErrClosed {
					r.e.faults.add("follow", err)
				}
				r.answer()
			}
			if r.e.w.mu.TryLock() { // or who has it looks
				r.e.takeSettings()
				r.e.w.mu.Unlock()
			}
		case <-t.C:
			share := int64(idleShare)
			if seq := r.e.clock.last.Load(); seq != last {
				share, last = busy, seq
			}
			r.e.faults.add("free space", r.e.lookAtVolume())
			r.lookAround()
			r.work(share)
			last = r.e.clock.last.Load()
		}
	}
}

// follow applies what others have committed, a part of it at a time. It applies all where what
// has gone by then takes room that is wanted, or cannot be followed later.
func (r *reclaiming) follow() error {
	e := r.e
	if !e.hasNews() {
		return nil
	}
	if e.board.page == nil || e.board.w[wordRoom].Load() != r.asked {
		return e.catchUp()
	}
	err := e.followSome(followAtOnce)
	if errors.Is(err, errBehind) {
		return e.catchUp()
	}
	return err
}

// farLook is how often a process looks for news on a network disk that reads nothing.
const farLook = time.Second

// looksNow reports whether it is time to look for news. Where that is reading a file, nobody
// does so all the time.
func (r *reclaiming) looksNow() bool {
	file := r.e.board.file
	switch {
	case file == nil:
		return true
	case file.lookedWithin(farLook):
		return false
	}
	if err := file.look(); err != nil && !errors.Is(err, ErrLockLost) && !errors.Is(err, ErrClosed) {
		r.e.opt.Log.Warn("look for news", "err", err) // who reads is told
		return false
	}
	return true
}

// answer removes what only this process can, when another wants room.
func (r *reclaiming) answer() {
	e := r.e
	set := e.log.Acquire(0) // which keeps the page
	if set == nil {
		return
	}
	defer set.Release(0)
	if n := e.board.w[wordRoom].Load(); n != r.asked && e.dropped() > 0 {
		r.asked = n
		e.faults.add("remove what is dropped", e.syncDropped(false))
		e.tell()
	}
}

// tell writes what has changed for others to read, where that is a file. Should it fail it is
// tried again.
func (e *Engine) tell() {
	if e.board.file == nil {
		return
	}
	if err := e.board.file.exchange(e.life, nil); err != nil {
		e.opt.Log.Warn("tell other processes", "err", err)
	}
}

// tellMuch is tell for what this process has written, if that is much: others keep the limits
// by it.
func (e *Engine) tellMuch() {
	if file := e.board.file; file != nil && file.untold(wordDisk) > e.settings().segmentSize {
		e.tell()
	}
}

// mine reports whether it is up to this process to take space back in the background: to one
// of all that have the directory open, and to another once that is gone.
func (r *reclaiming) mine() bool {
	if r.kept.Load() || r.e.dir.whole.Load() {
		return true
	}
	ok, err := r.e.locks.TryLock(lockKeeper)
	r.e.faults.add("take the keeper's lock", err)
	r.kept.Store(ok)
	return ok
}

// lookAround takes over what processes that died have left.
func (r *reclaiming) lookAround() {
	e := r.e
	if e.dir.whole.Load() {
		return
	}
	if e.board.isLost() { // and others may wait for what it holds
		if err := e.refresh(); err != nil && !errors.Is(err, ErrClosed) {
			e.opt.Log.Warn("attach anew", "err", err)
		}
	}
	if file := e.board.file; file != nil && !e.dir.sure.Load() && file.changed() {
		e.tell()
	}
	if died, err := e.someDied(); err != nil || died {
		if err == nil {
			err = e.enter(e.life)
		}
		if err == nil {
			err = e.inherit()
			e.leave()
		}
		if err != nil && !errors.Is(err, ErrClosed) {
			e.faults.add("take over from a process that died", err)
		}
	}
	e.faults.add("remove dropped segments", e.retireDropped())
	e.faults.add("look whether others are there", e.lookWhetherAlone())
}

// work takes back what is too much. It ends when there is no more, or at once when
// the engine is closed.
func (r *reclaiming) work(share int64) {
	e := r.e
	if !e.opt.Compaction || !r.mine() {
		return
	}
	for {
		select {
		case <-r.quit:
			return
		default:
		}
		w := &want{garbage: compaction.Limits{Share: share, Least: idleLeast}}
		if x := e.excess(); x != nil && e.settings().CullLimit >= 0 && !e.comes(x) {
			w.bytes, w.most = x.bytes, x.most
		}
		before := e.stats.movedBytes.Load()
		did, err := e.reclaim(w, false)
		if n := e.dropped(); err == nil && (n >= e.settings().segmentSize || n > 0 && !did) {
			err = e.syncDropped(false)
		}
		if err != nil && !errors.Is(err, ErrClosed) {
			e.faults.add("take space back", err)
		}
		if err != nil || !did {
			return
		}
		if w.most != 0 {
			continue // somebody may be waiting
		}
		moved := e.stats.movedBytes.Load() - before
		select {
		case <-r.quit:
			return
		case <-time.After(time.Duration(moved) * time.Second / reclaimRate):
		}
	}
}

package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache/compaction"
)

// errNoRoom asks for a commit to be tried again once there is room.
var errNoRoom = errors.New("diskcache: room has to be made")

// want is for what space is taken back.
type want struct {
	bytes int64 // that are to be free below SizeLimit, or on a disk that is full
	items int   // that are to be free below CountLimit
	most  int   // how many items may be given up for it; < 0: any number

	garbage compaction.Limits // of what is to be compacted in any case; zero: nothing
	before  uint64            // only segments begun up to then are touched; 0: any

	asked  int   // how often others were asked for room
	usage  int64 // when nothing more could be taken back
	full   bool  // the disk is: limits do not matter
	locked bool  // it is for a transaction, which holds the writer lock
	again  bool  // it was tried again before anything was given up for it
	noCopy bool  // there is not even space to move what is live
	crowds bool  // it is moved all the same

	rescues bool // what a failed sync was to cover is written anew: it is for who has asked for this alone
	emptied bool // an empty segment was cleared: one does where only items are too many
}

// short returns how much of what is wanted is not free.
func (e *Engine) short(w *want) (s struct{ bytes, items int64 }) {
	if limit := e.limit(); limit > 0 {
		s.bytes = e.usage() + w.bytes + e.headroom(limit) - limit
	}
	if w.full {
		s.bytes = w.bytes
	}
	if limit := e.settings().CountLimit; limit > 0 {
		s.items = int64(e.index.Load().Len()+w.items) - limit
	}
	return s
}

// makeRoom does a step towards room for what is wanted, and says why if there cannot
// be any. What was dropped takes space until a sync makes it certain; one is done when
// enough waits for it, or nothing else is left to do.
func (e *Engine) makeRoom(w *want, locked bool) error {
	w.locked = locked
	if gone, err := e.giveUpLongSnapshot(locked); err != nil || gone {
		return err
	}
	if !locked && w.most != 0 {
		if did, err := e.expireFirst(); err != nil || did {
			return err
		}
	}
	if e.dropped() >= max(w.bytes, e.settings().segmentSize) {
		before := e.DiskUsage()
		if err := e.syncDropped(locked); err != nil || e.DiskUsage() < before {
			return err
		}
	}
	if e.comes(w) && e.graves.awaitReadersOnce() {
		return nil
	}
	did, err := e.reclaim(w, locked)
	if err != nil || did {
		return err
	}
	if e.dropped() > 0 {
		before := e.DiskUsage()
		if err := e.syncDropped(locked); err != nil || e.DiskUsage() < before {
			return err
		}
	}
	if e.bg.settle(locked) {
		return nil // what was being sealed can go now
	}
	if e.endDead(w, locked) {
		return nil
	}
	if before := e.DiskUsage(); e.values.strayBytes.Load() > 0 {
		if err := e.bg.sweepOnce(locked); err != nil || e.DiskUsage() < before {
			return err
		}
	}
	if e.reserve.snapshot.Swap(0) > 0 {
		return nil // the next Open is to take longer, rather
	}
	if e.graves.awaitReaders() {
		return nil
	}
	if u := e.usage(); u != w.usage { // the background has done something meanwhile
		w.usage = u
		return nil
	}
	if e.askForRoom(w) {
		return nil
	}
	if limit := e.settings().CountLimit; limit > 0 && int64(e.index.Load().Len()) >= limit {
		return fmt.Errorf("%w: %d items are the limit", ErrFull, limit)
	}
	limit := e.limit()
	return fmt.Errorf("%w: %d of %d bytes are in use, %d are kept to reclaim with, %d are wanted, and nothing more can be given up",
		ErrFull, e.usage(), limit, e.headroom(limit), w.bytes)
}

// Other processes have files that nobody needs, and that only they remove: once what tells so
// is on the disk. They look for those who want room at each followTick.
const asks = 3

func (e *Engine) askWait() time.Duration {
	if e.board.file != nil {
		return farLook + farLook/2
	}
	return 2 * followTick
}

// askForRoom asks other processes to remove what they can, and reports whether any has. It
// stands between a write and ErrFull, so it takes its time.
func (e *Engine) askForRoom(w *want) bool {
	if e.isLone() || w.asked == asks {
		return false
	}
	w.asked++
	before := e.DiskUsage()
	e.board.w[wordRoom].Add(1)
	e.tell()
	for end := time.Now().Add(e.askWait()); e.DiskUsage() >= before; {
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		if err := e.board.wait(wordDisk, uint64(before), min(left, lockWait)); err != nil {
			return false
		}
	}
	return true
}

// comes reports whether what is wanted will be free without anything being given up for
// it: it is dropped, and somebody still reads it.
func (e *Engine) comes(w *want) bool {
	s := e.short(w)
	return s.bytes > 0 && s.items <= 0 && s.bytes <= e.graves.held()
}

// endDead ends segments that are written to and are half garbage: it can only go then. It
// reports whether there were any.
func (e *Engine) endDead(w *want, locked bool) bool {
	if !locked {
		e.w.mu.Lock()
		defer e.w.mu.Unlock()
	}
	if e.w.closed && !locked || e.short(w).bytes <= 0 {
		return false
	}
	any := false
	for i, a := range e.w.active {
		if a == nil || 2*a.Segment.LiveBytes.Load() > a.Segment.Length() || a.Segment.Length() < max(e.settings().segmentSize/8, leastDead) {
			continue
		}
		e.bg.seal(a)
		e.w.active[i] = nil
		any = true
	}
	return any
}

// leastDead is how long such a one must be at least: what says that it is gone goes to
// another, which would be the next.
const leastDead = 1 << 10

// makeSpace takes back as many bytes as are wanted on a disk that is full, and reports
// whether it got any.
func (e *Engine) makeSpace(w *want, locked bool) bool {
	full := *w
	full.full = true
	before := e.DiskUsage()
	for e.DiskUsage() > before-w.bytes {
		if err := e.makeRoom(&full, locked); err != nil {
			e.noteFull(err)
			break
		}
	}
	return e.DiskUsage() < before
}

// noteFull keeps why no space could be made, unless it is that there is none.
func (e *Engine) noteFull(err error) {
	if !errors.Is(err, ErrFull) && !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrClosed) {
		e.faults.add("make space on a full disk", err)
	}
}

// dropped returns how many bytes wait for a sync to be removed.
func (e *Engine) dropped() int64 { return e.graves.waiting() + e.values.deadBytes.Load() }

// expireFirst removes what has expired before anything is given up for room, once a
// second at the most.
func (e *Engine) expireFirst() (bool, error) {
	e.w.mu.Lock()
	now := e.clock.now().UnixNano()
	again := e.reclaimer.looked > 0 && now-e.reclaimer.looked < int64(time.Second) && now >= e.reclaimer.looked
	if !again {
		e.reclaimer.looked = now
	}
	e.w.mu.Unlock()
	if again {
		return false, nil
	}
	n, err := e.Expire()
	return n > 0, err
}

package engine

import (
	"math"

	"github.com/go-diskcache/diskcache/codec"
)

// adopt publishes what a process that died as it held the writer lock has committed and not
// published. Whether that was acknowledged nobody knows; it is in the log, and would be
// found by the next Open. The caller has the lock, and holds that of the process too.
func (e *Engine) adopt() error {
	b := &e.board
	if err := e.follow(); err != nil {
		return err
	}
	died := int(b.w[wordHolder].Load()) - 1
	if err := e.lookAtBoard(); err != nil {
		return err
	}
	if err := e.lookForSegments(); err != nil {
		return err
	}
	listed := make(map[uint64]int)
	for i := range mostFiles {
		if id := b.w[wordFiles+i*fileWords].Load(); id != 0 {
			listed[id] = i
		}
	}
	for id, t := range e.follower.tails {
		_, on := listed[id]
		if on && t.owner != died {
			continue // what is behind its length came to nothing
		}
		info, err := e.fsys.Stat(t.seg.Name())
		if err != nil {
			return err
		}
		t.seg.SetLength(max(t.seg.Length(), min(info.Size, e.layout.MaxFile())))
		t.ended = false // to be kept until it is known who seals it
	}
	before := e.w.seq
	if err := e.applyTails(math.MaxUint64); err != nil {
		return err
	}
	for id, t := range e.follower.tails {
		t.seg.SetLength(t.off)
		if i, on := listed[id]; on {
			b.setLength(i, t.off)
		}
	}
	if e.w.seq != before {
		b.w[wordSeq].Store(e.w.seq)
		e.followed.Store(e.w.seq)
	}
	b.w[wordHolder].Store(0)
	return nil
}

// deadFiles returns the segments on the board that processes have left which died: in
// another slot, or before this one in its own.
func (e *Engine) deadFiles() (dead []activeFile, err error) {
	lives := make(map[int]bool)
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	for _, a := range e.board.files(nil) {
		if a.owner == e.board.slot {
			if e.orphaned(a.id) {
				dead = append(dead, a)
			}
			continue
		}
		alive, known := lives[a.owner]
		if !known {
			if alive, err = e.lives(a.owner); err != nil {
				return nil, err
			}
			lives[a.owner] = alive
		}
		if !alive {
			dead = append(dead, a)
		}
	}
	return dead, nil
}

// orphaned reports whether this process neither writes to a segment on the board, nor is about
// to seal it. What it has sealed leaves the board before it leaves the lists of those.
func (e *Engine) orphaned(id uint64) bool {
	return !e.writesTo(id) && !e.bg.hasOrphan(id) && e.board.has(id)
}

// lives reports whether another process has a slot.
func (e *Engine) lives(slot int) (bool, error) {
	_, lives, err := e.locks.Taken(lockSlots+slot, lockSlots+slot+1)
	return lives, err
}

// inherit takes over what processes that died have written to: it will be sealed by this
// one, and what they wrote of large values and named nowhere goes. The caller has entered.
func (e *Engine) inherit() error {
	if e.w.closed {
		return ErrClosed
	}
	for _, a := range e.board.files(nil) {
		dead := a.owner == e.board.slot
		if !dead {
			alive, err := e.lives(a.owner)
			if err != nil {
				return err
			}
			dead = !alive
		}
		if dead && e.orphaned(a.id) {
			e.inheritFile(a)
		}
	}
	e.bg.wantSweep()
	return nil
}

// inheritFile makes a segment of a dead process an orphan of this one.
func (e *Engine) inheritFile(a activeFile) {
	s := e.segmentOf(a.id)
	if s == nil { // dropped, or nothing was committed to it
		e.board.remove(a.id)
		if !e.graves.has(a.id) {
			e.giveUp(codec.SegmentName(a.id))
		}
		return
	}
	e.board.own(a.id)
	if t := e.follower.tails[a.id]; t != nil {
		s.SetLength(t.off)
		delete(e.follower.tails, a.id)
	}
	s.Seal()
	e.bg.adoptOrphan(&orphan{h: &history{seg: s, cacheID: e.id}, unread: true})
}

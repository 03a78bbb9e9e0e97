package engine

import (
	"errors"
	"io/fs"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// Inheriting is to take over what a process that died has left to the others: segments that
// it wrote to are sealed, what it began and named nowhere is removed, and what it may not have
// counted is counted anew. Any process may do it, several at once, and all of it again.

// deadFiles returns the segments on the board that processes have left which died: in
// another slot, or before this one in its own.
func (e *Engine) deadFiles() (dead []activeFile, err error) {
	lives := make(map[int]bool)
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	for _, a := range e.board.files(nil) {
		if a.owner == e.board.me() {
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
	_, lives, err := e.locks.Taken(e.board.slotLock(slot), e.board.slotLock(slot)+1)
	return lives, err
}

// someDied reports whether a process has died that nobody has inherited from.
func (e *Engine) someDied() (bool, error) {
	if e.heir.Load() {
		return true, nil
	}
	if file := e.board.file; file != nil { // others have come and gone since it was read
		if err := file.look(); errors.Is(err, ErrLockLost) {
			return false, nil // what this process knows of others is old; it is to attach anew
		} else if err != nil {
			return false, err
		}
	}
	for slot := range mostSlots {
		if slot == e.board.me() || !e.board.attached(slot) {
			continue
		}
		alive, err := e.lives(slot)
		if err != nil || !alive {
			return err == nil, err
		}
	}
	dead, err := e.deadFiles()
	return len(dead) > 0, err
}

// inherit takes over what processes that died have written to: it will be sealed by this
// one, and what they wrote of large values and named nowhere goes. The caller has entered.
func (e *Engine) inherit() error {
	if e.w.closed {
		return ErrClosed
	}
	err := e.inheritLocked()
	e.bg.afterDeath()
	return err
}

func (e *Engine) inheritLocked() error {
	e.heir.Store(false)
	for _, a := range e.board.files(nil) {
		dead := a.owner == e.board.me()
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
	for slot := range mostSlots {
		if slot != e.board.me() && e.board.attached(slot) {
			if err := e.forgetSlot(slot); err != nil {
				return err
			}
		}
	}
	return e.removeBegun()
}

// inheritFile makes a segment of a dead process an orphan of this one.
func (e *Engine) inheritFile(a activeFile) {
	s, t := e.segmentOf(a.id), e.follower.tails[a.id]
	if t != nil && t.isBegun() {
		delete(e.follower.tails, a.id)
		e.leaveBegun(s)
		s = nil
	}
	if s == nil { // dropped, or nothing was committed to it
		e.board.remove(a.id)
		if !e.graves.has(a.id) {
			e.giveUp(codec.SegmentName(a.id))
		}
		return
	}
	e.board.own(a.id)
	if t != nil {
		s.SetLength(t.off)
		delete(e.follower.tails, a.id)
	}
	s.Seal()
	e.bg.adoptOrphan(&orphan{h: &history{seg: s, cacheID: e.id}, unread: true})
}

// forgetSlot notes that nobody has a slot any more, if that is so. Who comes meanwhile is
// seen by one of the two looks, or says so after them.
func (e *Engine) forgetSlot(slot int) error {
	alive, err := e.lives(slot)
	if err != nil || alive {
		return err
	}
	e.board.attach(slot, false)
	if alive, err = e.lives(slot); alive {
		e.board.attach(slot, true)
	}
	return err
}

// removeBegun removes the segments that a process had begun as it died, and nobody knows of.
// They are begun under the writer lock, which the caller has.
func (e *Engine) removeBegun() error {
	list, err := e.fsys.List(".")
	if err != nil {
		return err
	}
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || !info.Regular || kind != codec.NameSegment {
			continue
		}
		begun, err := e.merelyBegun(id, info.Size)
		if err == nil && begun {
			err = ignoreGone(e.fsys.Remove(info.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// merelyBegun reports whether a segment is nobody's, and nothing was committed to it.
func (e *Engine) merelyBegun(id uint64, size int64) (bool, error) {
	if e.segmentOf(id) != nil || e.writesTo(id) || e.graves.has(id) || e.board.has(id) {
		return false, nil
	}
	f, err := e.fsys.Open(codec.SegmentName(id))
	if err != nil {
		return false, ignoreGone(err)
	}
	defer f.Close()
	c := segment.ResumeCursor(f, id, codec.SegmentHeaderLen, min(size, e.layout.MaxFile()))
	return !c.Next() && c.Err() == nil, nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// recounts bounds how often files are counted again because their number changed meanwhile.
// The count is then as wrong as it was, until the next Open counts them alone.
const recounts = 16

// recount counts the bytes of all files anew. Nothing is sealed meanwhile by this process,
// for a hint is there for as long as a sync takes before it is counted.
//
// A file that comes and another as long that goes leave the sum what it was, and may be seen both: only
// what is found to be wrong by the same twice is wrong.
func (e *Engine) recount() error {
	e.bg.sealing.begin()
	defer e.bg.sealing.end()
	e.bg.sealing.lock(&e.w)
	defer e.w.mu.Unlock()
	wrong := int64(0)
	for range recounts {
		before := e.stats.disk.Load()
		n, err := e.sumFiles()
		if err != nil || n == before {
			return err
		}
		if n-before == wrong && e.stats.disk.swap(before, n) {
			return nil
		}
		wrong = n - before
	}
	return nil
}

func (e *Engine) sumFiles() (n int64, err error) {
	for _, dir := range []string{".", codec.ValuesDir} {
		list, err := e.fsys.List(dir)
		if err := ignoreGone(err); err != nil {
			return 0, err
		}
		for _, info := range list {
			if kind, _, ok := codec.ParseName(info.Name); ok && info.Regular && (kind != codec.NameTemp || dir != ".") {
				n += info.Size
			}
		}
	}
	return n, nil
}

package engine

import (
	"errors"
	"io/fs"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// A process reads the segments that others write to from where it last read to. Which
// these are the board says.

// tail is the part of another's segment that is not applied yet.
type tail struct {
	seg   *segment.Segment
	off   int64 // where it begins
	entry int   // of the board; -1: not known
	ended bool  // the board names it no more: nothing will be added

	c  *segment.Cursor // nil: none reads it
	ok bool            // c stands on a commit
}

func newTail(s *segment.Segment, off int64) *tail { return &tail{seg: s, off: off, entry: -1} }

// lookAtBoard notes how far the segments of others are committed.
func (e *Engine) lookAtBoard() error {
	f := &e.follower
	shape := e.board.w[wordShape].Load()
	if shape != 0 && shape == f.shape && e.board.lengths(f.tails, (*tail).grow) {
		return nil
	}
	f.shape = shape
	if e.board.file != nil {
		f.shape = 0 // it is counted up by each for himself
	}
	f.files = e.board.files(f.files[:0])
	for _, t := range f.tails {
		t.ended = true
	}
	added := false
	gone := f.gone
	f.gone = nil
	for _, a := range f.files {
		if gone[a.id] {
			e.isGone(a.id)
			continue
		}
		if e.writesTo(a.id) {
			continue
		}
		t := f.tails[a.id]
		if t == nil {
			if e.segmentOf(a.id) != nil {
				continue // it has been applied to its end
			}
			if a.length <= codec.SegmentHeaderLen {
				f.shape = 0 // it holds nothing yet
				continue
			}
			var err error
			if t, err = e.addTail(a.id); err != nil {
				return err
			}
			if t == nil {
				f.shape = 0
				continue
			}
			added = true
		}
		t.ended, t.entry = false, a.entry
		t.grow(a.length)
		if e.board.file != nil {
			t.seg.SetSynced(a.length) // before it was published
		}
	}
	for id, t := range f.tails {
		if !t.ended {
			continue
		}
		if err := e.endTail(id, t); err != nil {
			return err
		}
	}
	if added {
		e.log.Publish(e.w.bySlot) // before anything points to it
	}
	return nil
}

// isGone notes that a segment is dropped, as long as the board names it.
func (e *Engine) isGone(id uint64) {
	f := &e.follower
	if !e.board.has(id) {
		return
	}
	if f.gone == nil {
		f.gone = make(map[uint64]bool)
	}
	f.gone[id] = true
}

// grow notes how far a tail is committed.
func (t *tail) grow(length int64) { t.seg.Grow(length) }

// addTail adds a segment that another process has begun; nil if it is not there any more: a drop
// of it follows.
func (e *Engine) addTail(id uint64) (*tail, error) {
	slot, err := e.w.freeSlot(e.layout)
	if err != nil {
		return nil, err
	}
	s := segment.Shared(e.fsys, e.files, id, slot, codec.SegmentHeaderLen)
	t := newTail(s, codec.SegmentHeaderLen)
	h, err := s.Header()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, s.Discard()
	case segment.IsDamage(err): // commits verify without it
	case err != nil:
		return nil, errors.Join(err, s.Discard())
	case h.CacheID != e.id:
		return nil, errors.Join(&CorruptError{s.Name(), 0, errOtherCache}, s.Discard())
	}
	s.Stream = h.Stream
	e.w.put(s)
	e.follower.tails[id] = t
	return t, nil
}

// endTail finds out where a segment ends that nobody writes to any more.
func (e *Engine) endTail(id uint64, t *tail) error {
	hint, err := e.readHint(id)
	if err == nil {
		t.seg.Grow(hint.Length)
		t.seg.SetLength(hint.Length)
		t.seg.SetSynced(hint.Length)
		return nil
	}
	size, err := e.lengthOf(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was dropped, or came to nothing
	}
	if err != nil {
		return err
	}
	t.seg.Grow(size)
	return nil
}

// lookForSegments finds segments that began and ended since the board was last looked at.
func (e *Engine) lookForSegments() error {
	list, err := e.fsys.List(".")
	if err != nil {
		return err
	}
	added := false
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || kind != codec.NameSegment || !info.Regular || e.segmentOf(id) != nil || e.writesTo(id) || e.graves.has(id) {
			continue
		}
		if begun, err := e.holdsNothing(id, info.Size); err != nil {
			return err
		} else if begun {
			continue
		}
		t, err := e.addTail(id)
		if errors.Is(err, errOtherCache) {
			continue
		}
		if err != nil {
			return err
		}
		added = added || t != nil
	}
	if added {
		e.log.Publish(e.w.bySlot)
	}
	return nil
}

// segmentOf returns the segment of an ID, nil if it is not in the log.
func (e *Engine) segmentOf(id uint64) *segment.Segment {
	for _, s := range e.w.bySlot {
		if s != nil && s.ID == id {
			return s
		}
	}
	return nil
}

// writesTo reports whether this process writes to a segment, or has not sealed it yet.
func (e *Engine) writesTo(id uint64) bool {
	for _, w := range e.w.active {
		if w != nil && w.Segment.ID == id {
			return true
		}
	}
	return e.bg.hasRotated(id)
}

// mostRead bounds the buffer that a tail keeps to read from.
const mostRead = 64 << 10

// next goes to the next commit of a tail.
func (t *tail) next() error {
	if t.c == nil || !t.c.Extend(t.seg.Length()) {
		t.c = segment.ResumeCursor(committedAt{t.seg}, t.seg.ID, t.off, t.seg.Length())
	}
	t.ok = t.c.Next()
	return readError(t.c.Err())
}

// rest ends the reading until there is more.
func (t *tail) rest() {
	if t.ok || t.c.Err() != nil || t.c.Buffered() > mostRead {
		t.c = nil
	}
	t.ok = false
}

// committedAt reads what is committed of a segment.
type committedAt struct{ s *segment.Segment }

func (r committedAt) ReadAt(b []byte, off int64) (int, error) {
	if err := r.s.ReadCommitted(b, off); err != nil {
		return 0, err
	}
	return len(b), nil
}

// forgetTails forgets the segments that ended and are applied.
func (e *Engine) forgetTails() {
	f := &e.follower
	for id, t := range f.tails {
		if e.w.at(t.seg.Slot) != t.seg {
			delete(f.tails, id) // it was dropped
			continue
		}
		if !t.ended || t.off < t.seg.Length() && t.more() {
			continue
		}
		delete(f.tails, id)
		if t.isBegun() {
			e.leaveBegun(t.seg)
			continue
		}
		t.seg.SetLength(t.off)
		t.seg.Seal()
	}
}

// settleTails lets go of the tails that have ended, for who is about to choose among segments: one
// that came to nothing ends without a commit that would be followed.
func (e *Engine) settleTails() error {
	if len(e.follower.tails) == 0 {
		return nil
	}
	err := e.lookAtBoard()
	e.forgetTails()
	return err
}

// isBegun reports whether nothing was applied of the segment: nothing points to it.
func (t *tail) isBegun() bool { return t.seg.FirstSeq.Load() == 0 }

// leaveBegun takes a segment that came to nothing out of the log: who takes over from the process
// that had begun it removes its file, and need not commit anything for that.
func (e *Engine) leaveBegun(s *segment.Segment) {
	e.leaveGone(s)
	e.w.bySlot[s.Slot] = nil
	e.log.Publish(e.w.bySlot)
}

// more reports whether there is a commit in the tail.
func (t *tail) more() bool {
	c := segment.ResumeCursor(readerAt{t.seg}, t.seg.ID, t.off, t.seg.Length())
	return c.Next() || c.Err() != nil
}

package engine

import (
	"errors"
	"io/fs"

	"github.com/go-diskcache/diskcache/segment"
)

// partDrop is a commit that dropped a part of a segment.
type partDrop struct {
	committed
	first uint64 // sequence that the segment begins with as long as it is not on the disk
}

// dropped notes what has dropped a part of a segment, which still began with first.
func (r *reclaimer) dropped(s *segment.Segment, by committed, first uint64) {
	if r.last == nil {
		r.last = make(map[*segment.Segment]partDrop)
	}
	if o, ok := r.last[s]; ok && !o.synced() {
		first = min(first, o.first)
	}
	r.last[s] = partDrop{by, first}
}

// firstSeq returns the first sequence of what a crash may leave of a segment.
func (r *reclaimer) firstSeq(s *segment.Segment) uint64 {
	first := s.FirstSeq.Load()
	if by, ok := r.last[s]; ok && !by.synced() {
		first = min(first, by.first)
	}
	return first
}

func (r *reclaimer) forget(s *segment.Segment) {
	delete(r.walks, s)
	delete(r.last, s)
	delete(r.stuck, s)
}

// unsynced reports whether a part of a segment was dropped by a commit of which it is not
// known that it is on the disk. What drops more of it drops that part again: a crash that
// left this and lost the other would leave nothing of that part, neither it nor its
// copies. They may stand in one file: what of a file arrives comes in any order.
func (e *Engine) unsynced(s *segment.Segment) bool {
	by, ok := e.reclaimer.last[s]
	return ok && !by.synced()
}

// waitsFor reports whether what another segment was dropped by, or a part of it, stands
// in one and is not on the disk yet: before that may go itself, it has to be.
func (e *Engine) waitsFor(s *segment.Segment) bool {
	for _, by := range e.reclaimer.last {
		if by.seg == s && !by.synced() {
			return true
		}
	}
	return e.graves.waitsFor(s)
}

// lastCommit returns what was committed last.
func (w *writer) lastCommit() committed {
	by := w.stage.writer()
	return committed{by.Segment, by.Offset() - 1}
}

// syncWriters puts on the disk all that was committed before. What a failed sync was to cover is written
// anew if rescue is set, by who was asked to do all of this: the background would do so again and again
// as long as the disk stays as it is, and each time there would be more of it.
func (e *Engine) syncWriters(locked, rescue bool) error {
	if !locked {
		e.w.mu.Lock()
	}
	ws := e.w.actives()
	e.bg.mu.Lock()
	ws = append(ws, e.bg.rotated...)
	e.bg.mu.Unlock()
	others := e.unsyncedOthers()
	if !locked {
		e.w.mu.Unlock()
	}
	var errs []error
	for _, s := range others {
		errs = append(errs, e.syncOther(s))
	}
	for _, w := range ws {
		if rescue {
			errs = append(errs, e.syncWriter(w))
		} else if err := w.Sync(); err != nil && (locked && e.w.has(w.Segment) || !locked && e.has(w.Segment)) {
			errs = append(errs, syncError(err))
		}
	}
	return errors.Join(errs...)
}

// unsyncedOthers returns the segments of other processes that are not known to be on the
// disk. The caller holds the writer lock of the process.
func (e *Engine) unsyncedOthers() (others []*segment.Segment) {
	for _, s := range e.w.bySlot {
		if s != nil && s.Synced() < s.Length() && !e.writesTo(s.ID) && !e.bg.hasOrphan(s.ID) {
			others = append(others, s)
		}
	}
	return others
}

// syncOther syncs a segment that another process writes to, or wrote to. One that is gone
// needs none.
func (e *Engine) syncOther(s *segment.Segment) error {
	length := s.Length()
	f, err := e.fsys.Open(s.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	e.stats.syncs.Add(1)
	if err = e.values.loose.settle(s); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return syncError(err)
	}
	if err := e.fsys.SyncDir("."); err != nil {
		return syncError(err)
	}
	s.SetSynced(length)
	return nil
}

// has reports whether a segment is still part of the log. One that was dropped meanwhile
// has a file that is closed, and need not be synced.
func (e *Engine) has(s *segment.Segment) bool {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	return e.w.has(s)
}

func (w *writer) has(s *segment.Segment) bool { return w.at(s.Slot) == s }

// syncDropped syncs what says that segments and files are gone, and removes them.
func (e *Engine) syncDropped(locked bool) error { return e.syncDroppedOr(locked, false) }

// syncDroppedOr is syncDropped that writes anew what a failed sync was to cover if rescue is set.
func (e *Engine) syncDroppedOr(locked, rescue bool) error {
	return errors.Join(e.syncWriters(locked, rescue), e.retireDropped(), e.values.removeDead(), e.forgetRemoved())
}

package engine

import (
	"errors"

	"github.com/go-diskcache/diskcache/codec"
)

// deleteWithout commits what only deletes and found the disk full: a tombstone
// needs a few bytes, and a disk is not to stay full because there is no room to
// make room. What is given up for them only makes opening fast. The caller holds
// the writer lock.
func (e *Engine) deleteWithout(r *request) {
	s := &e.w.stage
	for errors.Is(r.err, ErrNoSpace) && !grows(r) && e.makeRoom() {
		r.err = s.add(r)
		s.flush()
	}
}

// makeRoom removes the snapshot or a hint, and reports whether there was one.
func (e *Engine) makeRoom() bool {
	if e.loadLocked() != nil {
		return false
	}
	if e.giveUp(codec.SnapshotName) {
		e.faults.add("snapshot given up", e.closeSnapshot())
		return true
	}
	for _, s := range e.w.bySlot {
		if s == nil || !s.Sealed() || s.Synced() < s.Length() {
			continue
		}
		if _, err := e.fsys.Stat(s.Name()); err == nil && e.giveUp(codec.HintName(s.ID)) {
			return true
		}
	}
	return false
}

func (e *Engine) giveUp(name string) bool {
	info, err := e.fsys.Stat(name)
	if err != nil || !info.Regular || e.fsys.Remove(name) != nil {
		return false
	}
	e.stats.disk.Add(-info.Size)
	return true
}

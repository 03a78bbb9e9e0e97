package engine

import (
	"cmp"
	"errors"
	"math"

	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// rebuildFromRead builds the index anew when a part of it, loaded from a
// snapshot as it was first used, has proved damaged.
func (e *Engine) rebuildFromRead() error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.closed {
		return ErrClosed
	}
	x := e.index.Load()
	if x.Err() == nil {
		return nil // somebody was faster
	}
	if !e.dir.held { // segments may go as they are read
		return errors.Join(e.reindex(), e.follow())
	}
	_, err := e.rebuild(x)
	return err
}

// loadLocked sees to it that the index has loaded all of its snapshot, so that
// what fn of an Update reads cannot ask for a rebuild, which needs the lock that
// the Update holds.
func (e *Engine) loadLocked() error {
	if e.loaded.Load() {
		return nil
	}
	x := e.index.Load()
	if err := x.LoadAll(); err != nil {
		if _, err := e.rebuild(x); err != nil {
			return err
		}
	}
	e.loaded.Store(true)
	return nil
}

// rebuild replaces the damaged index by one made from the log. Readers go on
// with the old one until the new one is there. The caller holds the writer lock.
func (e *Engine) rebuild(damaged *keydir.Index) (*keydir.Index, error) {
	e.faults.add("index is built anew", snapshotError(cmp.Or(damaged.Err(), error(errNowhere))))
	x := keydir.New(keydir.Config{PlaceBits: e.layout.PlaceBits, Ranks: e.evict.ranked()})
	var files values // aside: until all is replayed the files that seem to be unnamed are not
	files.init(e)
	rp := &replay{e: e, index: x, values: &files, segs: e.w.bySlot, bySlot: make([]*history, len(e.w.bySlot))}
	var all []*history
	for _, s := range e.w.bySlot {
		if s == nil {
			continue
		}
		h, err := e.historyOf(s)
		if err != nil {
			x.Close()
			return nil, readError(err)
		}
		if !e.writesTo(s.ID) { // else no power cut has come since
			e.leaveTorn(h, math.MaxUint64)
		}
		all = append(all, h)
		rp.bySlot[s.Slot] = h
	}
	for _, h := range all {
		h.seg.Forget()
	}
	if err := rp.run(all); err != nil {
		x.Close()
		return nil, readError(err)
	}
	e.values.adopt(&files)
	e.w.old = append(e.w.old, damaged)
	e.index.Store(x)
	e.views.giveUp()
	for i := range e.w.stage.changes {
		e.w.stage.changes[i].again = true // what they have found was in the old one
	}
	return x, nil
}

// historyOf reads the history of a segment that is in use: all of it, for records whose files have
// gone meanwhile may be in the index still.
func (e *Engine) historyOf(s *segment.Segment) (*history, error) {
	if hint, err := e.readHint(s.ID); err == nil {
		return &history{seg: s, cacheID: hint.CacheID, entries: hint.Entries, stated: hint.Length}, nil
	}
	c, err := segment.NewCursor(readerAt{s}, s.ID, s.Length(), s.Synced())
	if err != nil {
		return nil, versionError(err)
	}
	h := &history{seg: s, cacheID: e.id}
	return h, h.scan(c)
}

// adopt takes over which files are named.
func (v *values) adopt(from *values) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.live = from.live
	v.bytes.Store(from.bytes.Load())
	v.loose.adopt(&from.loose)
}

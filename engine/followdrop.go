package engine

import (
	"errors"
	"io/fs"
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// A process that follows does not move what another has compacted: it finds out what of a
// dropped segment its index still names, and lets go of it.

// followDrop applies a drop: what the index has of the dropped part is gone, and what was
// wanted of it has been committed again.
func (e *Engine) followDrop(x *keydir.Index, he *codec.HintEntry, by committed) (bool, error) {
	e.follower.drops.Add(1)
	s := e.segmentOf(he.Hash)
	upTo := he.Expires * codec.Align
	whole := upTo == 0
	if s == nil {
		e.graves.reburied(he.Hash, by) // or it is long gone
		if whole {
			e.isGone(he.Hash)
		}
		return false, nil
	}
	if whole {
		upTo = math.MaxInt64
	}
	first := s.FirstSeq.Load()
	left, err := e.partsOf(s)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		return false, errBehind
	}
	if err != nil {
		return false, err
	}
	last := uint64(0)
	for ; len(left.entries) > 0 && left.entries[0].Off < upTo; left.entries = left.entries[1:] {
		if err := e.forgetAt(x, s, &left.entries[0]); err != nil {
			return false, err
		}
		last = left.entries[0].Seq
	}
	if !whole {
		e.reclaimer.dropped(s, by, first)
		s.Front.Store(upTo)
		left.front = upTo
		switch {
		case len(left.entries) > 0:
			s.FirstSeq.Store(left.entries[0].Seq)
		case last > 0:
			s.FirstSeq.Store(last + 1)
		}
		return false, nil
	}
	if s.LiveCount.Load() != 0 { // the index would point to what is not there
		return false, errBehind
	}
	e.leaveDropped(s, by)
	return true, nil
}

// parts is what a segment holds that another process drops part by part: to read all of it for
// each part would take as often as long.
type parts struct {
	entries []codec.HintEntry // from front on
	front   int64             // of the segment
	length  int64             // of it, when they were read
}

// mostParts bounds the segments of which that is kept.
const mostParts = 4

// partsOf returns what a segment holds from its front on.
func (e *Engine) partsOf(s *segment.Segment) (*parts, error) {
	f := &e.follower
	if p := f.parts[s]; p != nil && p.front == s.Front.Load() && p.length == s.Length() {
		return p, nil
	}
	entries, err := e.readEntries(s)
	if err != nil {
		return nil, err
	}
	if f.parts == nil || len(f.parts) >= mostParts {
		f.parts = make(map[*segment.Segment]*parts)
	}
	p := &parts{entries, s.Front.Load(), s.Length()}
	f.parts[s] = p
	return p, nil
}

// leaveDropped takes a segment that another process has dropped out of the log.
func (e *Engine) leaveDropped(s *segment.Segment, by committed) {
	e.leaveWriter(s)
	s.SetSynced(s.Length()) // what waited for it: who dropped it has seen to that
	delete(e.follower.parts, s)
	e.isGone(s.ID)
	first := e.reclaimer.firstSeq(s)
	e.reclaimer.forget(s)
	e.w.bySlot[s.Slot] = nil
	e.graves.bury(s, by, first)
}

// leaveWriter ends the writing of this process to a segment that another has dropped.
func (e *Engine) leaveWriter(s *segment.Segment) {
	for i, w := range e.w.active {
		if w != nil && w.Segment == s {
			e.w.active[i] = nil
			e.bg.seal(w) // only to be claimed
		}
	}
	if w, ok := e.bg.claim(s); ok {
		e.giveUpSealing(w)
	}
}

// ownSegments returns those that this process writes to, or has not sealed yet.
func (e *Engine) ownSegments() (own []*segment.Segment) {
	e.bg.mu.Lock()
	defer e.bg.mu.Unlock()
	for _, w := range append(e.w.actives(), e.bg.rotated...) {
		own = append(own, w.Segment)
	}
	return own
}

// forgetAt takes the entry that points to a record out of the index.
func (e *Engine) forgetAt(x *keydir.Index, s *segment.Segment, he *codec.HintEntry) error {
	switch {
	case holds(he.Kind, he.Flags):
		s.TombBytes.Add(-min(he.Size, s.TombBytes.Load()))
		return nil
	case he.Kind == codec.KindDrop:
		s.DropBytes.Add(-min(he.Size, s.DropBytes.Load()))
		return nil
	case he.Kind != codec.KindPut:
		return nil
	}
	_, ok, err := e.entryAt(x, he, s)
	if err != nil || !ok {
		return err
	}
	op := &Op{Record: codec.Record{Hash: he.Hash}, From: &source{s, he.Off, he.Size}}
	if x.HasSide(he.Hash) {
		if _, op.Record.Key, err = s.Head(he.Off, nil); err != nil {
			return err
		}
	}
	at := e.placeOf(op)
	ref, err := x.Find(he.Hash, at)
	if err != nil || !ref.Found() {
		return err
	}
	if err := x.Delete(he.Hash, ref, at); err != nil {
		return err
	}
	e.views.loose.Add(1)
	s.LiveBytes.Add(-he.Size)
	s.LiveCount.Add(-1)
	if he.Flags&codec.FlagFile != 0 {
		f, err := e.fileOf(s, he.Off)
		if err != nil {
			return err
		}
		e.values.condemn(f, nil, 0)
		s.FileBytes.Add(-f.Size)
	}
	return nil
}

// clears returns what a commit drops if that is all that there is, else nil.
func (e *Engine) clears(c *segment.Commit) map[uint64]bool {
	if len(c.Records) == 0 || c.Records[0].Kind != codec.KindDrop {
		return nil
	}
	drops := make(map[uint64]bool, len(c.Records))
	for i := range c.Records {
		r := &c.Records[i]
		if r.Kind != codec.KindDrop || r.Expires != 0 {
			return nil
		}
		drops[r.Hash] = true
	}
	for _, s := range e.w.bySlot {
		if s != nil && s.LiveCount.Load() > 0 && !drops[s.ID] {
			return nil
		}
	}
	return drops
}

// clearFollowed applies a commit that drops all that there is.
func (e *Engine) clearFollowed(drops map[uint64]bool, by committed) {
	old := e.emptyIndex()
	e.graves.rebury(by)
	for id := range drops {
		e.isGone(id)
	}
	for _, s := range e.w.bySlot {
		if s != nil && drops[s.ID] {
			s.Forget()
			e.leaveDropped(s, by)
		}
	}
	e.values.forgetAll(by)
	e.log.PublishThen(e.w.bySlot, old.Close)
}

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// A segment that is full is ended, and another begun in a free slot of the table.

// rotate ends the active segment of a stream and begins a new one.
func (e *Engine) rotate(to stream) error {
	w := &e.w
	active := &w.active[to]
	slot, err := w.freeSlot(e.layout)
	if err != nil {
		return err
	}
	free := e.board.free()
	e.w.crowded = free < mostFiles/4
	if free == 0 { // who has the writer lock alone takes entries
		return fmt.Errorf("%w: %d segments are being written to, there can be no more", ErrFull, mostFiles)
	}
	next, err := e.create(slot, to)
	if err != nil {
		return writeError(err)
	}
	e.stats.disk.Add(next.Grown())
	e.reserve.hints.Add(int64(codec.HintLen(0)))
	e.reserveSnapshot()
	next.Segment.FirstSeq.Store(e.clock.last.Load() + 1)
	old := *active
	*active = next
	w.entries[to] = e.board.add(next.Segment.ID, next.Offset())
	w.put(next.Segment)
	e.log.Publish(w.bySlot)
	if old != nil {
		e.bg.seal(old)
		e.reclaiming.poke()
	}
	return e.board.publish() // should it die, others know what it has written to
}

// mostTaken bounds how many names of segments are tried.
const mostTaken = 64

// create makes the file of a segment. A name can be taken by one that has come to nothing, for a sync
// failed before anything was committed to it: by a clock that has gone back, its number comes again.
func (e *Engine) create(slot uint32, to stream) (next *segment.Writer, err error) {
	for range mostTaken {
		head := codec.SegmentHeader{CacheID: e.id, ID: e.clock.next(), Seq: e.w.seq, Stream: uint32(to)}
		next, err = segment.Create(e.fsys, e.files, slot, head)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return next, err
}

// freeSlot returns the lowest slot that no segment has.
func (w *writer) freeSlot(l segment.Layout) (uint32, error) {
	slot := slices.Index(w.bySlot, nil)
	if slot < 0 {
		slot = len(w.bySlot)
	}
	if uint32(slot) >= l.MaxSlots() {
		return 0, fmt.Errorf("%w: %d segments are all that the index can tell apart", ErrFull, l.MaxSlots())
	}
	return uint32(slot), nil
}

// at returns the segment at slot, nil if there is none.
func (w *writer) at(slot uint32) *segment.Segment {
	if slot >= uint32(len(w.bySlot)) {
		return nil
	}
	return w.bySlot[slot]
}

// put gives s its slot in the table.
func (w *writer) put(s *segment.Segment) {
	for uint32(len(w.bySlot)) <= s.Slot {
		w.bySlot = append(w.bySlot, nil)
	}
	w.bySlot[s.Slot] = s
}

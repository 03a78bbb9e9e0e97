package engine

import (
	"errors"
	"io"
	"io/fs"
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// join opens a directory that other processes have open.
func (e *Engine) join() error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	bits := e.opt.placeBits()
	if e.board.watch != nil {
		bits = mostPlaceBits // it does not know the limit of the others
	}
	e.layout = segment.NewLayout(bits, e.maxFile)
	e.index.Store(keydir.New(keydir.Config{PlaceBits: e.layout.PlaceBits, Ranks: e.evict.ranked()}))
	e.loaded.Store(true)
	e.log.Publish([]*segment.Segment{})
	if err := errors.Join(e.reindex(), e.lookAfter()); err != nil {
		return err
	}
	return e.follow()
}

// maxReindex bounds how often it is begun anew because segments went as they were read.
const maxReindex = 100

// reindex builds the index anew from the files of the directory, as of what is published
// now, while others may write. The caller holds the writer lock of the process.
//
// A segment that goes meanwhile was dropped by a commit that is published by then: what was
// wanted of it was committed again, and comes with what is followed next.
func (e *Engine) reindex() error {
	seq, ok := e.published()
	if !ok {
		return ErrLockLost
	}
	return e.reindexTo(seq)
}

// reindexTo is reindex up to a sequence; math.MaxUint64: all that there is.
func (e *Engine) reindexTo(seq uint64) error {
	for try := range maxReindex {
		strict := e.board.file != nil && try < maxReindex/2
		if err := e.reindexOnce(seq, strict); !errors.Is(err, errBehind) {
			return err
		}
	}
	return errBehind
}

// reindexing is one attempt.
type reindexing struct {
	e      *Engine
	seq    uint64           // what comes later is followed
	last   uint64           // of what was read
	active map[uint64]int64 // committed length of the segments that are written to
	bySlot []*segment.Segment
	tails  map[uint64]*tail
	all    []*history
	added  []*segment.Segment // that this process did not have

	// strict fails it with errBehind where what is published is not to be seen: on a network
	// disk that may pass, damage does not.
	strict bool
}

func (e *Engine) reindexOnce(seq uint64, strict bool) (err error) {
	ri := &reindexing{e: e, strict: strict, seq: seq, active: make(map[uint64]int64), tails: make(map[uint64]*tail)}
	defer func() { err = errors.Join(err, ri.discard()) }()
	for _, a := range e.board.files(nil) {
		ri.active[a.id] = a.length
	}
	list, err := e.fsys.List(".")
	if err != nil {
		return err
	}
	byID := make(map[uint64]*found)
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || !info.Regular || kind != codec.NameSegment && kind != codec.NameHint {
			continue
		}
		note(byID, kind, id, info)
	}
	e.leaveOwn(func(id uint64) bool { return byID[id] != nil && !byID[id].missing })
	for _, f := range sorted(byID) {
		if f.missing || f.size < codec.SegmentHeaderLen && ri.active[f.id] <= codec.SegmentHeaderLen {
			continue // a hint whose segment was removed first, or a segment that is being begun
		}
		if err := ri.read(f); err != nil {
			return err
		}
	}
	if seq == math.MaxUint64 {
		ri.seq = ri.last
	}
	if ri.strict && ri.last < ri.seq {
		return errBehind // the last commit: only a later one can have removed it
	}
	if err := ri.leaveGone(); err != nil {
		return err
	}
	return ri.finish()
}

// leaveGone leaves out the segments whose files went as they were read. What dropped them may
// have gone as well since: it has to stay only as long as they do. What was wanted of them
// stands in a segment that was read, or comes with what is followed next.
func (ri *reindexing) leaveGone() error {
	list, err := ri.e.fsys.List(".")
	if err != nil {
		return err
	}
	there := make(map[uint64]bool, len(list))
	for _, info := range list {
		if kind, id, ok := codec.ParseName(info.Name); ok && kind == codec.NameSegment {
			there[id] = true
		}
	}
	ri.e.leaveOwn(func(id uint64) bool { return there[id] })
	left := ri.all[:0]
	for _, h := range ri.all {
		if there[h.seg.ID] {
			left = append(left, h)
			continue
		}
		delete(ri.tails, h.seg.ID)
	}
	ri.all = left
	return nil
}

// leaveOwn ends the writing to segments of this process whose files are gone: another has dropped
// them.
func (e *Engine) leaveOwn(there func(id uint64) bool) {
	for _, s := range e.ownSegments() {
		if there(s.ID) {
			continue
		}
		e.leaveWriter(s)
		e.giveUp(codec.HintName(s.ID))
		if e.w.has(s) {
			e.leaveGone(s)
			e.w.bySlot[s.Slot] = nil
		}
	}
}

// leaveGone forgets a segment whose file is gone. What waited for it waits no more: who removed it
// has seen to that.
func (e *Engine) leaveGone(s *segment.Segment) {
	s.SetSynced(s.Length())
	e.reclaimer.forget(s)
}

// discard gives back the segments that did not come into the log.
func (ri *reindexing) discard() error {
	var errs []error
	for _, s := range ri.added {
		if !ri.e.w.has(s) {
			errs = append(errs, s.Discard())
		}
	}
	return errors.Join(errs...)
}

// read reads the history of a segment up to what is published.
func (ri *reindexing) read(f found) error {
	e := ri.e
	s := e.segmentOf(f.id)
	if e.writesTo(f.id) && s == nil {
		return nil // nothing was committed to it, or it was dropped
	}
	h := &history{seg: s, cacheID: e.id}
	if s == nil {
		h.seg = segment.Shared(e.fsys, e.files, f.id, 0, codec.SegmentHeaderLen)
		ri.added = append(ri.added, h.seg)
	}
	if err := ri.fill(h, f); err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOtherCache) {
			return nil // dropped this moment, or not ours
		}
		if _, active := ri.active[f.id]; !active && errors.Is(err, io.ErrUnexpectedEOF) {
			return errBehind // room that was reserved behind its end was given back
		}
		return readError(err)
	}
	if len(h.entries) == 0 {
		delete(ri.tails, f.id) // it is found again when there is something in it
		return nil
	}
	ri.last = max(ri.last, h.entries[len(h.entries)-1].Seq)
	ri.leaveTorn(h)
	ri.all = append(ri.all, h)
	return nil
}

// leaveTorn leaves out what a power cut tore and no hint tells of: of segments that nobody writes
// to and, for who reads only and cannot tell which these are, of all that was there when it came.
// A file that is missing because its value was replaced is no loss: what has replaced it was
// committed before the file went, and is followed before anybody reads.
func (ri *reindexing) leaveTorn(h *history) {
	_, active := ri.active[h.seg.ID]
	switch watch := ri.e.board.watch; {
	case watch != nil:
		ri.e.leaveTorn(h, watch.found)
	case !active:
		ri.e.leaveTorn(h, math.MaxUint64)
	}
}

// fill reads the entries of a history and cuts off what is not published.
func (ri *reindexing) fill(h *history, f found) error {
	e, s := ri.e, h.seg
	length, active := ri.active[f.id]
	if e.writesTo(f.id) {
		read, err := e.historyOf(s)
		if err != nil {
			return err
		}
		h.entries, h.stated = read.entries, s.Length()
		return nil
	}
	synced := int64(0)
	hint, hinted := codec.Hint{}, false
	if f.hinted {
		var err error
		hint, err = segment.ReadHint(e.fsys, f.id)
		hinted = err == nil
	}
	if hinted {
		if hint.CacheID != e.id {
			return errOtherCache
		}
		h.entries, length, synced, active = hint.Entries, hint.Length, hint.Length, false
		h.stated = hint.Length
		s.Stream = hint.Stream
	} else {
		var err error
		if length, err = ri.scan(h, length, active); err != nil {
			return err
		}
	}
	whole := len(h.entries)
	for whole > 0 && h.entries[whole-1].Seq > ri.seq {
		whole--
	}
	cut := whole < len(h.entries)
	h.entries = h.entries[:whole]
	if cut {
		length = codec.SegmentHeaderLen
		if whole > 0 {
			length = h.entries[whole-1].Off + h.entries[whole-1].Size
		}
	}
	s.SetLength(length)
	switch {
	case cut || active:
		ri.tails[f.id] = newTail(s, length)
	default:
		s.SetSynced(synced)
		s.Seal()
	}
	return nil
}

// scan reads the entries of a segment that has no hint, up to a length if it is written to, and
// returns how long it is.
func (ri *reindexing) scan(h *history, length int64, active bool) (int64, error) {
	e, s := ri.e, h.seg
	if !active {
		var err error
		if length, err = e.lengthOf(s.ID); err != nil {
			return 0, err
		}
	}
	s.Grow(length)
	s.Refresh()
	head, err := s.Header()
	switch {
	case errors.Is(err, fs.ErrNotExist) || err != nil && !segment.IsDamage(err):
		return 0, err
	case err == nil && head.CacheID != e.id:
		return 0, errOtherCache
	}
	s.Stream = head.Stream // commits verify without it, should it be damaged
	c, err := segment.NewCursor(readerAt{s}, s.ID, s.Length(), 0)
	if err != nil {
		return 0, versionError(err)
	}
	h.entries = nil
	if err := h.scan(c); err != nil {
		return 0, err
	}
	if ri.strict && active && c.End() < length {
		return 0, errBehind
	}
	return c.End(), nil
}

// finish makes an index of the histories and puts it in the place of the one that was.
func (ri *reindexing) finish() error {
	e := ri.e
	e.dropIn(ri)
	for _, h := range ri.all {
		if n := len(h.entries); n > 0 {
			h.seg.FirstSeq.Store(h.entries[0].Seq)
			h.seg.LastSeq.Store(h.entries[n-1].Seq)
			if front := h.seg.Front.Load(); front > 0 {
				h.drop(front)
			}
		}
	}
	if err := ri.place(); err != nil {
		return err
	}
	x := keydir.New(keydir.Config{PlaceBits: e.layout.PlaceBits, Ranks: e.evict.ranked()})
	var files values
	files.init(e)
	rp := &replay{e: e, index: x, values: &files, segs: ri.bySlot, bySlot: make([]*history, len(ri.bySlot)), hidden: &doubts{}, moving: true}
	for _, h := range ri.all {
		h.seg.Forget()
		rp.bySlot[h.seg.Slot] = h
	}
	if err := rp.run(ri.all); err != nil {
		x.Close()
		return e.gone(readError(err))
	}
	e.values.adopt(&files)
	for i, s := range e.w.bySlot {
		if s != nil && (i >= len(ri.bySlot) || ri.bySlot[i] != s) {
			e.leaveGone(s)
		}
	}
	old := e.index.Load()
	e.partial.Store(x) // before anybody sees it
	e.index.Store(x)
	e.waiting.changedAll()
	e.views.giveUp()
	e.loaded.Store(true)
	e.evict.queue = evictQueue{}
	e.w.bySlot, e.follower.tails = ri.bySlot, ri.tails
	e.follower.shape, e.follower.parts = 0, nil
	e.w.seq = ri.seq
	e.clock.seen(ri.seq)
	e.reclaimer.walks = nil
	e.log.PublishThen(e.w.bySlot, old.Close)
	return nil
}

// dropIn leaves out what is dropped.
func (e *Engine) dropIn(ri *reindexing) {
	drops := dropsOf(ri.all)
	for id, d := range drops {
		if d.upTo == math.MaxInt64 {
			e.isGone(id)
		}
	}
	left := ri.all[:0]
	for _, h := range ri.all {
		d, ok := drops[h.seg.ID]
		switch {
		case !ok:
		case d.upTo < math.MaxInt64:
			h.seg.Front.Store(max(h.seg.Front.Load(), d.upTo))
			e.reclaimer.dropped(h.seg, d.by, h.seg.FirstSeq.Load())
		default:
			delete(ri.tails, h.seg.ID)
			if !e.graves.has(h.seg.ID) {
				first := uint64(0)
				if len(h.entries) > 0 {
					first = h.entries[0].Seq
				}
				if e.segmentOf(h.seg.ID) != nil {
					e.leaveDropped(h.seg, d.by)
				} else {
					e.graves.bury(segment.Gone(e.fsys, e.files, h.seg.ID, first), d.by, first)
				}
			}
			continue
		}
		left = append(left, h)
	}
	ri.all = left
}

// place gives each segment a slot: the one that it has, or one that is free.
func (ri *reindexing) place() error {
	e := ri.e
	var w writer
	var added []*segment.Segment
	for _, h := range ri.all {
		if e.segmentOf(h.seg.ID) == h.seg {
			w.put(h.seg)
		} else {
			added = append(added, h.seg)
		}
	}
	for _, s := range e.ownSegments() { // those that nothing was committed to
		if e.w.has(s) { // not dropped while it is being sealed
			w.put(s)
		}
	}
	for _, s := range added {
		var err error
		if s.Slot, err = w.freeSlot(e.layout); err != nil {
			return err
		}
		w.put(s)
	}
	ri.bySlot = w.bySlot
	if ri.bySlot == nil {
		ri.bySlot = []*segment.Segment{} // nil would close the log
	}
	return nil
}

package engine

import (
	"fmt"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// identityShift leaves of a hash the bits by which the index surely tells two keys
// apart. Keys that agree in them are not staged together but in one commit.
const identityShift = 34

// stage is where commits are decided and encoded before they are written
// together. Nothing in it is visible to anybody until flush has applied it. It
// belongs to the holder of the writer lock.
type stage struct {
	e       *Engine
	buf     []byte     // encoded commits, to be written at base
	base    int64      // offset in the active segment
	mark    int64      // synced length that buf states, 0 if none
	changes []change   // what applying them does to the index
	reqs    []*request // whose commits they are
	seen    hashSet    // keys in changes
	match   matcher
}

// change is a record that is staged.
type change struct {
	op    *Op
	ref   keydir.Ref
	old   match // what it replaces
	off   int64
	size  int64
	hint  codec.HintEntry
	again bool // an earlier change of the commit may have made ref stale
	mute  bool // a tombstone committed again: the index knows
}

func (s *stage) init(e *Engine) {
	s.e = e
	s.match.e = e
}

// add decides what the operations of r do and encodes them as one commit. What
// was staged before is flushed first where r depends on it.
func (s *stage) add(r *request) error {
	for i := range r.ops {
		if s.seen.has(r.ops[i].Record.Hash >> identityShift) {
			s.flush()
			break
		}
	}
	if err := s.room(r); err != nil {
		return err
	}
	w := s.e.w.active
	start := len(s.buf)
	changes := len(s.changes)
	seq := s.e.clock.next()
	prev := s.e.w.seq
	at := s.base + int64(start)
	s.buf = append(s.buf, make([]byte, codec.FrameHeaderLen)...) // filled in below, when the length is known
	if n := w.Unmarked(); n > 0 && s.mark == 0 {
		s.mark = n
		mark := codec.Record{Kind: codec.KindMark, Hash: uint64(n), Seq: seq}
		mark.Digest()
		s.buf = codec.AppendRecord(s.buf, w.Segment.ID, s.base+int64(len(s.buf)), &mark)
	}
	for i := range r.ops {
		if err := s.record(&r.ops[i], seq); err != nil {
			s.undo(start, changes)
			return err
		}
	}
	if len(s.changes) == changes { // deletes of what is not there
		s.undo(start, changes)
		return nil
	}
	s.e.w.seq = seq
	codec.AppendFrameHeader(s.buf[:start], w.Segment.ID, at, codec.Frame{Length: int64(len(s.buf) - start), Seq: seq, Prev: prev})
	s.reqs = append(s.reqs, r)
	return nil
}

// record stages one operation, if it does anything.
func (s *stage) record(op *Op, seq uint64) error {
	e, rec := s.e, &op.Record
	ref, old, err := s.match.find(rec)
	if err != nil {
		return err
	}
	op.Existed = ref.Found() && !e.clock.expired(old.expires, old.stored)
	if op.From != nil {
		if !moves(op, ref, &old) {
			return nil
		}
	} else if rec.Kind == codec.KindTombstone && !ref.Found() && !old.lost && !e.w.doubts.has(rec.Hash) {
		return nil // there is nothing to hold back
	}
	rec.Flags &= codec.FlagFile
	rec.Seq = seq
	if op.From == nil {
		rec.First, rec.Stored = seq, seq
		if op.Existed && rec.Kind == codec.KindPut {
			rec.First = old.first
		}
	}
	if ref.Found() || old.lost || rec.Kind == codec.KindTombstone { // a moved one replaced something in its time
		rec.Flags |= codec.FlagReplaced
	}
	// What is in seen by now is of this very commit: other keys.
	again := s.seen.has(rec.Hash >> identityShift)
	if old.collides || again {
		rec.Flags |= codec.FlagCollides
	}
	off := s.base + int64(len(s.buf))
	before := len(s.buf)
	s.buf = codec.AppendRecord(s.buf, e.w.active.Segment.ID, off, rec)
	size := int64(len(s.buf) - before)
	s.seen.add(rec.Hash >> identityShift)
	s.changes = append(s.changes, change{
		op: op, ref: ref, old: old, off: off, size: size, hint: hintOf(rec, off, size),
		again: again,
		mute:  op.From != nil && rec.Kind == codec.KindTombstone,
	})
	return nil
}

// moves reports whether a record that is to be committed again still matters. A
// put does while it is the newest of its key. A tombstone does even when its key
// was set again, for what was set relies on it to hold back older records; one
// whose commit failed, so that an older record is still in the index, does not.
func moves(op *Op, ref keydir.Ref, old *match) bool {
	if op.Record.Kind == codec.KindTombstone {
		return !ref.Found() || old.stored > op.Record.Stored
	}
	return ref.Found() && old.seg == op.From.seg && old.off == op.From.off
}

// hintOf returns what a hint says of a record.
func hintOf(rec *codec.Record, off, size int64) codec.HintEntry {
	return codec.HintEntry{
		Hash: rec.Hash, Seq: rec.Seq, Off: off, Size: size,
		Kind: rec.Kind, Flags: rec.WrittenFlags(), Expires: codec.HintExpires(rec.Expires),
	}
}

// undo takes back what was staged since.
func (s *stage) undo(start, changes int) {
	if s.mark > 0 && start == 0 {
		s.mark = 0
	}
	s.buf = s.buf[:start]
	for _, c := range s.changes[changes:] {
		s.seen.remove(c.op.Record.Hash >> identityShift)
	}
	clear(s.changes[changes:])
	s.changes = s.changes[:changes]
}

// room sees to it that the active segment has room for r.
func (s *stage) room(r *request) error {
	e := s.e
	need := int64(codec.FrameHeaderLen + codec.MaxHeadLen) // with a mark
	for i := range r.ops {
		need += int64(codec.RecordSize(&r.ops[i].Record)) + 8 // with the sequence of the first insertion
	}
	if need > e.layout.MaxFile()-codec.SegmentHeaderLen || need > codec.MaxFrameLen {
		return fmt.Errorf("%w: a commit of %d bytes does not fit a segment of at most %d", ErrTooLarge, need, e.layout.MaxFile())
	}
	hints := int64(codec.HintLen(len(s.changes) + len(r.ops)))
	if e.opt.SizeLimit > 0 && e.usage()+int64(len(s.buf))+need+hints > e.opt.SizeLimit && grows(r) {
		return ErrFull
	}
	if w := e.w.active; w != nil && w.Err() == nil {
		end := w.Offset() + int64(len(s.buf))
		if end+need <= e.opt.SegmentSize || end == codec.SegmentHeaderLen {
			s.base = w.Offset()
			return nil
		}
		s.flush()
	}
	if err := e.rotate(); err != nil {
		return err
	}
	s.base = e.w.active.Offset()
	return nil
}

// grows reports whether r stores anything: what only deletes is never refused.
func grows(r *request) bool {
	for i := range r.ops {
		if r.ops[i].Record.Kind == codec.KindPut && r.ops[i].From == nil {
			return true
		}
	}
	return false
}

// flush writes what is staged, syncs it where the options say so, applies it,
// and leaves the outcome in the requests.
func (s *stage) flush() {
	if len(s.reqs) > 0 {
		if err := s.write(); err != nil {
			for _, r := range s.reqs {
				r.err = err
			}
			for i := range s.changes {
				s.e.w.doubts.add(s.changes[i].hint.Hash)
			}
		} else {
			s.apply()
		}
	}
	s.buf = s.buf[:0]
	if cap(s.buf) > maxStageBuffer {
		s.buf = nil
	}
	s.mark = 0
	clear(s.changes)
	clear(s.reqs)
	s.changes, s.reqs = s.changes[:0], s.reqs[:0]
	s.seen.reset()
	if w := s.e.w.active; w != nil {
		s.base = w.Offset()
	}
}

// maxStageBuffer bounds the buffer that is kept between commits.
const maxStageBuffer = 4 << 20

func (s *stage) write() error {
	w := s.e.w.active
	before := w.Offset()
	err := w.Append(s.buf)
	if n := w.Grown(); n != 0 {
		s.e.stats.disk.Add(n)
	}
	if err != nil {
		return writeError(readError(err)) // memory whose file was cut is damage
	}
	s.e.stats.written.Add(int64(len(s.buf)))
	if s.e.opt.Sync == SyncAlways {
		s.e.stats.syncs.Add(1)
		if err := w.Sync(); err != nil {
			// It is not applied, so whoever reads the log must not find it
			// either. Nothing is appended behind it any more.
			w.Segment.SetLength(before)
			return syncError(err)
		}
	}
	w.Segment.LastSeq.Store(s.e.w.seq)
	for i := range s.changes {
		w.Note(s.changes[i].hint)
	}
	s.e.reserve.hints.Add(int64(codec.HintLen(len(s.changes)) - codec.HintLen(0)))
	if s.mark > 0 {
		w.Marked(s.mark)
	}
	return nil
}

// apply makes the staged changes visible.
func (s *stage) apply() {
	e := s.e
	seg := e.w.active.Segment
	x := e.index.Load()
	for i := range s.changes {
		c := &s.changes[i]
		if c.mute {
			continue
		}
		s.match.set(&c.op.Record)
		var err error
		if c.again {
			c.ref, err = x.Find(c.hint.Hash, &s.match)
		}
		if err == nil && c.op.Record.Kind == codec.KindTombstone {
			err = x.Delete(c.hint.Hash, c.ref, &s.match)
		} else if err == nil {
			err = x.Put(c.hint.Hash, c.ref, &s.match, keydir.Entry{
				Place: e.layout.Place(seg.Slot, c.off), Class: keydir.ClassOf(int(c.size)),
			})
			seg.LiveBytes.Add(c.size)
			seg.LiveCount.Add(1)
			if c.op.From == nil {
				e.values.named(c.op.Value)
			}
		}
		if err != nil {
			panic(fmt.Sprintf("diskcache: index and log disagree: %v", err))
		}
		if c.ref.Found() {
			if c.op.From != nil {
				c.old.file = valueFile{} // named by the copy as well
			}
			e.forget(c.old, seg, c.off)
		}
	}
}

// forget takes a record that is no longer the newest of its key out of the
// accounts. Its value file goes once the record at (by, off), which replaced
// it, is on the disk.
func (e *Engine) forget(old match, by *segment.Segment, off int64) {
	old.seg.LiveBytes.Add(-old.size)
	old.seg.LiveCount.Add(-1)
	if old.file.ID != 0 {
		e.values.condemn(old.file, by, off)
	}
}

// rotate ends the active segment and begins a new one.
func (e *Engine) rotate() error {
	w := &e.w
	slot, err := w.freeSlot(e.layout)
	if err != nil {
		return err
	}
	if w.spare == nil && w.active != nil { // the next segment is like this one
		n := len(w.active.Entries())
		w.spare = make([]codec.HintEntry, 0, n+n/8)
	}
	head := codec.SegmentHeader{CacheID: e.id, ID: e.clock.next(), Seq: w.seq}
	next, err := segment.Create(e.fsys, e.files, slot, head, w.spare)
	if err != nil {
		return writeError(err)
	}
	e.stats.disk.Add(next.Grown())
	e.reserve.hints.Add(int64(codec.HintLen(0)))
	e.reserveSnapshot()
	w.spare = nil
	next.Segment.FirstSeq.Store(e.clock.last.Load() + 1)
	old := w.active
	w.active = next
	w.put(next.Segment)
	e.log.Publish(w.bySlot)
	if old != nil {
		e.bg.seal(old)
	}
	return nil
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

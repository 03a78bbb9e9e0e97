package engine

import (
	"errors"
	"fmt"
	"io/fs"
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
	stream  stream     // whose active segment
	base    int64      // offset in the active segment
	before  uint64     // sequence of the commit before those in buf
	mark    int64      // synced length that buf states, 0 if none
	changes []change   // what applying them does to the index
	reqs    []*request // whose commits they are
	seen    hashSet    // keys in changes
	turns   uint64     // the last Turn of the commit that is being staged
	inserts int        // by how many keys these make the index larger
	match   matcher
	ahead   lookup
	found   codec.Record // what an operation is decided by, with its value
	value   []byte
}

// lookup is what was found for an operation before it is staged: where it goes depends on that.
type lookup struct {
	op  *Op
	ref keydir.Ref
	old match
	err error
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
	mute  bool // a drop, or a tombstone committed again: the index knows
}

func (s *stage) init(e *Engine) {
	s.e = e
	s.match.e = e
}

// writer returns the writer of the active segment, nil if there is none yet.
func (s *stage) writer() *segment.Writer { return s.e.w.active[s.stream] }

// add decides what the operations of r do and encodes them as one commit. What
// was staged before is flushed first where r depends on it.
func (s *stage) add(r *request) error {
	if s.e.board.isLost() {
		return ErrLockLost
	}
	for i := range r.ops {
		if s.seen.has(r.ops[i].Record.Hash >> identityShift) {
			s.flush()
			break
		}
	}
	s.ahead.op = nil
	if any, err := s.decide(r); err != nil || !any {
		return err
	}
	if to := s.streamOf(r); to != s.stream {
		s.flush()
		s.stream = to
	}
	if err := s.room(r); err != nil {
		return err
	}
	w := s.writer()
	start := len(s.buf)
	changes := len(s.changes)
	s.turns = turns(r)
	seq := s.e.clock.nextOf(s.turns)
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
	if len(s.reqs) == 0 {
		s.before = prev
	}
	s.e.w.seq = seq
	codec.AppendFrameHeader(s.buf[:start], w.Segment.ID, at, codec.Frame{Length: int64(len(s.buf) - start), Seq: seq, Prev: prev})
	s.reqs = append(s.reqs, r)
	return nil
}

// turns returns the last Turn of a request.
func turns(r *request) (last uint64) {
	for i := range r.ops {
		last = max(last, uint64(r.ops[i].Turn))
	}
	return last
}

// record stages one operation, if it does anything.
func (s *stage) record(op *Op, seq uint64) error {
	switch {
	case op.Record.Kind == codec.KindDrop:
		op.Record.Seq, op.Record.First, op.Record.Stored = seq, seq, seq
		c := s.change(op)
		c.mute = true
		s.append(c)
		return nil
	case op.From != nil && op.Record.Kind == codec.KindPut:
		return s.move(op, seq)
	}
	e, rec := s.e, &op.Record
	if f := op.brings(); op.From == nil && f.ID != 0 && !e.values.isPending(f.ID) {
		return ErrLockLost
	}
	s.look(op)
	ref, old, err := &s.ahead.ref, &s.ahead.old, s.ahead.err
	if err != nil {
		return err
	}
	if !op.conditional() { // or it is known
		op.Existed = ref.Found() && !e.clock.expired(old.expires, old.stored)
	}
	if op.Keeps && !ref.Found() {
		return nil // given up for the room that its transaction takes
	}
	if op.Keeps && old.file.ID != op.Value.ID {
		return fmt.Errorf("%w: %w", ErrNotSynced, rewrittenError(op.Value.ID))
	}
	if op.OnlyAt != nil && (!ref.Found() || old.seg != op.OnlyAt.seg || old.off != op.OnlyAt.off) {
		return op.stale()
	}
	if op.From != nil {
		if !stillHolds(op, ref, old) {
			return nil
		}
		if rec.Flags&codec.FlagFirst == 0 {
			rec.First = 0 // it names no segment, and is not to seem to
		}
	} else if rec.Kind == codec.KindTombstone && !ref.Found() && !old.lost && !e.w.doubts.has(rec.Hash) {
		return nil // there is nothing to hold back
	}
	rec.Flags &= codec.FlagFile
	rec.Seq = seq
	if op.From == nil {
		rec.First, rec.Stored = seq, seq
		switch {
		case rec.Kind == codec.KindTombstone:
			rec.First = s.guarded(ref, old, rec, seq)
		case op.Existed && !op.Anew, op.Keeps:
			rec.First = old.first
		default:
			rec.First = seq - s.turns + uint64(op.Turn)
		}
	}
	if !ref.Found() && rec.Kind == codec.KindPut {
		if limit := e.settings().CountLimit; limit > 0 && int64(e.index.Load().Len()+s.inserts) >= limit {
			return errNoRoom
		}
	}
	if ref.Found() || old.lost || rec.Kind == codec.KindTombstone || e.w.doubts.has(rec.Hash) { // a moved one replaced something in its time, and so does what may be there of one that failed
		rec.Flags |= codec.FlagReplaced
	}
	// What is in seen by now is of this very commit: other keys.
	again := s.seen.has(rec.Hash >> identityShift)
	if ref.Collides() || again {
		rec.Flags |= codec.FlagCollides
	}
	c := s.change(op)
	c.ref, c.old, c.again, c.mute = *ref, *old, again, op.From != nil
	s.append(c)
	s.inserts += growth(c)
	return nil
}

// growth returns by how many keys a change makes the index larger.
func growth(c *change) int {
	switch put := c.op.Record.Kind == codec.KindPut; {
	case c.mute || c.op.From != nil || put == c.ref.Found():
		return 0
	case put:
		return 1
	}
	return -1
}

// guarded returns what the First of a tombstone says: the segment that holds the only
// record of its key, so that it can go with that one; or its own sequence if there may
// be more records.
func (s *stage) guarded(ref *keydir.Ref, old *match, rec *codec.Record, seq uint64) uint64 {
	w := &s.e.w
	if !ref.Found() || old.lost || old.flags&codec.FlagReplaced != 0 || w.doubts.has(rec.Hash) || w.hidden.Load().has(rec.Hash) {
		return seq
	}
	if !certain(old.seg, old.off) {
		return seq
	}
	return old.seg.ID
}

// stale returns what becomes of an operation whose record is not the newest any more.
func (op *Op) stale() error {
	if op.Strict {
		return errStale
	}
	return nil
}

// move stages the moving of a put that is still the newest of its key, or the end
// of one. It keeps what it says of its past: where it stood is dropped by the same
// commit, or it says that it has replaced something.
func (s *stage) move(op *Op, seq uint64) error {
	ref, err := s.match.stillAt(op)
	if err != nil {
		return err
	}
	if !ref.Found() {
		return op.stale()
	}
	rec := &op.Record
	old := match{
		first: rec.First, stored: rec.Stored, expires: rec.Expires, flags: rec.Flags,
		seg: op.From.seg, off: op.From.off, size: op.From.size, file: op.Value,
	}
	c := s.change(op)
	c.ref, c.old, c.again = ref, old, true
	if op.Silent {
		s.seen.add(rec.Hash >> identityShift)
		c.off, c.hint = s.base+int64(len(s.buf)), codec.HintEntry{Hash: rec.Hash}
		return nil
	}
	rec.Flags &= codec.FlagFile | codec.FlagReplaced
	if ref.Collides() {
		rec.Flags |= codec.FlagCollides
	}
	rec.Seq = seq
	s.append(c)
	return nil
}

// look looks up what is in the place of an operation, if that was not done before.
func (s *stage) look(op *Op) {
	if a := &s.ahead; a.op != op {
		a.op = op
		a.err = s.match.find(&op.Record, &a.ref, &a.old)
	}
}

// change adds an empty change of op to those that are staged. Behind their end all is empty.
func (s *stage) change(op *Op) *change {
	n := len(s.changes)
	s.changes = slices.Grow(s.changes, 1)[:n+1]
	c := &s.changes[n]
	c.op = op
	return c
}

// append encodes the record of a change.
func (s *stage) append(c *change) {
	rec := &c.op.Record
	c.off = s.base + int64(len(s.buf))
	before := len(s.buf)
	s.buf = codec.AppendRecord(s.buf, s.writer().Segment.ID, c.off, rec)
	c.size = int64(len(s.buf) - before)
	c.hint = hintOf(rec, c.off, c.size)
	s.seen.add(rec.Hash >> identityShift)
}

// stillHolds reports whether a tombstone that is to be committed again still matters. It
// does even when its key was set again, for what was set relies on it to hold back
// older records; one whose commit failed, so that an older record is still in the
// index, does not.
func stillHolds(op *Op, ref *keydir.Ref, old *match) bool {
	return !ref.Found() || old.stored > op.Record.Stored
}

// hintOf returns what a hint says of a record.
func hintOf(rec *codec.Record, off, size int64) codec.HintEntry {
	h := codec.HintEntry{
		Hash: rec.Hash, Seq: rec.Seq, Off: off, Size: size,
		Kind: rec.Kind, Flags: rec.WrittenFlags(), Expires: codec.HintExpires(rec.Expires),
	}
	if rec.Kind == codec.KindDrop {
		h.Expires = rec.Expires / codec.Align
	}
	return h
}

// undo takes back what was staged since.
func (s *stage) undo(start, changes int) {
	if s.mark > 0 && start == 0 {
		s.mark = 0
	}
	s.buf = s.buf[:start]
	for _, c := range s.changes[changes:] {
		s.seen.remove(c.op.Record.Hash >> identityShift)
		s.inserts -= growth(&c)
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
	if grows(r) {
		if err := s.limits(r, need); err != nil {
			return err
		}
	}
	if w := s.writer(); w != nil && w.Err() == nil {
		end := w.Offset() + int64(len(s.buf))
		if end+need <= e.settings().segmentSize || end == codec.SegmentHeaderLen {
			s.base = w.Offset()
			return nil
		}
		s.flush()
	}
	if err := e.rotate(s.stream); err != nil {
		return err
	}
	s.base = s.writer().Offset()
	return nil
}

// limits sees to it that the limits leave room for r, which takes need bytes.
func (s *stage) limits(r *request, need int64) error {
	e := s.e
	if limit := e.limit(); limit > 0 {
		hints := int64(codec.HintLen(len(s.changes) + len(r.ops)))
		if need > e.mostOf(limit) {
			return fmt.Errorf("%w: %d bytes do not fit a cache of %d", ErrTooLarge, need, limit)
		}
		if r.need = int64(len(s.buf)) + need + hints; e.usage()+r.need+e.headroom(limit) > limit {
			return errNoRoom
		}
	}
	if limit := e.settings().CountLimit; limit > 0 && puts(r) > limit {
		return fmt.Errorf("%w: %d items do not fit a cache of %d", ErrTooLarge, puts(r), limit)
	}
	return nil
}

func puts(r *request) (n int64) {
	for i := range r.ops {
		if r.ops[i].Record.Kind == codec.KindPut {
			n++
		}
	}
	return n
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

// copies reports whether r writes values, new ones or such as are moved.
func copies(r *request) bool {
	for i := range r.ops {
		if op := &r.ops[i]; op.Record.Kind == codec.KindPut && !op.Silent {
			return true
		}
	}
	return false
}

// leaves returns how much room the commits that are staged leave behind them: a full
// disk is to have some for what says that something is gone.
func (s *stage) leaves() int64 {
	for _, r := range s.reqs {
		if copies(r) {
			return roomToDelete
		}
	}
	return 0
}

const roomToDelete = 2 << 10

// flush writes what is staged, syncs it where the options say so, applies it,
// and leaves the outcome in the requests.
func (s *stage) flush() {
	if len(s.reqs) > 0 {
		err := s.write()
		if err == nil {
			err = s.publish()
		}
		if err != nil {
			for _, r := range s.reqs {
				r.err = err
			}
			for i := range s.changes {
				s.e.w.doubts.add(s.changes[i].hint.Hash)
			}
			s.e.w.seq = s.before // no commit is to name one that is not there
			s.giveUp()
		} else {
			s.note()
			s.apply()
			s.e.followed.Store(s.e.w.seq)
			s.tell()
		}
	}
	s.buf = s.buf[:0]
	if cap(s.buf) > maxStageBuffer {
		s.buf = nil
	}
	s.mark = 0
	clear(s.changes)
	clear(s.reqs)
	s.changes, s.reqs, s.inserts = s.changes[:0], s.reqs[:0], 0
	s.seen.reset()
	if w := s.writer(); w != nil {
		s.base = w.Offset()
	}
}

// giveUp ends, on a network disk, the segment that a commit has failed in. Others may take what
// is behind its end for committed, as long as it is written to by this process.
func (s *stage) giveUp() {
	if s.e.board.file == nil {
		return
	}
	w := s.writer()
	w.Segment.SetLength(s.base)
	s.e.disown(w)
	if !s.e.board.isLost() {
		_ = s.e.board.publish() // if it fails, the process is to attach anew
	}
}

// maxStageBuffer bounds the buffer that is kept between commits.
const maxStageBuffer = 4 << 20

func (s *stage) write() error {
	_ = s.withdraw() // what failed then was told then
	w := s.writer()
	before := w.Offset()
	s.noteFiles(w.Segment)
	err := w.AppendLeaving(s.buf, s.leaves())
	if n := w.Grown(); n != 0 {
		s.e.stats.disk.addHeld(n)
	}
	if err != nil {
		s.e.w.failed = append(s.e.w.failed, failed{w, before, len(s.buf)})
		return join(writeError(readError(err)), s.withdraw()) // memory whose file was cut is damage
	}
	s.e.stats.written.Add(int64(len(s.buf)))
	if s.e.opt.Sync == SyncAlways {
		s.e.stats.syncs.Add(1)
		if err := w.Sync(); err != nil {
			// It is not applied, so whoever reads the log must not find it
			// either. Nothing is appended behind it any more.
			w.Segment.SetLength(before)
			s.e.w.failed = append(s.e.w.failed, failed{w, before, len(s.buf)})
			return join(syncError(err), s.withdraw())
		}
	}
	return nil
}

// failed is a commit that was written, for all that is known, and has failed.
type failed struct {
	w    *segment.Writer
	from int64
	len  int
}

// withdraw takes commits that have failed out of the files, before anything else is committed: what
// of them came to light after the death of the process would be up to which of their keys were
// stored again. What cannot be taken out is tried again as long as its file is open. On a network disk
// it is left: the process may have lost its locks meanwhile, and another published what is there.
func (s *stage) withdraw() error {
	if s.e.board.file != nil {
		s.e.w.failed = nil
		return nil
	}
	var errs []error
	left := s.e.w.failed[:0]
	for _, f := range s.e.w.failed {
		if f.w.Segment.Sealed() || f.w.Err() == nil { // who was refused room before it wrote goes on, in that very place
			continue
		}
		if err := f.w.Withdraw(f.from, f.len); err != nil {
			errs = append(errs, writeError(err))
			left = append(left, f)
		}
	}
	clear(s.e.w.failed[len(left):])
	s.e.w.failed = left
	return errors.Join(errs...)
}

// noteFiles notes the files that what is to be written names and that are not known to be on
// the disk.
func (s *stage) noteFiles(seg *segment.Segment) {
	v := &s.e.values
	for i := range s.changes {
		c := &s.changes[i]
		op := c.op
		if op.Value.ID == 0 || op.Silent {
			continue
		}
		named := op.From != nil || op.Keeps // by the record in its place
		if !named && !v.syncsFirst() || named && !certain(c.old.seg, c.old.off) {
			v.loose.note(seg, op.Value)
		}
	}
}

// note keeps what is known of the segment by what was written.
func (s *stage) note() {
	w := s.writer()
	w.Segment.LastSeq.Store(s.e.w.seq)
	notes := 0
	for i := range s.changes {
		if !s.changes[i].op.Silent {
			w.Note(&s.changes[i].hint)
			notes++
		}
	}
	s.e.reserve.hints.addHeld(int64(notes * codec.HintEntryLen))
	if s.mark > 0 {
		w.Marked(s.mark)
	}
}

// publish tells other processes of what was written. From now on they see it, so that
// readers of this process wait until it is applied.
func (s *stage) publish() error {
	file := s.e.board.file
	if file != nil && file.fresh > 0 { // they see it when it is told to the file
		if err := file.confirm(); err != nil {
			return err
		}
	}
	b, entry := &s.e.board, s.e.w.entries[s.stream]
	b.setLength(entry, s.writer().Segment.Length())
	b.w[wordSeq].Store(s.e.w.seq)
	if file == nil {
		b.tellWaiting()
	}
	if file == nil || file.fresh > 0 {
		return nil
	}
	err := b.publish()
	if err != nil {
		file.unsay(func() {
			b.setLength(entry, s.base)
			b.w[wordSeq].Store(s.before)
		})
	}
	return err
}

// rewrittenError names a file that could not be synced, and was written anew under another name since a
// transaction has touched its item.
func rewrittenError(id uint64) error {
	return &fs.PathError{Op: "sync", Path: codec.ValueName(id), Err: errRewritten}
}

var errRewritten = errors.New("it failed, and the file was written anew meanwhile")

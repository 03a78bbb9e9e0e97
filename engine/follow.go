package engine

import (
	"errors"
	"io/fs"
	"math"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// Following is to apply what other processes have committed, with the code that Open
// applies the log with. The board says up to where: what a process has published is whole
// in its segments, which are read from where they were last read to. Each commit names the
// one before it, so that it shows when one is missing.

// follower is what a process knows of the segments that others write to. It belongs to
// the holder of the writer lock of the process.
type follower struct {
	tails map[uint64]*tail // by segment
	shape uint64           // wordShape when the board was looked at and had nothing but tails; 0: look
	parts map[*segment.Segment]*parts
	gone  map[uint64]bool // segments that are dropped and that the board names still

	drops atomic.Int64 // that were followed

	// Buffers.
	files   []activeFile
	readers []*tail
	replay  replay
	history history
	entry   codec.HintEntry
}

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

// errBehind says that what was committed cannot be followed: segments are gone before all
// of them was applied.
var errBehind = errors.New("diskcache: followed too late")

// catchUp applies what is published, for a reader: all commits that were before it was
// called. In the common case that is a look at one word of memory.
func (e *Engine) catchUp() error {
	set, err := e.acquire(0)
	if err == nil {
		set.Release(0)
	}
	return err
}

// acquire returns the segments as of all that was published when it was called.
func (e *Engine) acquire(salt uint64) (*segment.Set, error) {
	if e.forked() {
		return nil, ErrForked
	}
	if err := e.refresh(); err != nil {
		return nil, err
	}
	set := e.log.Acquire(salt)
	if set != nil && e.behind() {
		set.Release(salt)
		if err := e.followNow(); err != nil {
			return nil, err
		}
		set = e.log.Acquire(salt)
	}
	if set == nil {
		return nil, ErrClosed
	}
	return set, nil
}

// refresh learns, where nothing tells a process of news, what was published up to Freshness ago.
// Who has the writer lock knows all; whether it has it still is looked at as often.
func (e *Engine) refresh() error {
	if e.board.watch != nil {
		return e.board.watch.refresh()
	}
	file := e.board.file
	if file == nil || file.shut.Load() {
		return nil
	}
	if !file.lost.Load() {
		if err := file.refresh(); !errors.Is(err, ErrLockLost) {
			return err
		}
	}
	if e.dir.updating.Load() { // it may be who asks, and waits for nobody
		return ErrLockLost
	}
	if err := e.enter(e.life); err != nil { // which attaches anew, or waits for who does
		return err
	}
	e.leave()
	return nil
}

// behindNow is behind for who has found something gone, and so has to know.
func (e *Engine) behindNow() bool {
	switch file := e.board.file; {
	case e.board.watch != nil:
		_ = e.board.watch.look()
	case file != nil && !e.dir.sure.Load():
		_ = file.look() // what is wrong shows when it is read again
	}
	return e.behind()
}

// followNow is follow for who has no lock.
func (e *Engine) followNow() error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.closed {
		return ErrClosed
	}
	return e.follow()
}

// fewCommits bounds what followSome applies: whoever gives the writer lock up waits a little
// for the next one to take it.
const fewCommits = 128

// followSome is followNow for who waits for the writer lock, and will follow once it is there.
// It applies a few commits, if that is easy.
func (e *Engine) followSome() error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.closed || e.dir.departed() {
		return ErrClosed
	}
	seq, ok := e.published()
	if !ok {
		return nil
	}
	err := e.lookAtBoard()
	if err == nil {
		err = e.applyTails(seq, fewCommits)
	}
	if e.w.seq == seq {
		e.followed.Store(seq)
	}
	if errors.Is(err, errBehind) {
		return nil
	}
	return err
}

// behind reports whether something is published that is not applied. A process that has been
// alone since it had applied everything need not look: what it publishes nobody else has
// seen before it is applied.
// The caller has a set of segments, which keeps the page.
func (e *Engine) behind() bool {
	b := &e.board
	return !e.isLone() && b.w[wordSeq].Load() != e.followed.Load()
}

// isLone reports whether no other process has come since this one was alone.
func (e *Engine) isLone() bool {
	return e.board.file == nil && e.board.w[wordAttaches].Load() == e.lone.Load()
}

// lookWhetherAlone finds out whether no other process has the directory open any more.
func (e *Engine) lookWhetherAlone() error {
	b := &e.board
	if e.isLone() || b.file != nil { // who comes there is not seen at once
		return nil
	}
	if ok, err := e.locks.TryLock(lockOpen); !ok {
		return err // another comes or goes
	}
	alone, err := e.alone()
	if alone {
		e.w.mu.Lock()
		if err = e.follow(); err == nil {
			e.lone.Store(b.w[wordAttaches].Load())
		}
		e.w.mu.Unlock()
	}
	return errors.Join(err, e.locks.Unlock(lockOpen))
}

// hasNews is behind for who has no segments.
func (e *Engine) hasNews() bool {
	set := e.log.Acquire(0)
	if set == nil {
		return false
	}
	defer set.Release(0)
	return e.behindNow()
}

// follow applies what is published. The caller holds the writer lock of the process.
func (e *Engine) follow() error {
	b := &e.board
	if e.dir.held {
		e.partial.Store(nil)
		return nil // who may commit has applied all
	}
	if e.dir.departed() {
		return ErrClosed
	}
	seq, ok := e.published()
	if !ok {
		return nil // nobody commits before it is known again what was
	}
	if e.w.seq == seq {
		e.partial.Store(nil)
		e.followed.Store(e.w.seq)
		return nil
	}
	if b.watch != nil {
		e.id = b.id() // as soon as there is something
	}
	err := e.followTo(seq)
	for try := 0; errors.Is(err, errBehind) && try < maxReindex; try++ {
		if err = errors.Join(e.reindex(), e.lookAfter()); err != nil {
			break
		}
		// What went as the files were read was committed again by now.
		if seq, ok = e.published(); ok {
			err = e.followTo(seq)
		}
	}
	if err == nil {
		e.partial.Store(nil)
		e.followed.Store(e.w.seq)
	}
	return err
}

// published returns the sequence up to which all is published, and learns of which cache that is:
// who lost its locks before anything was stored knows it by another identity. ok is false while the
// state file is being made anew, and says nothing.
func (e *Engine) published() (seq uint64, ok bool) {
	b := &e.board
	if b.file == nil {
		return b.seq(), true
	}
	id, seq, ok := b.file.published()
	if ok {
		e.id = id
	}
	return seq, ok
}

// errPartial says that the index is being built anew: it is whole when the process has followed.
var errPartial = errors.New("diskcache: index is being built")

// wholeIndex returns the index, or errPartial. One that is whole once stays so.
func (e *Engine) wholeIndex() (*keydir.Index, error) {
	x := e.index.Load()
	if e.partial.Load() == x {
		return nil, errPartial
	}
	return x, nil
}

// followTo applies all commits up to a sequence, which is published.
func (e *Engine) followTo(seq uint64) error {
	for try := 0; e.w.seq != seq; try++ {
		if try > 0 {
			if err := e.lookForSegments(); err != nil {
				return err
			}
		}
		before := e.w.seq
		if err := e.lookAtBoard(); err != nil {
			return err
		}
		if err := e.applyTails(seq, math.MaxInt); err != nil {
			return err
		}
		if try > 0 && e.w.seq == before {
			return errBehind
		}
	}
	return nil
}

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
		return nil // it was dropped
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

// applyTails applies the commits of all tails in the order of their sequences, as long as
// none is missing, up to seq, and at most some.
func (e *Engine) applyTails(seq uint64, most int) error {
	f := &e.follower
	defer e.forgetTails()
	f.readers = f.readers[:0]
	defer func() {
		for _, t := range f.readers {
			t.rest()
		}
		clear(f.readers)
	}()
	for _, t := range f.tails {
		if t.off >= t.seg.Length() {
			continue
		}
		f.readers = append(f.readers, t)
		if err := t.next(); err != nil {
			return e.gone(err)
		}
	}
	rp := e.following()
	republish := false
	for ; most > 0; most-- {
		t := first(f.readers)
		if t == nil || t.c.Commit().Seq > seq {
			break
		}
		c := t.c.Commit()
		if c.Seq > e.w.seq { // or it came to nothing, or was written again, after a fault of its disk
			if c.Prev != e.w.seq {
				break // one that is missing comes first
			}
			again, err := e.applyCommit(rp, t, c)
			if err != nil {
				return e.gone(err)
			}
			republish = republish || again
			e.w.seq = c.Seq
			e.clock.seen(c.Seq)
		}
		t.off = c.End
		if err := t.next(); err != nil {
			return e.gone(err)
		}
	}
	if republish {
		e.log.Publish(e.w.bySlot)
	}
	return nil
}

// following returns what applies the commits of others.
func (e *Engine) following() *replay {
	rp := &e.follower.replay
	none := rp.bySlot // what has been applied has no history any more
	if n := len(e.w.bySlot); len(none) < n {
		none = make([]*history, n)
	}
	*rp = replay{e: e, index: e.index.Load(), values: &e.values, segs: e.w.bySlot, bySlot: none, following: true}
	rp.exact = rp.index.SideLen() > 0
	return rp
}

// first returns the tail whose commit comes first, nil if there is none.
func first(readers []*tail) (min *tail) {
	for _, t := range readers {
		if t.ok && (min == nil || t.c.Commit().Seq < min.c.Commit().Seq) {
			min = t
		}
	}
	return min
}

// gone makes errBehind of what says that a file is not there any more, or is not as it
// was: what it held is not lost, but to be found elsewhere.
func (e *Engine) gone(err error) error {
	if err != nil && (errors.Is(err, ErrCorrupt) || segment.IsDamage(err) || errors.Is(err, fs.ErrNotExist)) {
		return errors.Join(errBehind, err)
	}
	return err
}

// forgetTails forgets the segments that ended and are applied.
func (e *Engine) forgetTails() {
	f := &e.follower
	for id, t := range f.tails {
		if e.w.at(t.seg.Slot) != t.seg {
			delete(f.tails, id) // it was dropped
			continue
		}
		if t.ended && (t.off >= t.seg.Length() || !t.more()) {
			t.seg.SetLength(t.off)
			t.seg.Seal()
			delete(f.tails, id)
		}
	}
}

// more reports whether there is a commit in the tail.
func (t *tail) more() bool {
	c := segment.ResumeCursor(readerAt{t.seg}, t.seg.ID, t.off, t.seg.Length())
	return c.Next() || c.Err() != nil
}

// applyCommit applies one commit of another process. It reports whether the table of
// segments has changed.
func (e *Engine) applyCommit(rp *replay, t *tail, c *segment.Commit) (bool, error) {
	s := t.seg
	if s.FirstSeq.Load() == 0 {
		s.FirstSeq.Store(c.Seq)
	}
	s.LastSeq.Store(c.Seq)
	if drops := e.clears(c); drops != nil {
		e.clearFollowed(drops, committed{s, c.Off})
		rp.index = e.index.Load()
		return true, nil
	}
	h, he := &e.follower.history, &e.follower.entry
	*h = history{seg: s}
	changed := false
	for i := range c.Records {
		r := &c.Records[i]
		*he = hintOf(&r.Record, r.Off, r.Size)
		if r.Kind == codec.KindDrop {
			gone, err := e.followDrop(rp.index, he, committed{s, r.Off})
			if err != nil {
				return changed, err
			}
			changed = changed || gone
			continue
		}
		if rp.known = r.Key; r.Damaged {
			rp.known = nil
		}
		if err := rp.apply(h, he); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

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

// grows reports whether more may be added to a segment.
func (e *Engine) grows(s *segment.Segment) bool {
	return e.w.writes(s) || e.follower.tails[s.ID] != nil
}

// forked reports whether this is the child of the process that opened the directory.
func (e *Engine) forked() bool { return e.guard != nil && e.guard.Forked() }

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
	files []activeFile     // buffer

	drops atomic.Int64 // that were followed
}

// tail is the part of another's segment that is not applied yet.
type tail struct {
	seg   *segment.Segment
	off   int64 // where it begins
	ended bool  // the board names it no more: nothing will be added
}

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
	if err := e.enter(e.life); err != nil { // which attaches anew
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
		return nil // who may commit has applied all
	}
	if e.dir.departed() {
		return ErrClosed
	}
	if e.w.seq == b.seq() {
		e.followed.Store(e.w.seq)
		return nil
	}
	if b.watch != nil {
		e.id = b.id() // as soon as there is something
	}
	err := e.followTo(b.seq())
	for try := 0; errors.Is(err, errBehind) && try < maxReindex; try++ {
		if err = errors.Join(e.reindex(), e.lookAfter()); err == nil {
			// What went as the files were read was committed again by now.
			err = e.followTo(b.seq())
		}
	}
	if err == nil {
		e.followed.Store(e.w.seq)
	}
	return err
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
		if err := e.applyTails(seq); err != nil {
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
	f.files = e.board.files(f.files[:0])
	for _, t := range f.tails {
		t.ended = true
	}
	added := false
	for _, a := range f.files {
		if e.writesTo(a.id) {
			continue
		}
		t := f.tails[a.id]
		if t == nil {
			if s := e.segmentOf(a.id); s != nil || a.length <= codec.SegmentHeaderLen {
				continue // it has been applied to its end, or holds nothing yet
			}
			var err error
			if t, err = e.addTail(a.id); err != nil {
				return err
			}
			added = true
		}
		t.ended = false
		t.seg.Grow(a.length)
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

// addTail adds a segment that another process has begun.
func (e *Engine) addTail(id uint64) (*tail, error) {
	slot, err := e.w.freeSlot(e.layout)
	if err != nil {
		return nil, err
	}
	s := segment.Shared(e.fsys, e.files, id, slot, codec.SegmentHeaderLen)
	t := &tail{seg: s, off: codec.SegmentHeaderLen}
	h, err := s.Header()
	switch {
	case errors.Is(err, fs.ErrNotExist): // a drop of it follows
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
		if _, err := e.addTail(id); err != nil {
			if errors.Is(err, errOtherCache) {
				continue
			}
			return err
		}
		added = true
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

// tailReader reads the commits of a tail.
type tailReader struct {
	t  *tail
	c  *segment.Cursor
	ok bool // it stands on a commit
}

func (r *tailReader) next() error {
	r.ok = r.c.Next()
	return readError(r.c.Err())
}

// applyTails applies the commits of all tails in the order of their sequences, as long as
// none is missing, up to seq.
func (e *Engine) applyTails(seq uint64) error {
	f := &e.follower
	var readers []*tailReader
	for _, t := range f.tails {
		if t.off >= t.seg.Length() {
			continue
		}
		r := &tailReader{t: t, c: segment.ResumeCursor(readerAt{t.seg}, t.seg.ID, t.off, t.seg.Length())}
		if err := r.next(); err != nil {
			return e.gone(err)
		}
		if r.ok {
			readers = append(readers, r)
		}
	}
	defer e.forgetTails()
	rp := &replay{e: e, index: e.index.Load(), values: &e.values, segs: e.w.bySlot, bySlot: make([]*history, len(e.w.bySlot)), following: true}
	rp.exact = rp.index.SideLen() > 0
	republish := false
	for {
		r := first(readers)
		if r == nil || r.c.Commit().Seq > seq {
			break
		}
		c := r.c.Commit()
		if c.Seq > e.w.seq { // or it came to nothing, or was written again, after a fault of its disk
			if c.Prev != e.w.seq {
				break // one that is missing comes first
			}
			again, err := e.applyCommit(rp, r.t, c)
			if err != nil {
				return e.gone(err)
			}
			republish = republish || again
			e.w.seq = c.Seq
			e.clock.seen(c.Seq)
		}
		r.t.off = c.End
		if err := r.next(); err != nil {
			return e.gone(err)
		}
	}
	if republish {
		e.log.Publish(e.w.bySlot)
	}
	return nil
}

// first returns the reader whose commit comes first, nil if there is none.
func first(readers []*tailReader) *tailReader {
	var min *tailReader
	for _, r := range readers {
		if r.ok && (min == nil || r.c.Commit().Seq < min.c.Commit().Seq) {
			min = r
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
	h := &history{seg: s}
	changed := false
	for i := range c.Records {
		r := &c.Records[i]
		he := hintOf(&r.Record, r.Off, r.Size)
		if r.Kind == codec.KindDrop {
			gone, err := e.followDrop(rp.index, &he, committed{s, r.Off})
			if err != nil {
				return changed, err
			}
			changed = changed || gone
			continue
		}
		if err := rp.apply(h, &he); err != nil {
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
	if s == nil {
		e.graves.reburied(he.Hash, by) // or it is long gone
		return false, nil
	}
	upTo := he.Expires * codec.Align
	whole := upTo == 0
	if whole {
		upTo = math.MaxInt64
	}
	first := s.FirstSeq.Load()
	entries, err := e.readEntries(s)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		return false, errBehind
	}
	if err != nil {
		return false, err
	}
	n := 0
	for n < len(entries) && entries[n].Off < upTo {
		if err := e.forgetAt(x, s, &entries[n]); err != nil {
			return false, err
		}
		n++
	}
	if !whole {
		e.reclaimer.dropped(s, by, first)
		s.Front.Store(upTo)
		switch {
		case n < len(entries):
			s.FirstSeq.Store(entries[n].Seq)
		case n > 0:
			s.FirstSeq.Store(entries[n-1].Seq + 1)
		}
		return false, nil
	}
	s.SetSynced(s.Length()) // what waited for it: who dropped it has seen to that
	e.leaveDropped(s, by)
	return true, nil
}

// leaveDropped takes a segment that another process has dropped out of the log.
func (e *Engine) leaveDropped(s *segment.Segment, by committed) {
	e.leaveWriter(s)
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

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

// followSome is followNow for who need not have all applied: who waits for the writer lock, and
// will follow once it is there, or has nothing to do. It applies commits until these have held
// some records. errBehind: more is to be done than that.
func (e *Engine) followSome(records int) error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.closed || e.dir.departed() {
		return ErrClosed
	}
	seq, ok := e.published()
	if !ok || e.dir.held {
		return nil
	}
	err := e.lookAtBoard()
	if err == nil {
		err = e.applyTails(seq, records)
	}
	if e.w.seq == seq {
		e.followed.Store(seq)
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

// applyTails applies the commits of all tails in the order of their sequences, as long as
// none is missing, up to seq, until they have held some records.
func (e *Engine) applyTails(seq uint64, records int) error {
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
	for records > 0 {
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
			records -= max(1, len(c.Records))
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
	*rp = replay{e: e, index: e.index.Load(), values: &e.values, segs: e.w.bySlot, bySlot: none, following: true, room: rp.room}
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

// applyCommit applies one commit of another process. It reports whether the table of
// segments has changed.
func (e *Engine) applyCommit(rp *replay, t *tail, c *segment.Commit) (bool, error) {
	s := t.seg
	if s.FirstSeq.Load() == 0 {
		s.FirstSeq.Store(c.Seq)
	}
	s.LastSeq.Store(c.Seq)
	defer e.tellOf(c)
	if drops := e.clears(c); drops != nil {
		e.clearFollowed(drops, committed{s, c.Off})
		rp.index = e.index.Load()
		return true, nil
	}
	if len(c.Records) > 1 {
		e.applied.Add(1)
		defer e.applied.Add(1)
	}
	h, he := &e.follower.history, &e.follower.entry
	*h = history{seg: s}
	changed := false
	viewed := e.views.begin()
	if viewed {
		defer e.views.end(c.Seq, rp.index)
	}
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
		if viewed {
			e.views.followed(r)
		}
	}
	return changed, nil
}

// tellOf wakes those who wait for a key that a commit has changed.
func (e *Engine) tellOf(c *segment.Commit) {
	if !e.waiting.any() {
		return
	}
	for i := range c.Records {
		if r := &c.Records[i]; r.Kind == codec.KindDrop {
			e.waiting.changedAll() // whose keys these were nobody says
		} else {
			e.waiting.changed(r.Hash)
		}
	}
}

// grows reports whether more may be added to a segment.
func (e *Engine) grows(s *segment.Segment) bool {
	return e.w.writes(s) || e.follower.tails[s.ID] != nil
}

// forked reports whether this is the child of the process that opened the directory.
func (e *Engine) forked() bool { return e.guard != nil && e.guard.Forked() }

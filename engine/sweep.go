package engine

import (
	"bytes"
	"errors"
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/compaction"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// closed returns ErrClosed after Close.
func (e *Engine) closedNow() error {
	if e.log.Closed() {
		return ErrClosed
	}
	return nil
}

// Cull removes what has expired and then, as the policy says, as many items as it
// takes to keep the limits with some room to spare. It returns how many it removed.
func (e *Engine) Cull() (int, error) {
	if err := e.readsOnly(); err != nil {
		return 0, err
	}
	n, err := e.Expire()
	before := e.stats.evicted.Load()
	for w := e.excess(); err == nil && w != nil && e.excess() != nil; {
		w.rescues = true
		if err = e.makeRoom(w, false); errors.Is(err, ErrFull) {
			err = nil
			break
		}
	}
	return n + int(e.stats.evicted.Load()-before), err
}

// slack is the room below SizeLimit that is kept free in the background, so that who
// writes seldom has to wait for it.
func (e *Engine) slack(limit int64) int64 {
	return min(3*e.settings().segmentSize, limit/8)
}

// excess returns what is to be taken back to keep the limits with some room to spare,
// nil for nothing.
func (e *Engine) excess() *want {
	w := &want{most: -1}
	if limit := e.limit(); limit > 0 {
		w.bytes = e.slack(limit)
	}
	if short := e.short(w); short.bytes <= 0 && short.items <= 0 {
		return nil
	}
	return w
}

// Compact rewrites the segments of which a twentieth or more is garbage, and removes
// those that hold nothing any more. Others may read and write meanwhile.
func (e *Engine) Compact() error {
	if err := e.readsOnly(); err != nil {
		return err
	}
	const least = 5
	e.w.mu.Lock()
	for i, w := range e.w.active { // what is being written to ends here
		if w == nil || w.Empty() {
			continue
		}
		if s := w.Segment; (s.Weight()-s.LiveBytes.Load()-s.FileBytes.Load())*100 >= s.Length()*least {
			e.bg.seal(w)
			e.w.active[i] = nil
		}
	}
	before := e.clock.last.Load() // what is begun from now on is garbage of our own making
	e.w.mu.Unlock()
	for {
		did, err := e.reclaim(&want{garbage: compaction.Limits{Least: least}, before: before, rescues: true}, false)
		if err == nil && !did {
			return e.syncDroppedOr(false, true)
		}
		if err != nil {
			return err
		}
	}
}

// Expire removes the items whose time is over, and returns how many these were.
// Those of segments in which all is over cost next to nothing.
func (e *Engine) Expire() (int, error) {
	if err := e.readsOnly(); err != nil {
		return 0, err
	}
	before := e.stats.expired.Load()
	err := e.eachSegment(func(s *segment.Segment) error {
		now := e.clock.now().UnixNano()
		first, last := s.Earliest.Load(), s.Latest.Load()
		switch {
		case first == 0 || first-1e9 >= now && !e.clock.over(first-1e9, 0) && !e.clock.ahead(s):
			return nil
		case last <= now:
			return e.clear(s, e.compacts)
		}
		return e.expireIn(s)
	})
	return int(e.stats.expired.Load() - before), err
}

// expireIn removes what has expired from a segment, and notes when the next of it will.
func (e *Engine) expireIn(s *segment.Segment) error {
	e.w.mu.Lock()
	closed := !e.grows(s)
	e.w.mu.Unlock()
	var next int64
	err := e.pick(s, func(he *codec.HintEntry) (bool, error) {
		if e.expiredHint(s, he) {
			return true, nil
		}
		if at := expiresOf(he); at != 0 && (next == 0 || at < next) {
			next = at
		}
		return false, nil
	}, func(t *tally, size int64) {
		t.expired++
		t.expiredBytes += size
	})
	if err == nil && closed {
		s.Earliest.Store(next)
	}
	return err
}

// EvictTag removes the items that have a tag, and returns how many these were.
func (e *Engine) EvictTag(tag string) (int, error) {
	if err := e.readsOnly(); err != nil {
		return 0, err
	}
	if err := checkSizes("", Attrs{Tag: tag}); err != nil {
		return 0, err
	}
	var n int
	want := []byte(tag)
	var key, has []byte // buffers
	begin := e.clock.last.Load()
	err := e.eachSegment(func(s *segment.Segment) error {
		return e.pick(s, func(he *codec.HintEntry) (bool, error) {
			if he.Flags&codec.FlagExtra == 0 && tag != "" {
				return false, nil // neither a tag nor compressed
			}
			// What is not verified may say that it is another's, and no more.
			var err error
			if _, key, has, err = s.HeadAndTag(he.Off, key[:0], has[:0]); err != nil || !bytes.Equal(has, want) {
				return false, ignoreDamage(err)
			}
			rec, err := s.Record(he.Off)
			if err != nil {
				return false, ignoreDamage(err)
			}
			return bytes.Equal(rec.Tag, want) && rec.Stored <= begin, nil
		}, func(t *tally, size int64) {
			n++
			t.evicted++
			t.evictedBytes += size
		})
	})
	return n, err
}

// eachSegment calls fn for the segments that are there now, and again for those to which
// something was moved, or may have been, meanwhile.
func (e *Engine) eachSegment(fn func(s *segment.Segment) error) error {
	since := uint64(0)
	for range maxPasses {
		begin, moved := e.clock.last.Load(), e.changes()
		segs, err := e.writtenSince(since)
		if err != nil {
			return err
		}
		for _, s := range segs {
			if err := fn(s); err != nil && err != errStale {
				return err
			}
		}
		if err := e.catchUp(); err != nil {
			return err
		}
		if moved == e.changes() {
			return nil
		}
		since = begin
	}
	return nil
}

// changes grows with all that this process, or another that it follows, moves or drops.
func (e *Engine) changes() int64 {
	return e.stats.compactions.Load() + e.stats.moved.Load() + e.follower.drops.Load()
}

// maxPasses bounds how often what is being moved is followed.
const maxPasses = 16

// writtenSince returns the segments that hold anything later than a sequence.
func (e *Engine) writtenSince(seq uint64) ([]*segment.Segment, error) {
	set := e.log.Acquire(0)
	if set == nil {
		return nil, ErrClosed
	}
	defer set.Release(0)
	var segs []*segment.Segment
	for s := range set.All {
		if seq == 0 || s.LastSeq.Load() > seq {
			segs = append(segs, s)
		}
	}
	return segs, nil
}

// clear walks through a segment to its end.
func (e *Engine) clear(s *segment.Segment, judge judgement) error {
	if e.bg.hasOrphans() { // they may hold copies of what is dropped already
		if err := e.sealRest(); err != nil {
			return err
		}
	}
	for {
		if err := e.closedNow(); err != nil {
			return err
		}
		done, err := func() (bool, error) {
			e.reclaimer.turn.Lock()
			defer e.reclaimer.turn.Unlock()
			e.w.mu.Lock()
			if e.w.at(s.Slot) != s {
				e.w.mu.Unlock()
				return true, nil
			}
			b := e.batchOf(s, judge)
			e.w.mu.Unlock()
			if err := b.read(e, math.MaxInt); err != nil {
				return false, err
			}
			if b.sync {
				if err := e.syncWriters(false, true); err != nil {
					return false, err
				}
			}
			return b.end == len(b.w.entries), e.commitBatch(b, 0, false)
		}()
		switch {
		case errors.Is(err, keydir.ErrDamaged):
			err = e.rebuildFromRead()
		case err == errStale:
			done, err = false, nil
		case err == errNothing, err == errKept:
			done, err = true, nil
		}
		if done || err != nil {
			return errors.Join(err, e.retireDropped())
		}
	}
}

// pick deletes the live records of a segment that are chosen, a batch at a time.
func (e *Engine) pick(s *segment.Segment, choose func(*codec.HintEntry) (bool, error), count func(t *tally, size int64)) error {
	entries, err := e.liveOf(s)
	if err != nil {
		return err
	}
	for len(entries) > 0 {
		r := &request{done: make(chan struct{}, 1)}
		var sizes []int64
		if entries, err = e.pickBatch(s, entries, choose, func(op Op, size int64) {
			r.ops = append(r.ops, op)
			sizes = append(sizes, size)
		}); err != nil {
			return err
		}
		if len(r.ops) == 0 {
			continue
		}
		if err := e.commitOnce(r); err != nil {
			return err
		}
		var t tally
		for i := range r.ops {
			if r.ops[i].Record.Seq != 0 { // it was still the newest of its key
				count(&t, sizes[i])
			}
		}
		e.stats.cleared(t)
	}
	return nil
}

// liveOf returns the entries of a segment that the index points to.
func (e *Engine) liveOf(s *segment.Segment) ([]codec.HintEntry, error) {
	set := e.log.Acquire(s.ID)
	if set == nil {
		return nil, ErrClosed
	}
	defer set.Release(s.ID)
	if set.At(s.Slot) != s {
		return nil, errStale
	}
	entries, err := e.entriesOrNotes(s)
	if err != nil {
		return nil, err
	}
	x, err := e.wholeIndex()
	if err != nil {
		return nil, errStale
	}
	live := entries[:0] // nobody else has them
	for i := range entries {
		if entries[i].Kind != codec.KindPut {
			continue
		}
		_, ok, err := e.entryAt(x, &entries[i], s)
		if err != nil {
			return nil, err
		}
		if ok {
			live = append(live, entries[i])
		}
	}
	return live, nil
}

// entriesOrNotes is entriesOf that reads of a segment which this process writes to what it has noted
// for the hint: to parse all of it takes ten times as long. What is not committed in the end the index
// does not point to. It does not wait for who writes, which may be a transaction that goes on for long.
func (e *Engine) entriesOrNotes(s *segment.Segment) ([]codec.HintEntry, error) {
	if !e.w.mu.TryLock() {
		return e.entriesOf(s)
	}
	var notes func() []codec.HintEntry
	for _, w := range e.w.actives() {
		if w.Segment == s {
			notes = w.EntriesSoFar()
		}
	}
	e.w.mu.Unlock()
	if notes == nil {
		return e.entriesOf(s)
	}
	return from(notes(), s.Front.Load()), nil
}

// pickBatch chooses from entries until a batch is full, and returns the rest.
func (e *Engine) pickBatch(s *segment.Segment, entries []codec.HintEntry, choose func(*codec.HintEntry) (bool, error), add func(Op, int64)) ([]codec.HintEntry, error) {
	set := e.log.Acquire(s.ID)
	if set == nil {
		return nil, ErrClosed
	}
	defer set.Release(s.ID)
	if set.At(s.Slot) != s {
		return nil, errStale
	}
	n := 0
	for i := range entries {
		he := &entries[i]
		ok, err := choose(he)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		_, key, err := s.Head(he.Off, nil)
		if segment.IsDamage(err) {
			continue
		}
		var op Op
		if err == nil {
			err = e.prepareDelete(&op, string(key))
		}
		if err != nil {
			return nil, err
		}
		op.OnlyAt = &source{s, he.Off, he.Size}
		add(op, he.Size)
		if n++; n == maxBatchOps {
			return entries[i+1:], nil
		}
	}
	return nil, nil
}

// Clear removes all items, in one commit, and returns how many these were. It takes
// as long as there are segments, however many items they hold.
func (e *Engine) Clear() (int, error) {
	if err := e.readsOnly(); err != nil {
		return 0, err
	}
	e.reclaimer.turn.Lock()
	defer e.reclaimer.turn.Unlock()
	e.bg.sealing.begin() // nothing is sealed meanwhile
	defer e.bg.sealing.end()
	err := e.bg.sealing.enter(e.life, e) // who has the writer lock may wait for the sealing
	if err != nil {
		return 0, err
	}
	n, err := e.clearLocked()
	e.leave()
	if err != nil {
		return 0, err
	}
	return n, e.syncDroppedOr(false, true)
}

func (e *Engine) clearLocked() (int, error) {
	if e.w.closed {
		return 0, ErrClosed
	}
	e.bg.forgetOrphans()
	for _, w := range e.w.actives() { // what is written from now on stays
		e.bg.seal(w)
	}
	e.w.active = [streams]*segment.Writer{}
	r := &request{}
	var all []*segment.Segment
	for _, s := range e.w.bySlot {
		if s != nil {
			all = append(all, s)
			r.ops = append(r.ops, dropOp(s, s.Length(), true))
		}
	}
	for _, id := range e.graves.ids() { // what said so is about to go, too
		op := Op{Record: codec.Record{Kind: codec.KindDrop, Hash: id}, Again: true}
		op.Record.Digest()
		r.ops = append(r.ops, op)
	}
	n := e.index.Load().Len()
	if len(all) == 0 {
		return n, nil
	}
	e.commitGroup([]*request{r})
	if r.err != nil {
		return 0, r.err
	}
	old := e.emptyIndex()
	by := e.w.lastCommit()
	e.graves.rebury(by)
	for _, s := range all {
		w, _ := e.bg.claim(s) // nothing is being sealed
		e.giveUpSealing(w)
		s.Forget()
		e.w.bySlot[s.Slot] = nil
		e.board.remove(s.ID)
		e.graves.bury(s, by, e.reclaimer.firstSeq(s))
		e.reclaimer.forget(s)
	}
	e.values.condemnAll(by.seg, by.off)
	e.log.PublishThen(e.w.bySlot, old.Close)
	return n, nil
}

// emptyIndex puts an empty index in the place of the one that there is, and returns that.
func (e *Engine) emptyIndex() *keydir.Index {
	old := e.index.Load()
	e.index.Store(keydir.New(keydir.Config{PlaceBits: e.layout.PlaceBits, Ranks: e.evict.ranked()}))
	e.views.giveUp()
	e.loaded.Store(true)
	e.evict.queue = evictQueue{}
	e.w.hidden.Store(&doubts{})
	e.waiting.changedAll()
	return old
}

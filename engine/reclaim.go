package engine

import (
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/compaction"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// reclaimer takes space back: it compacts, and evicts where that does not do.
// Its walks belong to the holder of the writer lock. Who does not hold that yet
// takes a turn first, so that not all do the same.
type reclaimer struct {
	turn   sync.Mutex
	walks  map[*segment.Segment]*walk
	stuck  map[*segment.Segment]bool     // that have to stay as they are
	looked int64                         // when expired items were last looked for because room was wanted, ns
	apart  bool                          // who plans has no turn, and shares nothing with who has
	last   map[*segment.Segment]partDrop // what dropped a part of segments that are there
}

// reclaim does one step: it commits one batch, or lets go what is cleared. It
// reports whether there was anything to do. locked: the caller holds the writer lock.
func (e *Engine) reclaim(w *want, locked bool) (bool, error) {
	if e.bg.hasOrphans() {
		// What earlier processes left is on the disk before anything that it
		// replaced goes.
		if done, err := e.settleOrphans(locked); err != nil || !done {
			return false, err
		}
	}
	if !locked {
		e.bg.help()
		e.reclaimer.turn.Lock()
		defer e.reclaimer.turn.Unlock()
		e.w.mu.Lock()
		if err := e.follow(); err != nil {
			e.w.mu.Unlock()
			return false, err
		}
	} else if e.reclaimer.turn.TryLock() { // who has it may be waiting for the writer lock
		defer e.reclaimer.turn.Unlock()
	} else {
		e.reclaimer.apart = true
	}
	b, err := e.planLocked(w)
	e.reclaimer.apart = false
	if !locked {
		e.w.mu.Unlock()
	}
	if err != nil || b == nil {
		return false, err
	}
	most := w.most
	if most <= 0 { // 0: it is compaction
		most = math.MaxInt
	}
	short := e.short(w)
	if short.bytes <= 0 && short.items > 0 {
		most = min(most, int(short.items))
	}
	b.enough = max(short.bytes, e.settings().segmentSize) // of less no sync is made to remove it
	if b.w == nil {
		err = e.scanRanks(locked)
	} else {
		b.crowds = w.crowds
		err = b.read(e, most)
	}
	if errors.Is(err, keydir.ErrDamaged) && !locked {
		return true, e.rebuildFromRead()
	}
	if err != nil && err != ErrClosed && !locked && e.hasNews() {
		return true, e.catchUp() // what could not be read may be gone
	}
	if err == nil && b.sync {
		err = e.syncWriters(locked, w.rescues && !locked)
	}
	if err == nil {
		err = e.commitBatch(b, most, locked)
	}
	if w.full && !w.noCopy && errors.Is(err, ErrNoSpace) {
		w.noCopy = true
		return true, nil
	}
	switch err {
	case errKept:
		e.keep(b.w.seg, locked)
		return true, nil
	case errStale:
		return true, nil
	case errCrowded:
		return e.uncrowd(w, locked)
	case errNothing:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if w.most > 0 {
		w.most = max(0, w.most-int(b.tally.evicted))
	}
	return true, nil
}

// keep leaves a segment as it is from now on.
func (e *Engine) keep(s *segment.Segment, locked bool) {
	if !locked {
		e.w.mu.Lock()
		defer e.w.mu.Unlock()
	}
	if e.reclaimer.stuck == nil {
		e.reclaimer.stuck = make(map[*segment.Segment]bool)
	}
	e.reclaimer.stuck[s] = true
	delete(e.reclaimer.walks, s)
}

// settleOrphans seals what earlier processes left.
func (e *Engine) settleOrphans(locked bool) (bool, error) {
	if !locked {
		return true, e.sealRest()
	}
	if !e.bg.sealing.beginLocked() {
		return e.syncOrphans() // who seals waits for the caller
	}
	defer e.bg.sealing.end()
	err := e.sealOrphans(false, true)
	return !e.bg.hasOrphans(), err
}

// syncOrphans puts what earlier processes left on the disk, and leaves the hints for later.
func (e *Engine) syncOrphans() (bool, error) {
	e.bg.mu.Lock()
	waiting := slices.Clone(e.bg.orphans)
	e.bg.mu.Unlock()
	for _, o := range waiting {
		if s := o.h.seg; s.Synced() < s.Length() {
			if o.failed {
				return false, nil // it is not tried again
			}
			if err := e.syncOther(s); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func (e *Engine) commitBatch(b *batch, most int, locked bool) error {
	if !locked {
		if err := e.enter(e.life); err != nil {
			return err
		}
		defer e.leave()
	}
	switch {
	case e.w.closed && !locked:
		return ErrClosed
	case b.w == nil:
		return e.evictRanked(b, most)
	}
	return b.commitLocked(e)
}

// planLocked decides what is done next, nil if nothing can be.
func (e *Engine) planLocked(w *want) (*batch, error) {
	if e.w.closed {
		return nil, ErrClosed
	}
	if err := e.settleTails(); err != nil {
		return nil, err
	}
	short := e.short(w)
	segs, usage := e.usages(short.bytes > 0 || short.items > 0)
	for i, s := range segs {
		if w.before > 0 && s.ID > w.before {
			usage[i].Sealed = false
		}
	}
	now, seq := e.clock.now().UnixNano(), int64(e.clock.last.Load())
	if i, ok := compaction.Empty(usage, now); ok && (short.bytes > 0 || short.items <= 0 || !w.emptied) {
		w.emptied = true
		return e.batchOf(segs[i], e.compacts).in(w), nil
	}
	if g := w.garbage; g.Least > 0 {
		g.Now, g.Seq = now, seq
		if i, ok := compaction.Pick(usage, g); ok {
			return e.batchOf(segs[i], e.compacts), nil
		}
	}
	if short.bytes > 0 && !w.noCopy && e.compactsFirst(w, usage) {
		if i, ok := compaction.Pick(usage, compaction.Limits{Now: now, Seq: seq, Least: leastGarbage}); ok {
			return e.batchOf(segs[i], e.compacts), nil
		}
	}
	if w.most == 0 || e.opt.Policy == evict.None || short.bytes <= 0 && short.items <= 0 {
		return nil, nil
	}
	if e.evict.ranked() && e.settings().limited() && !w.noCopy { // else it is for a full disk: whole segments give room at once
		return &batch{to: fresh}, nil
	}
	return e.evictFirst(w, segs).in(w), nil
}

// leastGarbage is the part of a segment, in percent, that must be garbage for it to
// be compacted before live items are given up.
const leastGarbage = 10

// usages describes all segments that are there. What another process writes to it goes on
// with, unless room is needed: then it has to begin another.
func (e *Engine) usages(needed bool) ([]*segment.Segment, []compaction.Segment) {
	var segs []*segment.Segment
	var usage []compaction.Segment
	oldest := -1
	for _, s := range e.w.bySlot {
		if s == nil || e.bg.seals(s) || e.reclaimer.stuck[s] {
			continue
		}
		if oldest < 0 || e.reclaimer.firstSeq(s) < e.reclaimer.firstSeq(segs[oldest]) {
			oldest = len(segs)
		}
		segs = append(segs, s)
		usage = append(usage, compaction.Segment{
			Bytes: s.Length() - s.DropBytes.Load(), LiveBytes: s.LiveBytes.Load(), TombBytes: s.TombBytes.Load(),
			Latest: s.Latest.Load(), Begun: int64(s.ID), Sealed: !e.w.writes(s) && (needed || !e.grows(s)),
		})
	}
	if oldest >= 0 && e.graves.firstSeq() >= e.reclaimer.firstSeq(segs[oldest]) {
		usage[oldest].Oldest = true
	}
	return segs, usage
}

// fullShare is the part of SizeLimit, in percent, from which on the live records are
// themselves too many: to move them about would cost more and more for less and less.
const fullShare = 85

// compactsFirst reports whether garbage is to be taken back before live items.
func (e *Engine) compactsFirst(w *want, usage []compaction.Segment) bool {
	live := e.values.bytes.Load()
	for i := range usage {
		live += usage[i].LiveBytes
	}
	limit := e.limit()
	if w.full {
		limit = e.DiskUsage()
	}
	return e.opt.Policy == evict.None || live*100 < limit*fullShare
}

// batchOf makes a batch of the walk through a segment.
func (e *Engine) batchOf(s *segment.Segment, judge judgement) *batch {
	w := e.reclaimer.walks[s]
	if e.reclaimer.apart || w == nil || w.next == len(w.entries) { // who has the turn may be reading the entries
		w = &walk{seg: s, closed: !e.w.writes(s), length: s.Length(), front: s.Front.Load()}
		if e.reclaimer.walks == nil {
			e.reclaimer.walks = make(map[*segment.Segment]*walk)
		}
		if !e.reclaimer.apart {
			e.reclaimer.walks[s] = w
		}
	}
	b := &batch{w: w, begin: w.next, judge: judge, seq: e.w.seq, oldest: e.oldestBut(s), to: kept}
	b.sync = e.unsynced(s) || e.waitsFor(s)
	for s, by := range e.reclaimer.last {
		if by.synced() {
			if b.fronts == nil {
				b.fronts = make(map[uint64]int64)
			}
			b.fronts[s.ID] = s.Front.Load()
		}
	}
	if stream(s.Stream).probation() {
		b.to = moved
	}
	return b
}

// in says where a batch goes when nothing is copied: to the segment that certainly has
// a little room on the disk.
func (b *batch) in(w *want) *batch {
	if b != nil && w.noCopy {
		b.to = fresh
	}
	return b
}

// oldestBut returns the first sequence of all segments but one, those included that
// a crash may bring back.
func (e *Engine) oldestBut(s *segment.Segment) uint64 {
	first := e.graves.firstSeq()
	for _, o := range e.w.bySlot {
		if o != nil && o != s {
			first = min(first, e.reclaimer.firstSeq(o))
		}
	}
	return first
}

// compacts judges for compaction: nothing is given up but what has expired.
func (e *Engine) compacts(s *segment.Segment, _ keydir.Entry, he *codec.HintEntry) fate {
	if e.expiredHint(s, he) {
		return expire
	}
	return moves
}

// expiredHint reports whether the time of a record is over. A hint tells of seconds, and
// of when the record was moved last: where that does not do, the record says more.
func (e *Engine) expiredHint(s *segment.Segment, he *codec.HintEntry) bool {
	const second = 1e9
	at := expiresOf(he)
	if at == 0 {
		return false
	}
	over := e.clock.over(at, he.Seq)
	if at <= e.clock.now().UnixNano() || over && he.Flags&codec.FlagStored == 0 {
		return e.clock.expired(at, he.Seq)
	}
	if !over && !e.clock.over(at-second+1, 0) {
		return false
	}
	h, _, err := s.Head(he.Off, nil)
	return err == nil && e.clock.expired(h.Expires, h.Stored)
}

package engine

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

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

// partDrop is a commit that dropped a part of a segment.
type partDrop struct {
	committed
	first uint64 // sequence that the segment begins with as long as it is not on the disk
}

// dropped notes what has dropped a part of a segment, which still began with first.
func (r *reclaimer) dropped(s *segment.Segment, by committed, first uint64) {
	if r.last == nil {
		r.last = make(map[*segment.Segment]partDrop)
	}
	if o, ok := r.last[s]; ok && !o.synced() {
		first = min(first, o.first)
	}
	r.last[s] = partDrop{by, first}
}

// firstSeq returns the first sequence of what a crash may leave of a segment.
func (r *reclaimer) firstSeq(s *segment.Segment) uint64 {
	first := s.FirstSeq.Load()
	if by, ok := r.last[s]; ok && !by.synced() {
		first = min(first, by.first)
	}
	return first
}

func (r *reclaimer) forget(s *segment.Segment) {
	delete(r.walks, s)
	delete(r.last, s)
	delete(r.stuck, s)
}

// unsynced reports whether a part of a segment was dropped by a commit of which it is not
// known that it is on the disk. What drops more of it drops that part again: a crash that
// left this and lost the other would leave nothing of that part, neither it nor its
// copies. They may stand in one file: what of a file arrives comes in any order.
func (e *Engine) unsynced(s *segment.Segment) bool {
	by, ok := e.reclaimer.last[s]
	return ok && !by.synced()
}

// waitsFor reports whether what another segment was dropped by, or a part of it, stands
// in one and is not on the disk yet: before that may go itself, it has to be.
func (e *Engine) waitsFor(s *segment.Segment) bool {
	for _, by := range e.reclaimer.last {
		if by.seg == s && !by.synced() {
			return true
		}
	}
	return e.graves.waitsFor(s)
}

// lastCommit returns what was committed last.
func (w *writer) lastCommit() committed {
	by := w.stage.writer()
	return committed{by.Segment, by.Offset() - 1}
}

// errNoRoom asks for a commit to be tried again once there is room.
var errNoRoom = errors.New("diskcache: room has to be made")

// want is for what space is taken back.
type want struct {
	bytes int64 // that are to be free below SizeLimit, or on a disk that is full
	items int   // that are to be free below CountLimit
	most  int   // how many items may be given up for it; < 0: any number

	garbage compaction.Limits // of what is to be compacted in any case; zero: nothing
	before  uint64            // only segments begun up to then are touched; 0: any

	usage  int64 // when nothing more could be taken back
	full   bool  // the disk is: limits do not matter
	again  bool  // it was tried again before anything was given up for it
	noCopy bool  // there is not even space to move what is live
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
	if short := e.short(w); short.bytes <= 0 && short.items > 0 {
		most = min(most, int(short.items))
	}
	if b.w == nil {
		err = e.scanRanks(locked)
	} else {
		err = b.read(e, most)
	}
	if errors.Is(err, keydir.ErrDamaged) && !locked {
		return true, e.rebuildFromRead()
	}
	if err == nil && b.sync {
		err = e.syncWriters(locked)
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

// expireFirst removes what has expired before anything is given up for room, once a
// second at the most.
func (e *Engine) expireFirst() (bool, error) {
	e.w.mu.Lock()
	now := e.clock.now().UnixNano()
	again := e.reclaimer.looked > 0 && now-e.reclaimer.looked < int64(time.Second) && now >= e.reclaimer.looked
	if !again {
		e.reclaimer.looked = now
	}
	e.w.mu.Unlock()
	if again {
		return false, nil
	}
	n, err := e.Expire()
	return n > 0, err
}

// settleOrphans seals what earlier processes left.
func (e *Engine) settleOrphans(locked bool) (bool, error) {
	if !locked {
		return true, e.sealRest()
	}
	if !e.bg.sealing.beginLocked() {
		return false, nil
	}
	defer e.bg.sealing.end()
	err := e.sealOrphans(false)
	return !e.bg.hasOrphans(), err
}

func (e *Engine) commitBatch(b *batch, most int, locked bool) error {
	if !locked {
		e.w.mu.Lock()
		defer e.w.mu.Unlock()
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
	segs, usage := e.usages()
	for i, s := range segs {
		if w.before > 0 && s.ID > w.before {
			usage[i].Sealed = false
		}
	}
	short := e.short(w)
	now, seq := e.clock.now().UnixNano(), int64(e.clock.last.Load())
	if i, ok := compaction.Empty(usage, now); ok && (short.bytes > 0 || short.items <= 0) {
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
	if e.evict.ranked() && !w.noCopy {
		return &batch{to: fresh}, nil
	}
	return e.evictFirst(w, segs).in(w), nil
}

// short returns how much of what is wanted is not free.
func (e *Engine) short(w *want) (s struct{ bytes, items int64 }) {
	if limit := e.limit(); limit > 0 {
		s.bytes = e.usage() + w.bytes + e.headroom(limit) - limit
	}
	if w.full {
		s.bytes = w.bytes
	}
	if limit := e.opt.CountLimit; limit > 0 {
		s.items = int64(e.index.Load().Len()+w.items) - limit
	}
	return s
}

// leastGarbage is the part of a segment, in percent, that must be garbage for it to
// be compacted before live items are given up.
const leastGarbage = 10

// usages describes all segments that are there.
func (e *Engine) usages() ([]*segment.Segment, []compaction.Segment) {
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
			Latest: s.Latest.Load(), Begun: int64(s.ID), Sealed: !e.w.writes(s),
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
		w = &walk{seg: s, closed: !e.w.writes(s), front: s.Front.Load()}
		if e.reclaimer.walks == nil {
			e.reclaimer.walks = make(map[*segment.Segment]*walk)
		}
		if !e.reclaimer.apart {
			e.reclaimer.walks[s] = w
		}
	}
	b := &batch{w: w, begin: w.next, judge: judge, oldest: e.oldestBut(s), to: kept}
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

// evictFirst makes a batch of the oldest segment of the stream from which S3FIFO
// takes its next victims.
func (e *Engine) evictFirst(w *want, segs []*segment.Segment) *batch {
	var weight [2]int64
	var first [2]*segment.Segment
	for _, s := range segs {
		i := 0
		if !stream(s.Stream).probation() {
			i = 1
		}
		weight[i] += s.Weight()
		if s.LiveCount.Load() > 0 && (first[i] == nil || s.FirstSeq.Load() < first[i].FirstSeq.Load()) {
			first[i] = s
		}
	}
	limit := e.evictLimit(weight[0] + weight[1])
	copies := &e.evict.copies
	if e.reclaimer.apart {
		copies = new(evict.Copies)
	}
	probation := evict.FromProbation(weight[0], weight[1], limit, e.index.Load().Len())
	if first[0] == nil || first[1] != nil && !probation {
		if first[1] == nil {
			return nil
		}
		b := e.batchOf(first[1], func(s *segment.Segment, entry keydir.Entry, he *codec.HintEntry) fate {
			switch {
			case e.expiredHint(s, he):
				return expire
			case !w.noCopy && copies.Keep(entry.Hits, he.Size, limit):
				return keeps
			}
			return evicts
		})
		return b
	}
	b := e.batchOf(first[0], func(s *segment.Segment, entry keydir.Entry, he *codec.HintEntry) fate {
		switch {
		case e.expiredHint(s, he):
			return expire
		case !w.noCopy && evict.Promote(entry.Hits, weight[1], limit):
			return keeps
		}
		return evicts
	})
	b.to = kept
	return b
}

// evictLimit returns the limit in bytes that the policy sees: SizeLimit or, where
// items are counted, what the items that are allowed would take.
func (e *Engine) evictLimit(weight int64) int64 {
	limit := e.limit()
	if n := int64(e.index.Load().Len()); e.opt.CountLimit > 0 && n > 0 {
		byCount := weight / n * e.opt.CountLimit
		if limit == 0 || byCount < limit {
			limit = byCount
		}
	}
	if limit == 0 { // the disk is the limit
		limit = weight
	}
	return limit
}

// scanRanks fills the queue of victims where it is empty. Others may write between
// two parts of the index.
func (e *Engine) scanRanks(locked bool) error {
	q, x := &e.evict.queue, e.index.Load()
	for i := -1; i <= x.Shards(); i++ {
		err := func() error {
			if !locked {
				e.w.mu.Lock()
				defer e.w.mu.Unlock()
			}
			switch {
			case e.w.closed && !locked:
				return ErrClosed
			case x != e.index.Load():
				return errStale
			case i < 0:
				if !q.NeedsScan() {
					i = x.Shards()
					return nil
				}
				q.Begin(x.Len())
				return nil
			case i == x.Shards():
				q.End()
				return nil
			}
			return x.Scan(i, func(id uint64, entry keydir.Entry) {
				q.Offer(evict.Item{Rank: entry.Rank, ID: id, Place: entry.Place})
			})
		}()
		if err != nil {
			return err
		}
	}
	return nil
}

// rankedBatch is how many items are given up at once for bytes.
const rankedBatch = 64

// evictRanked gives up the items of the smallest ranks.
func (e *Engine) evictRanked(b *batch, most int) error {
	q, x := &e.evict.queue, e.index.Load()
	most = min(most, rankedBatch)
	r := &request{to: fresh}
	var popped []evict.Item
	for len(r.ops) < most {
		it, ok := q.Pop()
		if !ok {
			break
		}
		rank, ok := x.Rank(it.ID, it.Place)
		switch {
		case !ok:
			continue // it is gone, or was moved and offered again
		case rank != it.Rank:
			it.Rank = rank
			q.Offer(it)
			continue
		}
		op, size, err := e.giveUpAt(it.Place)
		if err != nil {
			return err
		}
		popped = append(popped, it)
		r.ops = append(r.ops, op)
		b.tally.evicted++
		b.tally.evictedBytes += size
	}
	if len(r.ops) == 0 {
		if q.NeedsScan() {
			return errStale // and again
		}
		return errNothing
	}
	e.commitGroup([]*request{r})
	if r.err != nil {
		for _, it := range popped {
			q.Offer(it)
		}
		return r.err
	}
	e.stats.cleared(b.tally)
	return nil
}

// errNothing tells that there is nothing to give up.
var errNothing = errors.New("diskcache: nothing to evict")

// giveUpAt returns the operation that deletes the item whose record is at a place.
func (e *Engine) giveUpAt(place uint64) (Op, int64, error) {
	var op Op
	slot, off := e.layout.Split(place)
	seg := e.w.at(slot)
	if seg == nil {
		return op, 0, errNowhere
	}
	h, key, err := seg.Head(off, nil)
	if err == nil {
		err = e.prepareDelete(&op, string(key))
	}
	if err != nil {
		return op, 0, readError(err)
	}
	op.OnlyAt = &source{seg, off, int64(h.Size())}
	return op, int64(h.Size()), nil
}

// makeRoom does a step towards room for what is wanted, and says why if there cannot
// be any. What was dropped takes space until a sync makes it certain; one is done when
// enough waits for it, or nothing else is left to do.
func (e *Engine) makeRoom(w *want, locked bool) error {
	if gone, err := e.giveUpLongSnapshot(locked); err != nil || gone {
		return err
	}
	if !locked && w.most != 0 {
		if did, err := e.expireFirst(); err != nil || did {
			return err
		}
	}
	if e.dropped() >= max(w.bytes, e.opt.SegmentSize) {
		before := e.DiskUsage()
		if err := e.syncDropped(locked); err != nil || e.DiskUsage() < before {
			return err
		}
	}
	did, err := e.reclaim(w, locked)
	if err != nil || did {
		return err
	}
	if e.dropped() > 0 {
		before := e.DiskUsage()
		if err := e.syncDropped(locked); err != nil || e.DiskUsage() < before {
			return err
		}
	}
	if e.bg.settle(locked) {
		return nil // what was being sealed can go now
	}
	if e.endDead(w, locked) {
		return nil
	}
	if before := e.DiskUsage(); e.values.strayBytes.Load() > 0 {
		if err := e.bg.sweepOnce(); err != nil || e.DiskUsage() < before {
			return err
		}
	}
	if e.reserve.snapshot.Swap(0) > 0 {
		return nil // the next Open is to take longer, rather
	}
	if e.graves.awaitReaders() {
		return nil
	}
	if u := e.usage(); u != w.usage { // the background has done something meanwhile
		w.usage = u
		return nil
	}
	if limit := e.opt.CountLimit; limit > 0 && int64(e.index.Load().Len()) >= limit {
		return fmt.Errorf("%w: %d items are the limit", ErrFull, limit)
	}
	return fmt.Errorf("%w: %d of %d bytes are in use, and nothing more can be given up", ErrFull, e.usage(), e.limit())
}

// endDead ends segments that are written to and are half garbage: it can only go then. It
// reports whether there were any.
func (e *Engine) endDead(w *want, locked bool) bool {
	if !locked {
		e.w.mu.Lock()
		defer e.w.mu.Unlock()
	}
	if e.w.closed && !locked || e.short(w).bytes <= 0 {
		return false
	}
	any := false
	for i, a := range e.w.active {
		if a == nil || 2*a.Segment.LiveBytes.Load() > a.Segment.Length() || a.Segment.Length() < max(e.opt.SegmentSize/8, leastDead) {
			continue
		}
		e.bg.seal(a)
		e.w.active[i] = nil
		any = true
	}
	return any
}

// leastDead is how long such a one must be at least: what says that it is gone goes to
// another, which would be the next.
const leastDead = 1 << 10

// makeSpace takes back as many bytes as are wanted on a disk that is full, and reports
// whether it got any.
func (e *Engine) makeSpace(w *want, locked bool) bool {
	full := *w
	full.full = true
	before := e.DiskUsage()
	for e.DiskUsage() > before-w.bytes {
		if err := e.makeRoom(&full, locked); err != nil {
			e.noteFull(err)
			break
		}
	}
	return e.DiskUsage() < before
}

// noteFull keeps why no space could be made, unless it is that there is none.
func (e *Engine) noteFull(err error) {
	if !errors.Is(err, ErrFull) && !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrClosed) {
		e.faults.add("make space on a full disk", err)
	}
}

// dropped returns how many bytes wait for a sync to be removed.
func (e *Engine) dropped() int64 { return e.graves.waiting() + e.values.deadBytes.Load() }

// syncWriters puts on the disk all that was committed before.
func (e *Engine) syncWriters(locked bool) error {
	if !locked {
		e.w.mu.Lock()
	}
	ws := e.w.actives()
	e.bg.mu.Lock()
	ws = append(ws, e.bg.rotated...)
	e.bg.mu.Unlock()
	if !locked {
		e.w.mu.Unlock()
	}
	var errs []error
	for _, w := range ws {
		if err := w.Sync(); err != nil && (locked && e.w.has(w.Segment) || !locked && e.has(w.Segment)) {
			errs = append(errs, syncError(err))
		}
	}
	return errors.Join(errs...)
}

// has reports whether a segment is still part of the log. One that was dropped meanwhile
// has a file that is closed, and need not be synced.
func (e *Engine) has(s *segment.Segment) bool {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	return e.w.has(s)
}

func (w *writer) has(s *segment.Segment) bool { return w.at(s.Slot) == s }

// syncDropped syncs what says that segments and files are gone, and removes them.
func (e *Engine) syncDropped(locked bool) error {
	return errors.Join(e.syncWriters(locked), e.retireDropped(), e.values.removeDead(), e.forgetRemoved())
}

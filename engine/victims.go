package engine

import (
	"errors"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

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
	read := func(*codec.HintEntry) bool { return false }
	if w.locked {
		read = func(he *codec.HintEntry) bool { return e.w.spares(he.Hash, he.Size) }
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
			case !w.noCopy && (copies.Keep(entry.Hits, he.Size, limit) || read(he)):
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
		case !w.noCopy && (evict.Promote(entry.Hits, weight[1], limit) || read(he)):
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
	if n := int64(e.index.Load().Len()); e.settings().CountLimit > 0 && n > 0 {
		byCount := weight / n * e.settings().CountLimit
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
	var popped, passed []evict.Item
	defer func() { offerAgain(q, passed) }()
	for len(r.ops) < most && !b.isEnough() {
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
		switch {
		case errors.Is(err, ErrCorrupt):
			e.stats.corrupt.Add(1)
			e.faults.add("record lost", err)
			continue // another goes for it; Check removes it
		case err != nil:
			offerAgain(q, append(popped, it))
			return err
		}
		if e.w.spares(op.Record.Hash, size) {
			passed = append(passed, it)
			continue
		}
		popped = append(popped, it)
		r.ops = append(r.ops, op)
		b.files += size - op.OnlyAt.size
		b.tally.evicted++
		b.tally.evictedBytes += size
	}
	if len(r.ops) == 0 {
		if len(passed) > 0 { // there is nothing else
			e.w.sparing = 0
			return errStale
		}
		if q.NeedsScan() {
			return errStale // and again
		}
		return errNothing
	}
	e.commitGroup([]*request{r})
	if r.err != nil {
		offerAgain(q, popped)
		return r.err
	}
	e.stats.cleared(b.tally)
	return nil
}

func offerAgain(q *evictQueue, items []evict.Item) {
	for _, it := range items {
		q.Offer(it)
	}
}

// errNothing tells that there is nothing to give up.
var errNothing = errors.New("diskcache: nothing to evict")

// giveUpAt returns the operation that deletes the item whose record is at a place, and how
// many bytes it takes with its file.
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
	if err == nil && op.Record.Hash != h.Hash {
		err = &segment.DamageError{File: seg.Name(), Offset: off, Err: codec.ErrChecksum} // the head is right, the key is not
	}
	if err != nil {
		return op, 0, readError(err)
	}
	op.OnlyAt = &source{seg, off, int64(h.Size())}
	size := op.OnlyAt.size
	if h.Flags&codec.FlagFile != 0 {
		file, err := e.fileOf(seg, off)
		if err != nil && !segment.IsDamage(err) && !errors.Is(err, codec.ErrLength) {
			return op, 0, readError(err)
		}
		size += file.Size
	}
	return op, size, nil
}

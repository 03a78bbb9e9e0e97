package engine

import (
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// A drop record says that what a segment holds before an offset is gone. It is
// committed together with the copies of what was still wanted there, so of each
// record there is either the old one or the new one, whenever a process ends.

// dropOp returns the operation that drops seg before the offset upTo; all of it if
// whole is set: upTo is its end, and nothing will be added.
func dropOp(seg *segment.Segment, upTo int64, whole bool) Op {
	op := Op{Record: codec.Record{Kind: codec.KindDrop, Hash: seg.ID}}
	if !whole {
		if upTo <= 0 {
			panic("diskcache: a drop of nothing would be one of all")
		}
		op.Record.Expires = upTo
	}
	op.Record.Digest()
	return op
}

// dropped is how far a segment is dropped, and by which record.
type dropped struct {
	upTo int64
	by   committed
}

// dropsOf returns what the drop records in all histories say.
func dropsOf(all []*history) map[uint64]dropped {
	drops := make(map[uint64]dropped)
	for _, h := range all {
		for i := range h.entries {
			e := &h.entries[i]
			if e.Kind != codec.KindDrop {
				continue
			}
			d := dropped{e.Expires * codec.Align, committed{h.seg, e.Off}}
			if e.Expires == 0 {
				d.upTo = math.MaxInt64
			}
			if d.upTo >= drops[e.Hash].upTo {
				drops[e.Hash] = d
			}
		}
	}
	return drops
}

// applyDrops leaves out the segments that are dropped whole, whose files go once it
// is certain that the drop is on the disk, and notes how far others are.
func (r *recovery) applyDrops(all []*history) []*history {
	for _, h := range all {
		if len(h.entries) > 0 { // a hint may tell of a drop that was lost since
			h.seg.FirstSeq.Store(min(h.seg.FirstSeq.Load(), h.entries[0].Seq))
		}
	}
	drops := dropsOf(all)
	if len(drops) == 0 {
		return all
	}
	left := all[:0]
	for _, h := range all {
		d := drops[h.seg.ID]
		if d.upTo < math.MaxInt64 {
			h.drop(d.upTo)
			h.seg.Slot = uint32(len(left))
			left = append(left, h)
			continue
		}
		r.orphans = withoutOrphan(r.orphans, h)
		r.e.graves.bury(segment.Gone(r.e.fsys, r.e.files, h.seg.ID, h.seg.FirstSeq.Load()), d.by, h.seg.FirstSeq.Load())
	}
	return left
}

// drop notes that what begins before upTo is dropped.
func (h *history) drop(upTo int64) {
	h.seg.Front.Store(upTo)
	for i := range h.entries {
		if h.entries[i].Off >= upTo {
			h.seg.FirstSeq.Store(h.entries[i].Seq)
			return
		}
	}
	if upTo > 0 {
		h.seg.FirstSeq.Store(h.seg.LastSeq.Load() + 1)
	}
}

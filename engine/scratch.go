package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// fromScratch builds the index from all segments and hints.
func (r *recovery) fromScratch() error {
	e := r.e
	var all []*history
	slot := uint32(0)
	for i, read := range r.readAll() {
		h, err := r.history(r.found[i], read)
		if err != nil {
			return err
		}
		if h != nil {
			h.seg.Slot = slot
			all = append(all, h)
			slot++
		}
	}
	if slot > e.layout.MaxSlots() {
		return fmt.Errorf("%w: %d segments are more than the %d that the index can tell apart", ErrFull, slot, e.layout.MaxSlots())
	}
	all = r.applyDrops(r.ofOneCache(all))
	for _, h := range all { // a hint may speak of more than is left of its segment
		if h.seg.Length() > e.layout.MaxFile() {
			e.layout = segment.NewLayout(e.layout.PlaceBits, h.seg.Length())
		}
	}
	x := keydir.New(keydir.Config{PlaceBits: e.layout.PlaceBits, Ranks: e.evict.ranked()})
	e.index.Store(x)
	return r.replay(x, all)
}

// reading is what came of reading the history of a segment.
type reading struct {
	h    *history
	hint error // why the hint was not used, if there is one
	err  error
}

// soloBytes is how many bytes one goroutine reads in the time that it takes to start
// more of them.
const soloBytes = 16 << 20

// readAll reads the histories of all segments that were found, with as many
// goroutines as there are processors where that is worth it.
func (r *recovery) readAll() []reading {
	all := make([]reading, len(r.found))
	workers := 0
	for _, f := range r.found {
		workers += int(f.size / soloBytes)
	}
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
			all[i] = r.read(r.found[i])
		}
	}
	var wg sync.WaitGroup
	for range min(workers, runtime.GOMAXPROCS(0)-1) {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return all
}

// read reads the history of a segment from its hint or, where that cannot be had, from
// its log. h is nil if nothing is left of either.
func (r *recovery) read(f found) (x reading) {
	if f.hinted {
		if x.h, x.hint = r.e.fromHint(f, 0); x.hint == nil {
			return x
		}
		if errors.Is(x.hint, codec.ErrVersion) {
			x.err = versionError(x.hint) // and not to be written again
			return x
		}
		if !errors.Is(x.hint, segment.ErrHint) && !errors.Is(x.hint, fs.ErrNotExist) {
			x.err = x.hint
			return x
		}
	}
	if !f.missing && !r.gone[f.id] {
		x.h, x.err = r.e.fromLog(f, 0)
	}
	return x
}

// history decides what is to be done about a segment that was read. It returns nil
// where there is nothing.
func (r *recovery) history(f found, x reading) (*history, error) {
	if errors.Is(x.err, fs.ErrNotExist) {
		// It was removed. SMB lists the name for as long as a host, which may be down, has the file open.
		r.gone[f.id] = true
		return nil, nil
	}
	if x.hint != nil && x.err == nil {
		r.e.faults.add("hint ignored", x.hint)
	}
	if x.err != nil || f.hinted && x.hint == nil {
		return x.h, x.err
	}
	if f.missing {
		r.sound = false
		return nil, nil // neither a segment nor what it held is known
	}
	h := x.h
	if h == nil {
		return nil, nil
	}
	if len(h.entries) == 0 && f.size <= codec.SegmentHeaderLen {
		// Begun by a process that died before its first commit. We may come here
		// again, should the snapshot prove damaged.
		r.gone[f.id] = true
		return nil, r.e.fsys.Remove(h.seg.Name())
	}
	r.orphans = append(r.orphans, &orphan{h: h})
	return h, nil
}

// ofOneCache leaves out segments that belong to another cache: files that
// somebody copied here. The cache is the one that most segments are of which hold anything.
func (r *recovery) ofOneCache(all []*history) []*history {
	e := r.e
	var none [16]byte
	for _, h := range all {
		if h.cacheID != none {
			r.ids[h.cacheID] += min(len(h.entries), 1)
		}
	}
	e.id = none
	for _, h := range all { // the newest of the most
		if h.cacheID != none && r.ids[h.cacheID] >= r.ids[e.id] {
			e.id = h.cacheID
		}
	}
	if e.id == none {
		e.id = newID()
	}
	kept := all[:0]
	for _, h := range all {
		if h.cacheID != none && h.cacheID != e.id {
			r.sound = false
			e.faults.add("segment ignored", &CorruptError{h.seg.Name(), 0, errOtherCache})
			e.faults.strangers = append(e.faults.strangers, h.seg.Name())
			r.orphans = withoutOrphan(r.orphans, h)
			continue
		}
		h.cacheID = e.id
		kept = append(kept, h)
	}
	return kept
}

var errOtherCache = errors.New("the file belongs to another cache")

func withoutOrphan(orphans []*orphan, h *history) []*orphan {
	kept := orphans[:0]
	for _, o := range orphans {
		if o.h != h {
			kept = append(kept, o)
		}
	}
	return kept
}

// replay applies histories to an index, which may know older segments already,
// and takes their segments over.
func (r *recovery) replay(x *keydir.Index, all []*history) error {
	e := r.e
	rp := &replay{e: e, index: x, values: &e.values, hidden: e.w.hidden.Load()}
	e.stats.torn.Add(lostBytes(all))
	for _, h := range all {
		e.w.put(h.seg)
		e.clock.seen(max(h.seg.ID, h.seg.LastSeq.Load()))
		e.stats.torn.Add(h.torn)
		for _, err := range h.damaged {
			r.sound = false
			e.stats.corrupt.Add(1)
			e.faults.add("damage found", err)
		}
	}
	rp.segs = e.w.bySlot
	rp.bySlot = make([]*history, len(rp.segs))
	for _, h := range all {
		rp.bySlot[h.seg.Slot] = h
	}
	if err := rp.run(all); err != nil {
		return readError(err)
	}
	return r.dropMissing(all)
}

// dropMissing looks at the hints whose segments are gone. A hint that nothing
// depends on any more was left by a removal that a crash interrupted, and goes.
func (r *recovery) dropMissing(all []*history) error {
	e := r.e
	for _, h := range all {
		if !h.missing {
			continue
		}
		if h.seg.LiveCount.Load() > 0 {
			r.sound = false
			e.stats.corrupt.Add(h.seg.LiveCount.Load())
			e.faults.add("damage found", &CorruptError{h.seg.Name(), 0, fs.ErrNotExist})
			continue
		}
		if hasTombstones(h) {
			continue // they hold back records of older segments
		}
		e.w.bySlot[h.seg.Slot] = nil
		if err := e.fsys.Remove(codec.HintName(h.seg.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r.gone[h.seg.ID] = true
	}
	return nil
}

func hasTombstones(h *history) bool {
	for i := range h.entries {
		if h.entries[i].Kind == codec.KindTombstone {
			return true
		}
	}
	return false
}

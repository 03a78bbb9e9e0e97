package engine

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// history is what one segment holds, in its order: the hint's word or, where
// there is no hint, what a cursor found.
type history struct {
	seg     *segment.Segment
	cacheID [16]byte // zero if it is not known
	entries []codec.HintEntry
	next    int // entry to be replayed
	missing bool
	damaged []error
	torn    int64             // bytes that a crash left unfinished
	stated  int64             // up to where it says itself that it was synced, with the files that it names
	lost    []codec.HintEntry // left out: a crash left their files unfinished
}

// at returns the entry of the record at off.
func (h *history) at(off int64) (codec.HintEntry, bool) {
	i, ok := slices.BinarySearchFunc(h.entries, off, func(e codec.HintEntry, off int64) int { return cmp.Compare(e.Off, off) })
	if !ok {
		return codec.HintEntry{}, false
	}
	return h.entries[i], true
}

// fromHint reads the history of a segment from its hint. The hint is believed
// even where the segment is shorter than it says, or gone: it tells of which keys
// newer versions existed, so that no older ones are taken for current.
func (e *Engine) fromHint(f found, slot uint32) (*history, error) {
	hint, err := segment.ReadHint(e.fsys, f.id)
	if err != nil {
		return nil, err
	}
	s := segment.Found(e.fsys, e.files, f.id, slot, hint.Length)
	s.SetSynced(hint.Length)
	s.Stream = hint.Stream
	s.FirstSeq.Store(hint.FirstSeq)
	s.LastSeq.Store(hint.LastSeq)
	h := &history{seg: s, cacheID: hint.CacheID, entries: hint.Entries, missing: f.missing}
	if !f.missing && f.size < hint.Length && e.board.file != nil { // it may be old
		if size, err := e.lengthOf(f.id); err == nil {
			f.size = size
		}
	}
	if !f.missing && f.size < hint.Length {
		h.damaged = append(h.damaged, &CorruptError{s.Name(), f.size, fmt.Errorf("file ends %d bytes early", hint.Length-f.size)})
	}
	return h, nil
}

// fromLog reads the history of a segment with a cursor.
func (e *Engine) fromLog(f found, slot uint32) (*history, error) {
	name := codec.SegmentName(f.id)
	file, err := e.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := e.lengthOf(f.id) // that of the listing may be old
	if err != nil {
		return nil, err
	}
	h := &history{seg: segment.Found(e.fsys, e.files, f.id, slot, size)}
	c, err := segment.NewCursor(file, f.id, size, 0)
	if err != nil {
		return nil, versionError(err)
	}
	h.cacheID = c.Header().CacheID
	h.seg.Stream = c.Header().Stream
	err = h.scan(c)
	h.seg.SetLength(c.End())
	if err == nil {
		e.leaveTorn(h, math.MaxUint64)
	}
	return h, err
}

// scan fills in the history from a cursor.
func (h *history) scan(c *segment.Cursor) error {
	s := h.seg
	for c.Next() {
		commit := c.Commit()
		if s.FirstSeq.Load() == 0 {
			s.FirstSeq.Store(commit.Seq)
		}
		s.LastSeq.Store(commit.Seq)
		for i := range commit.Records {
			r := &commit.Records[i]
			h.entries = append(h.entries, hintOf(&r.Record, r.Off, r.Size))
		}
	}
	if err := c.Err(); err != nil {
		return versionError(err)
	}
	h.stated = c.Stated()
	for _, d := range c.Damages() {
		if d.Synced {
			h.damaged = append(h.damaged, &CorruptError{s.Name(), d.Off, fmt.Errorf("%d bytes: %w", d.Len, d.Err)})
		} else {
			h.torn += d.Len
		}
	}
	return nil
}

func versionError(err error) error {
	if errors.Is(err, codec.ErrVersion) || errors.Is(err, codec.ErrKind) {
		return fmt.Errorf("%w: %w", ErrVersion, err)
	}
	return err
}

// orphan is a segment without a hint that an earlier process left.
type orphan struct {
	h      *history
	unread bool // h is to be read first
	failed bool // its sync failed, and is not tried again
}

// sealOrphans syncs what earlier processes left and writes their hints. It
// stops at the first that fails; the rest waits for the next time. What a failed
// sync was to cover is written anew if rescue is set.
func (e *Engine) sealOrphans(rescue, locked bool) error {
	b := &e.bg
	b.mu.Lock()
	waiting := slices.Clone(b.orphans)
	b.mu.Unlock()
	for _, o := range waiting {
		done, err := e.sealOrphan(o, rescue, locked)
		if done {
			e.reserve.hints.Add(-int64(codec.HintLen(len(o.h.entries))))
			e.board.remove(o.h.seg.ID)
			b.mu.Lock()
			b.orphans = slices.DeleteFunc(b.orphans, func(x *orphan) bool { return x == o })
			// As long as it is not certain what of the log is on the disk,
			// a value file that looks like garbage may be needed after all.
			b.sweep = b.sweep && !o.failed
			b.mu.Unlock()
		}
		if errors.Is(err, errNoHint) {
			return nil // it waits, too
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) sealOrphan(o *orphan, rescue, locked bool) (done bool, err error) {
	o.failed = o.failed || e.values.loose.anyFailed(o.h.seg)
	if !o.failed {
		err = e.syncOrphan(o, locked)
	}
	switch {
	case !o.failed:
		return err == nil, err
	case !rescue:
		return false, err
	}
	rerr := e.rescue(o.h.seg)
	return rerr == nil, errors.Join(err, syncError(rerr))
}

// syncOrphan syncs an orphan and writes its hint.
func (e *Engine) syncOrphan(o *orphan, locked bool) error {
	h := o.h
	if o.unread {
		read, err := e.historyOf(h.seg)
		if segment.IsDamage(err) && !locked && e.hasNews() {
			err = errors.Join(e.followNow(), err) // another process may have dropped it
		}
		if segment.IsDamage(err) && !e.inLog(h.seg) {
			return nil // it was dropped
		}
		if err != nil {
			return readError(err)
		}
		h.entries, o.unread = read.entries, false
	}
	f, err := e.fsys.Open(h.seg.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is lost; nothing to seal
	}
	if err != nil {
		return err
	}
	e.stats.syncs.Add(1)
	if err = e.values.loose.settle(h.seg); err == nil {
		err = f.Sync()
	}
	o.failed = err != nil
	if err := errors.Join(err, f.Close()); err != nil {
		return syncError(err)
	}
	if err := e.fsys.SyncDir("."); err != nil {
		return syncError(err)
	}
	h.seg.SetSynced(h.seg.Length())
	hint := &codec.Hint{
		CacheID: h.cacheID, SegmentID: h.seg.ID, Stream: h.seg.Stream, Length: h.seg.Length(),
		FirstSeq: h.seg.FirstSeq.Load(), LastSeq: h.seg.LastSeq.Load(), Entries: h.entries,
	}
	n, err := segment.WriteHint(e.fsys, hint, e.publisher(h.seg, locked))
	e.stats.disk.Add(n)
	if errors.Is(err, errDropped) {
		return nil
	}
	return err
}

// queueBySeq merges histories into the one order of all commits.
type queueBySeq []*history

func (q queueBySeq) Len() int { return len(q) }
func (q queueBySeq) Less(i, j int) bool {
	return q[i].entries[q[i].next].Seq < q[j].entries[q[j].next].Seq
}
func (q queueBySeq) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queueBySeq) Push(x any)   { *q = append(*q, x.(*history)) }
func (q *queueBySeq) Pop() any {
	old := *q
	h := old[len(old)-1]
	*q = old[:len(old)-1]
	return h
}

// inOrder calls fn for the entries of all histories, by sequence.
func inOrder(all []*history, fn func(h *history, e *codec.HintEntry) error) error {
	var q queueBySeq
	for _, h := range all {
		h.next = 0
		if len(h.entries) > 0 {
			q = append(q, h)
		}
	}
	heap.Init(&q)
	for len(q) > 0 {
		h := q[0]
		until := ^uint64(0) // the first sequence of any other history
		for _, i := range []int{1, 2} {
			if i < len(q) {
				until = min(until, q[i].entries[q[i].next].Seq)
			}
		}
		for h.next < len(h.entries) && h.entries[h.next].Seq <= until {
			if err := fn(h, &h.entries[h.next]); err != nil {
				return err
			}
			h.next++
		}
		if h.next < len(h.entries) {
			heap.Fix(&q, 0)
		} else {
			heap.Pop(&q)
		}
	}
	return nil
}

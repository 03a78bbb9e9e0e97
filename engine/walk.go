package engine

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// fate is what becomes of a live record when its segment is cleared.
type fate uint8

const (
	moves  fate = iota // it is moved as it is
	keeps              // it is moved to the stream of what is kept, without hits
	evicts             // it is given up to make room
	expire             // it is given up because its time is over
)

// judgement decides on the fate of the record of a segment that a hint entry tells of,
// and an entry of the index points to.
type judgement func(*segment.Segment, keydir.Entry, *codec.HintEntry) fate

// A walk clears a segment from its front to its end, a batch at a time. What a batch
// commits says that the segment is dropped up to there, so it may end at any place.
type walk struct {
	seg     *segment.Segment
	entries []codec.HintEntry // what it held when they were read
	next    int               // of entries
	front   int64             // of seg: another walk may move it on
	closed  bool              // this process adds nothing to it any more
	length  int64             // that it had when the walk began
}

// batch is the part of a walk that is committed at once.
type batch struct {
	w     *walk
	begin int // w.next, when it was planned
	to    stream
	judge judgement

	seq    uint64           // of the last commit as it was planned: what came later is left alone
	oldest uint64           // first sequence of all other segments
	fronts map[uint64]int64 // up to where segments are dropped, as the disk says
	ops    []Op
	sync   bool  // what has replaced records of the batch may not be on the disk yet
	end    int   // w.next afterwards
	upTo   int64 // the offset behind the last record of the batch
	crowds bool  // what it copies may exceed the limit
	files  int64 // bytes of the value files that it gives up
	enough int64 // no more of them than that and one more file; 0: any number
	tally  tally
}

// isEnough reports whether the files that are given up make the room that is wanted, so
// that a segment that says of many does not take all of them with it.
func (b *batch) isEnough() bool { return b.enough > 0 && b.files >= b.enough }

// tally counts what clearing segments has done.
type tally struct {
	moved, movedBytes     int64
	evicted, evictedBytes int64
	expired, expiredBytes int64
}

// Limits of a batch: it is committed under the writer lock, and others wait.
const (
	maxBatchOps   = 4096
	maxBatchBytes = 1 << 20
	maxBatchLook  = 16384 // entries looked at
)

// current reports whether a segment is part of the log as far as can be known: what cannot
// be read of another is not lost, but elsewhere.
func (e *Engine) current(s *segment.Segment) bool {
	set := e.log.Acquire(s.ID)
	if set == nil {
		return false
	}
	defer set.Release(s.ID)
	return !e.behindNow() && set.At(s.Slot) == s
}

// inLog reports whether a segment is part of the log for readers.
func (e *Engine) inLog(s *segment.Segment) bool {
	set := e.log.Acquire(s.ID)
	if set == nil {
		return false
	}
	defer set.Release(s.ID)
	return set.At(s.Slot) == s
}

// entriesOf returns what a segment holds from its front on; errStale if it went meanwhile.
func (e *Engine) entriesOf(s *segment.Segment) ([]codec.HintEntry, error) {
	entries, err := e.readEntries(s)
	if err != nil && !e.current(s) {
		return nil, errStale
	}
	return entries, err
}

func (e *Engine) readEntries(s *segment.Segment) ([]codec.HintEntry, error) {
	entries := e.bg.entriesOf(s)
	if entries != nil {
		return from(entries, s.Front.Load()), nil
	}
	hint, err := e.readHint(s.ID)
	switch {
	case err == nil:
		entries = hint.Entries
	case !errors.Is(err, segment.ErrHint) && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	default:
		h, err := e.historyOf(s)
		if err != nil {
			return nil, readError(err)
		}
		entries = h.entries
	}
	return from(entries, s.Front.Load()), nil
}

// from returns the entries that begin at an offset or behind it.
func from(entries []codec.HintEntry, off int64) []codec.HintEntry {
	i, _ := slices.BinarySearchFunc(entries, off, func(x codec.HintEntry, off int64) int {
		if x.Off < off {
			return -1
		}
		return 1
	})
	return entries[i:]
}

// read finds out what the batch has to do, without a lock of writers: what changes
// meanwhile is seen again when it is committed.
func (b *batch) read(e *Engine, most int) error {
	set := e.log.Acquire(b.w.seg.ID)
	if set == nil {
		return ErrClosed
	}
	defer set.Release(b.w.seg.ID)
	if set.At(b.w.seg.Slot) != b.w.seg {
		return errStale
	}
	if b.w.entries == nil {
		var err error
		if b.w.entries, err = e.entriesOf(b.w.seg); err != nil {
			return err
		}
	}
	x, err := e.wholeIndex()
	if err != nil {
		return errStale
	}
	var bytes int64
	b.end = b.begin
	given := 0
	for b.end < len(b.w.entries) && len(b.ops) < maxBatchOps && bytes < maxBatchBytes && b.end-b.begin < maxBatchLook && given < most && !b.isEnough() {
		he := &b.w.entries[b.end]
		if he.Seq > b.seq {
			break // the index may not know it yet
		}
		ops := len(b.ops)
		if err := b.entry(e, x, he); err != nil {
			return err
		}
		b.end++
		b.upTo = he.Off + he.Size
		if len(b.ops) > ops {
			if op := &b.ops[len(b.ops)-1]; op.Silent || op.Record.Kind == codec.KindTombstone {
				given++
			} else {
				bytes += he.Size
			}
		}
	}
	if b.end == len(b.w.entries) && b.w.closed {
		b.upTo = b.w.seg.Length()
	}
	// What others wait for nobody knows but they.
	b.sync = b.sync || e.values.waitFor(b.w.seg) || e.board.isAnothers(b.w.seg.ID) && b.w.seg.Synced() < b.w.seg.Length()
	return nil
}

// errStale tells that a batch was overtaken: another has cleared its segment.
var errStale = errors.New("diskcache: segment was cleared by another")

// errKept tells that a segment has to stay: it holds a damaged record, and only its hint
// keeps an older one of the same key from coming to light.
var errKept = errors.New("diskcache: segment with a damaged record is kept")

func (b *batch) entry(e *Engine, x *keydir.Index, he *codec.HintEntry) error {
	seg := b.w.seg
	switch he.Kind {
	case codec.KindDrop:
		if !e.knows(he.Hash) || he.Expires != 0 && he.Expires*codec.Align < b.fronts[he.Hash] {
			return nil
		}
		rec := codec.Record{Kind: codec.KindDrop, Hash: he.Hash, Expires: he.Expires * codec.Align}
		rec.Digest()
		b.ops = append(b.ops, Op{Record: rec, Again: true})
		return nil
	case codec.KindTombstone:
		return b.tombstone(e, seg, he)
	case codec.KindPut:
		return b.put(e, x, he)
	}
	return nil
}

// knows reports whether the files of a segment may still be there.
func (e *Engine) knows(id uint64) bool {
	set := e.log.Acquire(id)
	if set == nil {
		return true
	}
	defer set.Release(id)
	for s := range set.All {
		if s.ID == id {
			return true
		}
	}
	return e.graves.has(id)
}

// tombstone keeps a tombstone while another segment may hold what it holds back: the
// one that it names or, if it names none, any that has records as old as that.
func (b *batch) tombstone(e *Engine, seg *segment.Segment, he *codec.HintEntry) error {
	if he.Flags&codec.FlagStored == 0 && b.oldest >= he.Seq {
		return nil
	}
	rec, err := seg.Record(he.Off)
	if err != nil && !e.current(seg) {
		return errStale
	}
	if segment.IsDamage(err) {
		return errKept // its key is lost, but that it was deleted the hint still knows
	}
	if err != nil {
		return err
	}
	if id, ok := e.onlyGuards(&rec); ok && (id == seg.ID || !e.knows(id)) {
		return nil
	} else if !ok {
		rec.Flags &^= codec.FlagFirst
	}
	if b.oldest < rec.Stored {
		b.ops = append(b.ops, Op{Record: rec, From: &source{seg, he.Off, he.Size}})
	}
	return nil
}

func (b *batch) put(e *Engine, x *keydir.Index, he *codec.HintEntry) error {
	seg := b.w.seg
	entry, ok, err := e.entryAt(x, he, seg)
	if err != nil {
		return err
	}
	if !ok {
		// Its successor must be on the disk before it goes, if it was itself.
		b.sync = b.sync || he.Off < seg.Synced() && !e.isSynced(entry)
		return nil
	}
	f := b.judge(seg, entry, he)
	if f == evicts || f == expire {
		return b.giveUp(e, he, f)
	}
	rec, err := seg.Record(he.Off)
	if err != nil && !e.current(seg) {
		return errStale
	}
	if segment.IsDamage(err) {
		e.stats.corrupt.Add(1)
		e.faults.add("record lost", readError(err))
		return b.giveUp(e, he, moves)
	}
	if err != nil {
		return err
	}
	op := Op{Record: rec, From: &source{seg, he.Off, he.Size}, Strict: true}
	if rec.Flags&codec.FlagFile != 0 {
		if ref, err := codec.ParseFileRef(rec.Value); err == nil {
			op.Value = valueFile{ref.ID, ref.Size}
		}
	}
	if f == moves {
		op.Hits = entry.Hits
	}
	b.ops = append(b.ops, op)
	b.tally.moved++
	b.tally.movedBytes += he.Size
	return nil
}

// giveUp ends an item. It takes a tombstone where an older record may come to light.
func (b *batch) giveUp(e *Engine, he *codec.HintEntry, f fate) error {
	seg := b.w.seg
	op := Op{Silent: true, Strict: true, From: &source{seg, he.Off, he.Size}}
	op.Record = codec.Record{
		Kind: codec.KindPut, Flags: he.Flags, Hash: he.Hash, Seq: he.Seq, First: he.Seq, Stored: he.Seq,
	}
	if e.index.Load().HasSide(he.Hash) { // it may be found there, by its key
		_, key, err := seg.Head(he.Off, nil)
		if err != nil && !segment.IsDamage(err) {
			return err
		}
		op.Record.Key = key
	}
	size := he.Size
	if he.Flags&codec.FlagFile != 0 {
		file, err := e.fileOf(seg, he.Off)
		if err != nil && !segment.IsDamage(err) && !errors.Is(err, codec.ErrLength) {
			return err
		}
		op.Value = file
		size += file.Size
	}
	switch f {
	case evicts:
		b.files += op.Value.Size
		b.tally.evicted++
		b.tally.evictedBytes += size
	case expire:
		b.tally.expired++
		b.tally.expiredBytes += size
	}
	flags := he.Flags
	if e.w.hidden.Load().has(he.Hash) {
		flags |= codec.FlagReplaced
	}
	if replaces(flags, he.Seq, b.oldest) {
		_, key, err := seg.Head(he.Off, nil)
		if err == nil && e.opt.Hash(string(key)) == he.Hash {
			var del Op
			if err := e.prepareDelete(&del, string(key)); err != nil {
				return err
			}
			del.OnlyAt, del.Strict = op.From, true
			b.ops = append(b.ops, del)
			return nil
		}
		if err != nil && !segment.IsDamage(err) {
			return err
		}
		return errKept
	}
	b.ops = append(b.ops, op)
	return nil
}

// isSynced reports whether the record that an entry points to is known to be on the
// disk.
func (e *Engine) isSynced(entry keydir.Entry) bool {
	set := e.log.Acquire(entry.Place)
	if set == nil {
		return false
	}
	defer set.Release(entry.Place)
	slot, off := e.layout.Split(entry.Place)
	seg := set.At(slot)
	return entry.Place != 0 && seg != nil && !set.Over() && seg.Synced() > off
}

// entryAt returns the entry that points to a record of a segment, if one does.
func (e *Engine) entryAt(x *keydir.Index, he *codec.HintEntry, seg *segment.Segment) (keydir.Entry, bool, error) {
	place := e.layout.Place(seg.Slot, he.Off)
	entry, status := x.Lookup(he.Hash)
	if status == keydir.Damaged {
		return entry, false, keydir.ErrDamaged
	}
	if entry.Place == place || !x.HasSide(he.Hash) {
		return entry, entry.Place == place, nil
	}
	_, key, err := seg.Head(he.Off, nil)
	if err != nil {
		return entry, false, ignoreDamage(err) // nobody finds it by its key any more
	}
	entry, ok := x.LookupSide(he.Hash, key)
	return entry, ok && entry.Place == place, nil
}

// commitLocked commits the batch and moves its walk on. The caller holds the writer
// lock.
func (b *batch) commitLocked(e *Engine) error {
	w := b.w
	if w.next != b.begin || e.w.at(w.seg.Slot) != w.seg {
		return errStale
	}
	if w.front != w.seg.Front.Load() || w.closed && w.length != w.seg.Length() {
		delete(e.reclaimer.walks, w.seg) // to begin anew
		return errStale
	}
	whole := w.closed && b.end == len(w.entries)
	if !whole && b.upTo <= w.seg.Front.Load() {
		return errNothing // of a segment that is written to, and has nothing new
	}
	if copied := b.copied(); copied > 0 && !b.crowds && e.crowded(copied) {
		return errCrowded
	}
	var waits *segment.Writer
	if whole {
		var ok bool
		if waits, ok = e.bg.claim(w.seg); !ok {
			return errStale
		}
	}
	r := &request{ops: append(b.ops, dropOp(w.seg, b.upTo, whole)), to: b.to}
	e.commitGroup([]*request{r})
	if r.err != nil {
		e.bg.unclaim(waits)
		return r.err
	}
	e.giveUpSealing(waits)
	e.reclaimer.dropped(w.seg, e.w.lastCommit(), w.seg.FirstSeq.Load())
	w.next = b.end
	w.seg.Front.Store(b.upTo)
	w.front = b.upTo
	b.uncount()
	if w.next < len(w.entries) {
		w.seg.FirstSeq.Store(w.entries[w.next].Seq)
	} else if w.next > 0 { // more may have been added since
		w.seg.FirstSeq.Store(w.entries[w.next-1].Seq + 1)
	}
	b.remember(e)
	e.stats.cleared(b.tally)
	if whole {
		e.stats.compactions.Add(1)
		if stream(w.seg.Stream) == hot {
			e.w.classes.collected(w.seg, e.clock.last.Load())
		}
		e.buryLocked(w.seg)
	}
	return nil
}

// remember tells the ghost of what was given up before it had proved itself. What has
// been in main had its chance.
func (b *batch) remember(e *Engine) {
	if !stream(b.w.seg.Stream).probation() {
		return
	}
	for i := range b.ops {
		if op := &b.ops[i]; op.Silent || op.OnlyAt != nil {
			e.evict.evicted(e, op.Record.Hash)
		}
	}
}

// uncount takes what held others back, and is behind the front now, out of the accounts.
func (b *batch) uncount() {
	s := b.w.seg
	for _, he := range b.w.entries[b.begin:b.end] {
		switch {
		case holds(he.Kind, he.Flags):
			s.TombBytes.Add(-min(he.Size, s.TombBytes.Load()))
		case he.Kind == codec.KindDrop:
			s.DropBytes.Add(-min(he.Size, s.DropBytes.Load()))
		}
	}
}

// buryLocked takes a segment that is dropped whole out of the log. Its drop is the
// last thing that was committed.
func (e *Engine) buryLocked(s *segment.Segment) {
	first := e.reclaimer.firstSeq(s)
	e.reclaimer.forget(s)
	e.w.bySlot[s.Slot] = nil
	e.board.remove(s.ID) // also when it is another's, which learns of it before it writes again
	e.graves.bury(s, e.w.lastCommit(), first)
	e.log.Publish(e.w.bySlot)
}

package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// fromSnapshot takes the index from the snapshot that the last Close left, and
// applies to it what was committed since. It reports false where there is none
// that fits the files.
//
// A snapshot fits while each segment that it speaks of is there, no shorter than
// it was, and all others are newer: segments are never appended to after the
// process that created them, so the index of those segments is then the same as
// it was. That holds for an old copy of a snapshot, too.
func (r *recovery) fromSnapshot() (bool, error) {
	e := r.e
	f, err := e.fsys.Open(codec.SnapshotName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		e.faults.add("snapshot ignored", err)
		return false, nil
	}
	layout := e.layout
	ok, err := r.openSnapshot(f)
	if !ok {
		e.layout = layout
		err = errors.Join(err, r.reset(), f.Close())
		if errors.Is(err, codec.ErrVersion) {
			return false, versionError(fmt.Errorf("%s: %w", codec.SnapshotName, err))
		}
		if err != nil {
			e.faults.add("snapshot ignored", snapshotError(err))
		}
		return false, nil
	}
	e.bg.snapshotFile = f
	return true, nil
}

// reset undoes what a snapshot that did not fit has left behind.
func (r *recovery) reset() error {
	e := r.e
	if x := e.index.Swap(nil); x != nil {
		x.Close()
	}
	e.log.Publish(e.w.bySlot) // what was opened of the segments is theirs to close
	e.log.Publish(nil)
	e.log.Wait()
	e.w.bySlot, r.orphans, r.sound, e.graves = nil, nil, true, graves{}
	e.w.hidden.Store(&doubts{})
	e.values.init(e)
	e.values.bytes.Store(0)
	return nil
}

func (r *recovery) openSnapshot(f vfs.File) (bool, error) {
	e := r.e
	snap, err := readSnapshotHead(f)
	if err != nil {
		return false, err
	}
	newer, ok := r.fits(&snap)
	if !ok {
		return false, nil
	}
	src := keydir.Source{Reader: f, Side: keydir.Region{Offset: snap.Side.Offset, Length: snap.Side.Length, Sum: snap.Side.Sum}}
	ranked := false
	for _, s := range snap.Shards {
		src.Shards = append(src.Shards, keydir.Region{Offset: s.Offset, Length: s.Length, Sum: s.Sum, Count: int(s.Count)})
		src.Ranks = append(src.Ranks, keydir.Region{Offset: s.Ranks.Offset, Length: s.Ranks.Length, Sum: s.Ranks.Sum})
		ranked = ranked || s.Ranks != codec.SnapshotRegion{}
	}
	if !ranked {
		src.Ranks = nil
	}
	x, err := keydir.Load(keydir.Config{PlaceBits: snap.PlaceBits, Ranks: e.evict.ranked()}, src)
	if err != nil {
		return false, err
	}
	e.index.Store(x)
	e.id = snap.CacheID
	e.clock.seen(snap.Seq)
	if snap.Horizon > 0 {
		e.clock.horizon.Store(&horizon{{snap.Horizon, snap.HorizonSeq}})
	}
	for _, s := range snap.Segments {
		seg := segment.Found(e.fsys, e.files, s.ID, s.Slot, s.Length)
		seg.SetSynced(s.Length)
		seg.Stream = uint32(s.Stream)
		seg.FirstSeq.Store(s.FirstSeq)
		seg.LastSeq.Store(s.LastSeq)
		seg.LiveBytes.Store(s.LiveBytes)
		seg.LiveCount.Store(s.LiveCount)
		seg.FileBytes.Store(s.FileBytes)
		seg.TombBytes.Store(s.TombBytes)
		seg.Earliest.Store(s.Earliest)
		seg.Latest.Store(s.Latest)
		seg.Front.Store(s.Front)
		e.w.put(seg)
	}
	if err := e.readPolicy(f, snap.Policy); err != nil {
		e.faults.add("what eviction knew is lost", snapshotError(err))
	}
	for _, v := range snap.Values {
		e.values.named(valueFile{v.FileID, v.Size})
	}
	e.bg.snapshotSeq, e.bg.snapshotHorizon = snap.Seq, e.clock.horizon.Load()
	return r.since(x, newer)
}

// since applies the segments that are newer than the snapshot.
func (r *recovery) since(x *keydir.Index, newer []found) (bool, error) {
	var all []*history
	for _, f := range newer {
		slot, err := r.e.w.freeSlot(r.e.layout)
		if err != nil {
			return false, err
		}
		h, err := r.history(f, r.read(f))
		if err != nil {
			return false, err
		}
		if h == nil {
			continue
		}
		h.seg.Slot = slot
		if h.seg.Length() > r.e.layout.MaxFile() {
			return false, nil // places for it need another layout
		}
		var none [16]byte
		if h.cacheID != none && h.cacheID != r.e.id {
			return false, nil // whose cache it is takes a look at all files
		}
		h.cacheID = r.e.id
		r.e.w.put(h.seg)
		all = append(all, h)
	}
	if len(dropsOf(all)) > 0 {
		return false, nil // of what the snapshot knows is gone in part
	}
	if err := r.replay(x, all); err != nil {
		return false, err
	}
	return true, nil
}

// fits reports whether the snapshot can be taken for the index of the segments
// that are here, and returns those that it does not know.
func (r *recovery) fits(s *codec.Snapshot) (newer []found, ok bool) {
	l := segment.Layout{PlaceBits: s.PlaceBits, OffBits: s.OffBits}
	if l.PlaceBits > mostPlaceBits || l.OffBits >= l.PlaceBits {
		return nil, false // whoever wrote that
	}
	if l.PlaceBits < r.e.layout.PlaceBits || l.MaxFile() < r.e.layout.MaxFile() {
		return nil, false
	}
	most := uint32(min(uint64(l.MaxSlots()), maxSlotGap*uint64(len(s.Segments)+1)))
	known := make(map[uint64]*codec.SnapshotSegment, len(s.Segments))
	slots := make(map[uint32]bool, len(s.Segments))
	for i := range s.Segments {
		g := &s.Segments[i]
		if slots[g.Slot] || g.Slot >= most {
			return nil, false
		}
		known[g.ID], slots[g.Slot] = g, true
	}
	there := 0
	for _, f := range r.found {
		g := known[f.id]
		switch {
		case g != nil && !f.missing && f.size >= g.Length:
			there++
		case g == nil && f.id > s.Seq:
			newer = append(newer, f)
		default:
			return nil, false
		}
	}
	if there != len(s.Segments) {
		return nil, false
	}
	r.e.layout = l
	return newer, true
}

// maxSlotGap is how many times as many slots as segments a directory may have: the
// lowest free one is taken, so only segments that went later leave gaps. It bounds
// what a snapshot of somebody's making can ask for.
const maxSlotGap = 1024

func readSnapshotHead(f vfs.File) (codec.Snapshot, error) {
	size, err := f.Size()
	if err != nil {
		return codec.Snapshot{}, err
	}
	b, err := readPart(f, min(size, codec.MaxHeaderLen))
	if err != nil {
		return codec.Snapshot{}, err
	}
	n, err := codec.SnapshotHeadLen(b)
	if err != nil {
		return codec.Snapshot{}, err
	}
	if int64(n) > size {
		return codec.Snapshot{}, codec.ErrShort
	}
	if b, err = readPart(f, int64(n)); err != nil {
		return codec.Snapshot{}, err
	}
	return codec.ParseSnapshotHead(b)
}

// readPolicy takes over what eviction knew at the last Close.
func (e *Engine) readPolicy(f vfs.File, r codec.SnapshotRegion) error {
	if r.Length == 0 {
		return nil
	}
	if r.Length > maxPolicyLen {
		return codec.ErrLength
	}
	b := make([]byte, r.Length)
	if n, err := f.ReadAt(b, r.Offset); n < len(b) {
		return cmp.Or(err, codec.ErrShort)
	}
	if xxhash.Sum64(b) != r.Sum {
		return codec.ErrChecksum
	}
	return e.evict.parse(b)
}

// maxPolicyLen bounds what is read of that: a ghost of the largest size, and a tick.
const maxPolicyLen = 1 << 30

func readPart(f vfs.File, n int64) ([]byte, error) {
	b := make([]byte, n)
	if got, err := f.ReadAt(b, 0); int64(got) < n {
		return nil, err
	}
	return b, nil
}

// loadIndex reads what the index has not used yet of its snapshot, so that the
// file is needed no longer. A snapshot that turns out damaged costs a rebuild.
func (e *Engine) loadIndex(x *keydir.Index) error {
	set := e.log.Acquire(0) // as long as it is held, the index is not given back
	if set == nil {
		return nil
	}
	var err error
	if x == e.index.Load() {
		err = x.LoadAll()
	}
	set.Release(0)
	if !errors.Is(err, keydir.ErrDamaged) {
		return err
	}
	if rerr := e.rebuildFromRead(); !errors.Is(rerr, ErrClosed) { // then it is not needed any more
		err = errors.Join(err, rerr)
	}
	return snapshotError(err)
}

// snapshotError names the file that an index was loaded from.
func snapshotError(err error) error {
	if err == nil {
		return nil
	}
	return &CorruptError{File: codec.SnapshotName, Err: err}
}

// writeSnapshot leaves the index for the next Open. All segments are synced and
// nobody uses the engine any more.
func (e *Engine) writeSnapshot(x *keydir.Index) error {
	if e.bg.snapshotFile != nil && e.w.seq <= e.bg.snapshotSeq && e.clock.horizon.Load() == e.bg.snapshotHorizon && x.Err() == nil && len(e.w.old) == 0 {
		return nil // it is there, as it would be written, and has not proved damaged
	}
	if err := x.LoadAll(); err != nil {
		return snapshotError(err)
	}
	if err := e.closeSnapshot(); err != nil { // it is about to be replaced
		return err
	}
	size, err := e.snapshotSize(x)
	if err != nil {
		return snapshotError(err)
	}
	if !e.roomForSnapshot(size) {
		e.giveUp(codec.SnapshotName) // it may be damaged, and tells of another time
		return nil
	}
	tmp := codec.TempName(codec.SnapshotName, 0)
	f, err := e.fsys.Create(tmp)
	if err != nil {
		return writeError(err)
	}
	err = e.fillSnapshot(f, x)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = e.fsys.Rename(tmp, codec.SnapshotName)
	}
	if err != nil {
		return errors.Join(writeError(err), e.fsys.Remove(tmp))
	}
	return e.fsys.SyncDir(".")
}

// settleHorizon removes what was found expired where the snapshot of this Close, of which
// there may be none, cannot say that it was.
func (e *Engine) settleHorizon() error {
	h := e.clock.horizon.Load()
	if h == nil {
		return nil
	}
	limit := e.limit()
	fits := limit == 0 || int64(e.index.Load().MemBytes()) <= limit/snapshotShare
	if fits && len(*h) == 1 {
		return nil
	}
	_, err := e.Expire()
	return err
}

// snapshotSize returns about how long a snapshot of x is.
func (e *Engine) snapshotSize(x *keydir.Index) (int64, error) {
	s := codec.Snapshot{
		Segments: make([]codec.SnapshotSegment, len(e.w.bySlot)),
		Values:   make([]codec.SnapshotValue, len(e.values.live)),
		Shards:   make([]codec.SnapshotShard, x.Shards()),
	}
	n := int64(s.HeadLen() + len(x.SideImage(nil)))
	for i := range s.Shards {
		shard, err := x.ImageLen(i)
		if err != nil {
			return 0, err
		}
		n += int64(shard)
		if e.evict.ranked() {
			n += int64(shard)
		}
	}
	return n + int64(len(e.evict.append(nil))), nil
}

func (e *Engine) closeSnapshot() error {
	f := e.bg.snapshotFile
	e.bg.snapshotFile = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// closeSnapshotLater closes the snapshot once nobody loads from it any more. The caller
// holds the writer lock.
func (e *Engine) closeSnapshotLater() {
	f := e.bg.snapshotFile
	if f == nil || !e.log.Open() {
		return
	}
	e.bg.snapshotFile = nil
	if e.w.bySlot == nil {
		e.w.bySlot = []*segment.Segment{} // nil would close the log
	}
	e.log.PublishThen(e.w.bySlot, func() { e.faults.add("snapshot given up", f.Close()) })
}

func (e *Engine) fillSnapshot(f vfs.File, x *keydir.Index) error {
	s := &codec.Snapshot{
		CacheID: e.id, Seq: e.w.seq,
		PlaceBits: e.layout.PlaceBits, OffBits: e.layout.OffBits,
		Shards: make([]codec.SnapshotShard, x.Shards()),
	}
	if h := e.clock.horizon.Load(); h != nil {
		s.Horizon, s.HorizonSeq = max((*h)[0].at, 0), (*h)[0].seq
	}
	for _, g := range e.w.bySlot {
		if g != nil {
			s.Segments = append(s.Segments, codec.SnapshotSegment{
				ID: g.ID, Length: g.Length(), FirstSeq: g.FirstSeq.Load(), LastSeq: g.LastSeq.Load(),
				LiveBytes: g.LiveBytes.Load(), LiveCount: g.LiveCount.Load(), FileBytes: g.FileBytes.Load(), TombBytes: g.TombBytes.Load(),
				Earliest: g.Earliest.Load(), Latest: g.Latest.Load(), Front: g.Front.Load(), Slot: g.Slot, Stream: uint16(g.Stream),
			})
		}
	}
	for id, size := range e.values.live {
		s.Values = append(s.Values, codec.SnapshotValue{FileID: id, Size: size})
	}
	off := int64(s.HeadLen())
	var b []byte
	put := func() (r codec.SnapshotRegion, err error) {
		r = codec.SnapshotRegion{Offset: off, Length: int64(len(b)), Sum: xxhash.Sum64(b)}
		for len(b)%codec.Align != 0 {
			b = append(b, 0) // not part of the region: the next one begins behind it
		}
		_, err = f.WriteAt(b, off)
		off += int64(len(b))
		return r, err
	}
	for i := range s.Shards {
		n, err := x.ImageCount(i)
		if err != nil {
			return err
		}
		if b, err = x.Image(i, b[:0]); err != nil {
			return err
		}
		r, err := put()
		if err != nil {
			return writeError(err)
		}
		s.Shards[i] = codec.SnapshotShard{Offset: r.Offset, Length: r.Length, Sum: r.Sum, Count: int64(n)}
		if !e.evict.ranked() {
			continue
		}
		if b, err = x.RankImage(i, b[:0]); err != nil {
			return err
		}
		if len(b) > 0 {
			if s.Shards[i].Ranks, err = put(); err != nil {
				return writeError(err)
			}
		}
	}
	if b = e.evict.append(b[:0]); len(b) > 0 {
		r, err := put()
		if err != nil {
			return writeError(err)
		}
		s.Policy = r
	}
	if b = x.SideImage(b[:0]); len(b) > 0 {
		r, err := put()
		if err != nil {
			return writeError(err)
		}
		s.Side = r
	}
	_, err := f.WriteAt(codec.AppendSnapshotHead(nil, s), 0)
	return writeError(err)
}

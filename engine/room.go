package engine

import (
	"errors"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
)

// reserve is space that is not taken yet and will be: without being asked for.
type reserve struct {
	hints    count        // of segments that are not sealed
	volume   atomic.Int64 // how much the volume allows; 0: not known
	snapshot atomic.Int64 // what the one of the next Close will take beyond the one that is there
}

// usage returns how many bytes the directory has, and will have when all is sealed
// and closed. This is what SizeLimit bounds.
func (e *Engine) usage() int64 {
	return e.DiskUsage() + e.reserve.hints.Load() + e.reserve.snapshot.Load()
}

// limit returns how many bytes the directory may take now, 0 for any number: what
// SizeLimit says, or less where that would not leave MinFreeSpace on the volume.
func (e *Engine) limit() int64 {
	if e.settings().MinFreeSpace == 0 {
		return e.settings().SizeLimit
	}
	free := e.reserve.volume.Load()
	if free == 0 || e.settings().SizeLimit > 0 && e.settings().SizeLimit < free {
		return e.settings().SizeLimit
	}
	return free
}

// headroom is the part of a limit that is left to reclaiming: what it copies is there
// twice for a while, in some segments, and where these are large that is much.
func (e *Engine) headroom(limit int64) int64 {
	return min(max(3*e.settings().segmentSize-limit/tolerance, 0), limit/8)
}

// tolerance is the reciprocal of the part by which a limit may be exceeded.
const tolerance = 10

// lookAtVolume finds out anew how many bytes MinFreeSpace leaves to the directory.
func (e *Engine) lookAtVolume() error {
	if e.settings().MinFreeSpace == 0 {
		return nil
	}
	free, err := e.fsys.Free()
	if err != nil {
		return err
	}
	e.reserve.volume.Store(max(1, e.DiskUsage()+free-e.settings().MinFreeSpace))
	return nil
}

// mostOf returns the largest commit, or value, that a cache of a limit can hold:
// its own files take some, and one segment or two are always on their way.
func (e *Engine) mostOf(limit int64) int64 {
	return limit - limit/8 - e.headroom(limit) - 2*codec.SegmentHeaderLen
}

// wantOf returns what room a commit wants.
func (e *Engine) wantOf(r *request) *want {
	var bytes int64
	for i := range r.ops {
		bytes += int64(codec.RecordSize(&r.ops[i].Record))
	}
	w := e.wantBytes(bytes)
	w.items = len(r.ops)
	if e.opt.Policy == evict.S3FIFO { // which gives up what is next to each other, some at once
		w.items += int(e.settings().CountLimit / 256)
	}
	return w
}

func (e *Engine) wantBytes(n int64) *want {
	w := &want{bytes: n, most: -1}
	if e.settings().CullLimit != 0 {
		w.most = max(e.settings().CullLimit, 0)
	}
	return w
}

// snapshotShare is the part of SizeLimit that a snapshot may take. One that would
// be larger is not written: it costs the next Open some time, a small cache little.
const snapshotShare = 4

// reserveSnapshot estimates anew how large the snapshot will be.
func (e *Engine) reserveSnapshot() {
	e.evict.grow(e.index.Load().Len())
	n := int64(e.index.Load().MemBytes()) - e.snapshotOnDisk
	if limit := e.settings().SizeLimit; limit > 0 && n > limit/snapshotShare {
		n = 0
	}
	e.reserve.snapshot.Store(max(n, 0))
}

// roomForSnapshot reports whether a snapshot of n bytes may be written, and
// removes the one that is there if there is no room for both.
func (e *Engine) roomForSnapshot(n int64) bool {
	limit := e.settings().SizeLimit
	if limit == 0 {
		return true
	}
	if n > limit/snapshotShare || e.DiskUsage()-e.snapshotOnDisk+n > limit {
		return false
	}
	return e.DiskUsage()+n <= limit || e.giveUp(codec.SnapshotName)
}

// deleteWithout commits what only deletes and found the disk full: a tombstone
// needs a few bytes, and a disk is not to stay full because there is no room to
// make room. What is given up for them only makes opening fast. The caller holds
// the writer lock.
func (e *Engine) deleteWithout(r *request) {
	s := &e.w.stage
	for errors.Is(r.err, ErrNoSpace) && !copies(r) && e.giveUpSpare() {
		r.err = s.add(r)
		s.flush()
	}
}

// giveUpSpare removes the snapshot or a hint, and reports whether there was one.
func (e *Engine) giveUpSpare() bool {
	if e.loadLocked() != nil {
		return false
	}
	if e.giveUp(codec.SnapshotName) {
		e.closeSnapshotLater()
		return true
	}
	for _, s := range e.w.bySlot {
		if s == nil || !s.Sealed() || s.Synced() < s.Length() {
			continue
		}
		if _, err := e.fsys.Stat(s.Name()); err == nil && e.giveUp(codec.HintName(s.ID)) {
			return true
		}
	}
	return false
}

// giveUpLongSnapshot removes a snapshot that is longer than the limit lets one be: it is
// of a time when there was another. It reports whether there was one.
func (e *Engine) giveUpLongSnapshot(locked bool) (bool, error) {
	if !locked {
		e.w.mu.Lock()
		defer e.w.mu.Unlock()
		if e.w.closed {
			return false, ErrClosed
		}
	}
	if limit := e.limit(); limit == 0 || e.snapshotOnDisk <= limit/snapshotShare {
		return false, nil
	}
	if err := e.loadLocked(); err != nil {
		return false, err
	}
	gone := e.giveUp(codec.SnapshotName)
	e.closeSnapshotLater()
	return gone, nil
}

func (e *Engine) giveUp(name string) bool {
	info, err := e.fsys.Stat(name)
	if err != nil || !info.Regular || e.fsys.Remove(name) != nil {
		return false
	}
	e.stats.disk.Add(-info.Size)
	if name == codec.SnapshotName {
		e.snapshotOnDisk = 0
	}
	return true
}

package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// claim sees to it that the directory is ours or empty, and attaches to it. It returns
// what is in it, and whether nobody else has it open.
func (e *Engine) claim() (list []vfs.Info, first bool, err error) {
	if list, err = e.fsys.List("."); err != nil {
		return nil, false, err
	}
	if err := e.checkOurs(list); err != nil {
		return nil, false, err
	}
	start := e.clock.now()
	if first, err = e.attach(context.Background()); err != nil {
		return nil, false, err
	}
	e.stats.openTime.Store(start.UnixNano())
	if !hasLock(list) {
		// The lock file is what says later that the directory is ours, whatever a
		// crash leaves of the segments: its name must be there before theirs.
		err = e.fsys.SyncDir(".")
	}
	if err == nil {
		list, err = e.fsys.List(".") // as it is now that nobody else changes it
	}
	if err != nil {
		return nil, false, errors.Join(err, e.depart())
	}
	return list, first, nil
}

func hasLock(list []vfs.Info) bool {
	return slices.ContainsFunc(list, func(i vfs.Info) bool { return i.Name == codec.LockName })
}

// checkOurs refuses a directory with files in it of which none is ours: a cache
// is not to be mixed with the data of something else. Hidden files, which
// systems and people leave anywhere, do not count.
func (e *Engine) checkOurs(list []vfs.Info) error {
	var foreign, segments string
	for _, info := range list {
		kind, _, ok := codec.ParseName(info.Name)
		switch {
		case ok && (kind == codec.NameLock || kind == codec.NameSnapshot || kind == codec.NameHint || kind == codec.NameState || kind == codec.NameSettings):
			return nil
		case ok && kind == codec.NameSegment:
			segments = info.Name
			if e.looksOurs(info) {
				return nil
			}
		case ok && kind == codec.NameTemp, info.Dir && (info.Name == codec.ValuesDir || info.Name == codec.LeasesDir), strings.HasPrefix(info.Name, "."), info.Name == "lost+found":
		default:
			foreign = info.Name
		}
	}
	if name := cmp.Or(foreign, segments); name != "" {
		return fmt.Errorf("%w: %q is there, and nothing of a cache", ErrForeign, name)
	}
	return nil
}

// looksOurs reports whether a segment's header, or at least its magic, is ours.
func (e *Engine) looksOurs(info vfs.Info) bool {
	f, err := e.fsys.Open(info.Name)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, codec.MaxHeaderLen)
	n, _ := f.ReadAt(b, 0)
	_, _, err = codec.ParseSegmentHeader(b[:n])
	return err == nil || !errors.Is(err, codec.ErrMagic) && n >= 8
}

// found is a segment that is there at Open, or whose hint is.
type found struct {
	id      uint64
	size    int64 // of the file, 0 if it is missing
	missing bool
	hinted  bool // there is a hint file
}

// recovery is what Open learns of a directory.
type recovery struct {
	e       *Engine
	found   []found // by id
	orphans []*orphan
	sound   bool // no damage was seen
	ids     map[[16]byte]int
	gone    map[uint64]bool // of found, removed since
}

// recover builds the index from what is in the directory.
func (e *Engine) recover(list []vfs.Info) (*recovery, error) {
	r := &recovery{e: e, sound: true, ids: make(map[[16]byte]int), gone: make(map[uint64]bool)}
	if err := r.sort(list); err != nil {
		return nil, err
	}
	e.layout = segment.NewLayout(e.opt.placeBits(), r.maxFile())
	done, err := r.fromSnapshot()
	if err != nil {
		return nil, err
	}
	if !done {
		if err := r.fromScratch(); err != nil {
			return nil, err
		}
	}
	e.w.seq = e.clock.last.Load()
	e.stats.disk.Store(r.sumDisk(list) + e.values.bytes.Load())
	e.values.uncounted = true
	r.sealTorn()
	for _, o := range r.orphans {
		e.reserve.hints.Add(int64(codec.HintLen(len(o.h.entries))))
	}
	e.reserveSnapshot()
	e.log.Publish(append([]*segment.Segment{}, e.w.bySlot...))
	e.stats.openTime.Store(max(1, e.clock.now().UnixNano()-e.stats.openTime.Load()))
	return r, nil
}

// sort finds the segments and hints, and removes what a process that died left
// unfinished.
func (r *recovery) sort(list []vfs.Info) error {
	byID := make(map[uint64]*found)
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || !info.Regular {
			continue
		}
		switch kind {
		case codec.NameSegment, codec.NameHint:
			note(byID, kind, id, info)
		case codec.NameTemp:
			if err := r.e.fsys.Remove(info.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	r.found = sorted(byID)
	return nil
}

// note notes a segment or a hint of one.
func note(byID map[uint64]*found, kind codec.NameKind, id uint64, info vfs.Info) {
	f := byID[id]
	if f == nil {
		f = &found{id: id, missing: true}
		byID[id] = f
	}
	if kind == codec.NameHint {
		f.hinted = true
	} else {
		f.missing, f.size = false, info.Size
	}
}

func sorted(byID map[uint64]*found) []found {
	all := make([]found, 0, len(byID))
	for _, f := range byID {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.id, b.id) })
	return all
}

// maxFile returns how long a segment may get: what the options need, and what is
// there already.
func (r *recovery) maxFile() int64 {
	n := max(2*r.e.opt.SegmentSize, minMaxFile, 2*r.e.opt.FileThreshold+codec.MaxKeyLen+codec.MaxTagLen)
	for _, f := range r.found {
		n = max(n, min(f.size, codec.MaxSegmentLen))
	}
	return n
}

// sumDisk adds up what was listed and has not been removed since.
func (r *recovery) sumDisk(list []vfs.Info) int64 {
	var n int64
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || !info.Regular || kind == codec.NameTemp || r.gone[id] && (kind == codec.NameSegment || kind == codec.NameHint) {
			continue
		}
		if n += info.Size; kind == codec.NameSnapshot {
			r.e.snapshotOnDisk = info.Size
		}
	}
	return n
}

// DiskUsage returns the bytes of all files of the directory. It reads no disk.
func (e *Engine) DiskUsage() int64 { return e.stats.disk.Load() }

// newID makes an identity for a cache that has none yet.
func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails: it ends the program instead
	return id
}

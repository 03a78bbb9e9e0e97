package engine

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// valueFile is a file of its own that holds a large value. An ID of 0 is none.
type valueFile struct {
	ID   uint64
	Size int64
}

// values looks after the files of large values. A file is written before a record
// names it, and synced, its name too, before that record is; it is removed only after
// the record that supersedes it is on the disk. So whatever a crash leaves of the log,
// the files that its synced part names are there.
type values struct {
	e            *Engine
	loose        loose
	bytes        atomic.Int64 // of the files that the index needs
	pendingBytes atomic.Int64 // of those that no record names yet, or not for certain
	deadBytes    atomic.Int64 // of those that wait to be removed
	strayBytes   atomic.Int64 // of orphans that were seen

	mu      sync.Mutex
	made    bool             // the directory is there and synced
	live    map[uint64]int64 // size by ID: named by the newest record of a key
	pending map[uint64]int64 // bytes written by ID: of files not yet named
	dead    []deadFile
	stray   map[string]stray // the orphans that were seen, by name

	uncounted bool       // orphans are of the time before the first process came, and count from when they are seen
	removing  sync.Mutex // taken before mu by who removes dead files
}

// deadFile may be removed once seg is synced behind off.
type deadFile struct {
	valueFile
	seg *segment.Segment
	off int64
}

func (v *values) init(e *Engine) {
	v.e = e
	v.loose.init(e)
	v.live = make(map[uint64]int64)
	v.stray = make(map[string]stray)
	v.pending = make(map[uint64]int64)
}

// named notes that the newest record of a key names f.
func (v *values) named(f valueFile) {
	if f.ID == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notPendingLocked(f.ID)
	v.live[f.ID] = f.Size
	v.bytes.Add(f.Size)
}

// condemn notes that f is superseded by the record at off of seg. Without a seg
// (at recovery, where all is replayed before anything is removed) it is merely
// forgotten, and removed as an orphan once the log is on the disk.
func (v *values) condemn(f valueFile, seg *segment.Segment, off int64) {
	v.condemnNow(f, seg, off)
	if v.deadBytes.Load() > v.e.settings().segmentSize {
		v.e.bg.wantSync()
	}
}

// condemnAll notes that no file is named any more, as the record at off of seg says.
func (v *values) condemnAll(seg *segment.Segment, off int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.dead {
		v.dead[i].seg, v.dead[i].off = seg, off
	}
	for id, size := range v.live {
		v.dead = append(v.dead, deadFile{valueFile{id, size}, seg, off})
		v.bytes.Add(-size)
		v.deadBytes.Add(size)
	}
	clear(v.live)
}

// forgetAll notes that no file is named any more, as a commit of another process says that
// removes them. Those that were superseded before this one removes.
func (v *values) forgetAll(by committed) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.dead {
		v.dead[i].seg, v.dead[i].off = by.seg, by.off
	}
	for _, size := range v.live {
		v.bytes.Add(-size)
	}
	clear(v.live)
}

// waitFor reports whether files are removed only once more of a segment is on the disk.
func (v *values) waitFor(seg *segment.Segment) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.dead, func(d deadFile) bool { return d.seg == seg && seg.Synced() <= d.off })
}

func (v *values) condemnNow(f valueFile, seg *segment.Segment, off int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.live[f.ID]; !ok {
		return
	}
	delete(v.live, f.ID)
	v.bytes.Add(-f.Size)
	if seg == nil {
		return
	}
	v.dead = append(v.dead, deadFile{f, seg, off})
	v.deadBytes.Add(f.Size)
}

// removeDead removes the files whose end is on the disk. One that cannot be
// removed now (Windows: it is being read) stays for the next time. A file is known
// until it is gone, so that nobody takes it for an orphan.
func (v *values) removeDead() error {
	v.removing.Lock()
	defer v.removing.Unlock()
	v.mu.Lock()
	var gone []deadFile
	for i := range v.dead {
		if d := &v.dead[i]; d.seg.Synced() > d.off {
			gone = append(gone, *d)
		}
	}
	v.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	if err := v.e.board.publishAll(); err != nil {
		return err
	}
	var errs []error
	removed := make(map[uint64]bool, len(gone))
	for _, d := range gone {
		err := v.e.fsys.Remove(codec.ValueName(d.ID))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		removed[d.ID] = true
		v.deadBytes.Add(-d.Size)
		if err == nil {
			v.e.stats.disk.Add(-d.Size)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead = slices.DeleteFunc(v.dead, func(d deadFile) bool { return removed[d.ID] })
	return errors.Join(errs...)
}

// removeOrphans removes the files that no record names. The whole log must be on
// the disk, and read without damage.
func (v *values) removeOrphans(locked bool) error {
	orphans, err := v.orphans()
	if len(orphans) > 0 && !locked {
		// Those whose process is gone may be named by what it committed last.
		if eerr := v.e.enter(v.e.life); eerr != nil {
			if eerr == ErrClosed {
				return err // the next Open finds them again
			}
			return errors.Join(err, eerr)
		}
		v.e.leave()
	}
	errs := []error{err}
	for _, o := range orphans {
		if _, id, _ := codec.ParseName(path.Base(o.Name)); v.known(id) {
			v.uncount(o, v.countedTwice(o)) // who made it has counted it, too
			continue
		}
		// Who removed it after it was listed may have been removeDead.
		err := v.e.fsys.Remove(o.Name)
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			v.uncount(o, err == nil)
		}
	}
	return errors.Join(errs...)
}

// orphans lists the files that no record names, and counts them as space in use.
func (v *values) orphans() ([]vfs.Info, error) {
	list, err := v.e.fsys.List(codec.ValuesDir)
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.uncounted = false
	}()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var orphans []vfs.Info
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || !info.Regular || kind != codec.NameValue && kind != codec.NameTemp || v.known(id) {
			continue
		}
		if mine, err := v.mayBeGarbage(id); err != nil || !mine {
			if err != nil {
				return orphans, err
			}
			continue
		}
		info.Name = codec.ValuesDir + "/" + info.Name
		if _, err := v.e.fsys.Stat(info.Name); errors.Is(err, fs.ErrNotExist) {
			continue // removed since it was listed
		}
		orphans = append(orphans, info)
		v.mu.Lock()
		if _, ok := v.stray[info.Name]; !ok {
			v.stray[info.Name] = stray{info.Size, v.uncounted}
			v.strayBytes.Add(info.Size)
			if v.uncounted {
				v.e.stats.disk.Add(info.Size)
			}
		}
		v.mu.Unlock()
	}
	return orphans, err
}

// mayBeGarbage reports whether a file that is not known is of nobody: the process in whose
// slot it was made is this one, or there is none.
func (v *values) mayBeGarbage(id uint64) (bool, error) {
	slot := int(id&slotMask) - 1
	if slot < 0 || slot == v.e.board.me() || v.e.dir.whole.Load() {
		return true, nil
	}
	lives, err := v.e.lives(slot)
	return !lives, err
}

// stray is a file that nothing is known to name.
type stray struct {
	size    int64
	counted bool // as it was seen: it is of the time before the first process came, or was only just made
}

// uncount forgets an orphan, and takes it out of the space in use if less is in use now. Who else has
// removed it has done that.
func (v *values) uncount(o vfs.Info, less bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.stray[o.Name]
	if less {
		v.e.stats.disk.Add(-s.size)
	}
	v.strayBytes.Add(-s.size)
	delete(v.stray, o.Name)
}

// countedTwice reports whether what is no orphan after all was counted as it was seen.
func (v *values) countedTwice(o vfs.Info) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stray[o.Name].counted
}

func (v *values) known(id uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.live[id]; ok {
		return true
	}
	if _, ok := v.pending[id]; ok {
		return true
	}
	for _, d := range v.dead {
		if d.ID == id {
			return true
		}
	}
	return false
}

// chunkSize is the part of a value file that one checksum covers. A reader
// verifies a chunk before it hands out the first byte of it.
const chunkSize = 256 << 10

// maxFileSize bounds a value: its checksums must fit a record of any segment.
const maxFileSize = 32 << 30

// create writes a file with what first and then, if it is not nil, r hold, until r ends.
func (v *values) create(first []byte, r io.Reader, locked bool) (codec.FileRef, error) {
	ref := codec.FileRef{ChunkSize: chunkSize}
	if v.e.log.Closed() {
		return ref, ErrClosed
	}
	if v.e.forked() {
		return ref, ErrForked
	}
	if err := v.makeDir(); err != nil {
		return ref, v.closedError(err)
	}
	id := v.newID()
	ref.ID = id
	name := codec.ValueName(id)
	tmp := codec.TempName(name, id)
	sync := locked || v.syncsFirst()
	err := v.fill(&ref, tmp, first, r, fill{sync: sync, locked: locked})
	if err == nil {
		err = v.e.fsys.Rename(tmp, name)
	}
	if err == nil {
		if !sync {
			return ref, nil
		}
		if err = v.e.fsys.SyncDir(codec.ValuesDir); err == nil {
			return ref, nil
		}
		tmp = name
	}
	if rerr := v.e.fsys.Remove(tmp); rerr == nil || errors.Is(rerr, fs.ErrNotExist) {
		v.removedPending(id)
	} else {
		err = errors.Join(err, rerr) // it stays, and counts
	}
	return ref, v.closedError(writeError(err))
}

// syncsFirst reports whether every file is synced before a record names it: where each commit
// is synced. Those of a transaction are in any case, so that a power cut cannot tear it.
func (v *values) syncsFirst() bool {
	return v.e.opt.Sync == SyncAlways || v.e.board.file != nil
}

// closedError says why a file could not be written when the directory was given
// free meanwhile.
func (v *values) closedError(err error) error {
	if v.e.log.Closed() {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}

func (v *values) newID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	// What nobody names belongs to the process in the slot that it tells of.
	id := binary.LittleEndian.Uint64(b[:])&^slotMask | uint64(v.e.board.me()+1)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pending[id] = 0
	return id
}

// slotMask is the part of the ID of a value file that tells which slot its process had, and
// one: none has ID 0.
const slotMask = 0xff

// fits refuses a value that is longer than a cache within the limit can hold.
func (v *values) fits(size int64) error {
	if limit := v.e.limit(); limit > 0 && size > v.e.mostOf(limit) {
		return fmt.Errorf("%w: a value of %d bytes or more does not fit a cache of %d", ErrTooLarge, size, limit)
	}
	return nil
}

// grow counts n bytes more of a file that is being written, unless the limit
// leaves no room for them.
func (v *values) grow(id uint64, n int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.pending[id]; !ok {
		return ErrLockLost
	}
	if limit := v.e.limit(); limit > 0 {
		if err := v.fits(v.pending[id] + n); err != nil {
			return err
		}
		if v.e.usage()+n+v.e.headroom(limit) > limit {
			return errNoRoom
		}
	}
	v.pending[id] += n
	v.pendingBytes.Add(n)
	v.e.stats.disk.Add(n)
	return nil
}

// makeRoom is grow that takes space back where there is no room.
func (v *values) makeRoom(id uint64, n int64, locked bool) error {
	err := v.grow(id, n)
	w := v.e.wantBytes(n)
	for err == errNoRoom {
		if err = v.e.makeRoom(w, locked); err == nil {
			err = v.grow(id, n)
		}
	}
	return err
}

// removedPending notes that a file that nothing names was removed.
func (v *values) removedPending(id uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.e.stats.disk.Add(-v.pending[id])
	v.notPendingLocked(id)
}

// isPending reports whether a file is still this process's to name.
func (v *values) isPending(id uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.pending[id]
	return ok
}

// disown gives up the files that nothing names yet: others may have removed them, for the locks
// of this process were lost.
func (v *values) disown() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id := range v.pending {
		v.notPendingLocked(id)
	}
}

func (v *values) notPendingLocked(id uint64) {
	v.pendingBytes.Add(-v.pending[id])
	delete(v.pending, id)
}

// drop removes a file that was written for a commit that was never begun.
func (v *values) drop(f valueFile) error {
	if f.ID == 0 {
		return nil
	}
	err := v.e.fsys.Remove(codec.ValueName(f.ID))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		v.removedPending(f.ID)
		return nil
	}
	return err
}

// makeDir makes the directory, once. Who else needs it waits meanwhile.
func (v *values) makeDir() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.made {
		return nil
	}
	if err := v.e.fsys.Mkdir(codec.ValuesDir); err != nil {
		return writeError(err)
	}
	if err := v.e.fsys.SyncDir("."); err != nil {
		return err
	}
	v.made = true
	return nil
}

// fill says how a file is to be filled.
type fill struct {
	sync   bool // it is on the disk then
	locked bool // the caller holds the writer lock
}

func (v *values) fill(ref *codec.FileRef, name string, first []byte, r io.Reader, how fill) (err error) {
	f, err := v.e.fsys.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	from := content{rest: first}
	if r != nil {
		from.buf = chunkBuffers.Get().(*[chunkSize]byte)
		defer chunkBuffers.Put(from.buf)
		from.r = io.MultiReader(bytesReader(first), r)
	}
	for {
		b, err := from.next()
		if len(b) > 0 {
			if ref.Size += int64(len(b)); ref.Size > maxFileSize {
				return fmt.Errorf("%w: a value of more than %d bytes", ErrTooLarge, int64(maxFileSize))
			}
			if err := v.makeRoom(ref.ID, int64(len(b)), how.locked); err != nil {
				return err
			}
			if err := v.write(f, b, ref.Size-int64(len(b)), how.locked); err != nil {
				return err
			}
			ref.Sums = append(ref.Sums, xxhash.Sum64(b))
			v.e.tellMuch()
		}
		switch {
		case err == io.EOF && how.sync:
			return f.Sync()
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("diskcache: reading the value: %w", err)
		}
	}
}

// content is a value, to be written a chunk at a time: one that is in memory as it is, what a
// reader holds through a buffer.
type content struct {
	rest []byte
	r    io.Reader // nil: there is only rest
	buf  *[chunkSize]byte
}

var chunkBuffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// next returns the next chunk, which only the last one may be shorter than, with io.EOF.
func (p *content) next() ([]byte, error) {
	if p.r == nil {
		b := p.rest[:min(chunkSize, len(p.rest))]
		if p.rest = p.rest[len(b):]; len(p.rest) == 0 {
			return b, io.EOF
		}
		return b, nil
	}
	n, err := io.ReadFull(p.r, p.buf[:])
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return p.buf[:n], err
}

// write writes a part of a value. Where the disk is full room is made.
func (v *values) write(f vfs.File, b []byte, off int64, locked bool) error {
	w := v.e.wantBytes(int64(len(b)))
	for {
		_, err := f.WriteAt(b, off)
		switch {
		case err == nil || !vfs.IsNoSpace(err):
			return err
		case !w.again:
			w.again = true
		case !v.e.makeSpace(w, locked):
			return err
		}
	}
}

func parseRef(key string, stored []byte) (codec.FileRef, error) {
	ref, err := codec.ParseFileRef(stored)
	if err != nil {
		return ref, &CorruptError{File: "value of " + quote(key), Err: err}
	}
	return ref, nil
}

// fileOf returns the file that the record at off names.
func (e *Engine) fileOf(seg *segment.Segment, off int64) (valueFile, error) {
	rec, err := seg.Record(off)
	if err != nil {
		return valueFile{}, err
	}
	ref, err := codec.ParseFileRef(rec.Value)
	if err != nil {
		return valueFile{}, err
	}
	return valueFile{ref.ID, ref.Size}, nil
}

// readFile appends the value in the file that stored names to dst.
func (e *Engine) readFile(key string, dst, stored []byte, rec *codec.Record) ([]byte, error) {
	for try := 0; ; try++ {
		r, err := e.openFile(key, stored)
		if err == nil {
			defer r.Close()
			out, err := r.appendTo(dst)
			return out, e.corruptFile(err)
		}
		// The file may be gone because the key was set again: look once more.
		var again codec.Record
		now, ferr := e.find(rec.Hash, key, nil, &again, peeks)
		if ferr != nil {
			return dst, ferr
		}
		if again.Seq == rec.Seq || try >= maxLookups {
			return dst, e.corruptFile(err)
		}
		if e.clock.expired(again.Expires, again.Stored) {
			return dst, ErrExpired
		}
		*rec = again
		if again.Flags&codec.FlagFile == 0 {
			return e.get(key, dst, rec)
		}
		stored = now
	}
}

func (e *Engine) corruptFile(err error) error {
	if errors.Is(err, ErrCorrupt) {
		e.stats.corrupt.Add(1)
	}
	return err
}

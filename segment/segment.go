package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// DamageError tells that the bytes at a place of a file are not what was
// written there. Err says how that was seen.
type DamageError struct {
	File   string
	Offset int64
	Err    error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: damaged at offset %d: %v", e.File, e.Offset, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// Segment is one segment file as readers see it. Its methods may be called by
// any number of goroutines that hold a Set in which it is.
type Segment struct {
	ID     uint64
	Slot   uint32
	Stream uint32 // what kind of records are written to it, as its header says

	fsys  vfs.FS
	files *Files

	length atomic.Int64 // committed bytes; nothing beyond is ever read
	sealed atomic.Bool  // no more will come: may be mapped
	synced atomic.Int64 // bytes known to be on the disk

	file   atomic.Pointer[vfs.File] // open handle, nil when none
	mapped atomic.Pointer[mapping]  // the sealed file in memory, nil when not mapped

	mu       sync.Mutex // guards opening, mapping and what follows
	pinned   bool       // the handle belongs to the writer and is not closed by Files
	noMap    bool       // mapping was tried in vain
	shared   bool       // another process writes to it, or did
	released bool       // the last set has let go
	retired  bool       // the files are to be removed when it has

	refs atomic.Int64 // sets that hold it

	Usage
}

// Usage is what is known of the records in a segment. Fields are changed by the
// holder of the writer lock only, and may be read by anyone.
type Usage struct {
	LiveBytes atomic.Int64 // bytes of records that the index points to
	LiveCount atomic.Int64 // how many these are
	FileBytes atomic.Int64 // bytes of the value files that these name
	TombBytes atomic.Int64 // bytes of tombstones that hold others back
	DropBytes atomic.Int64 // bytes of drop records that had to be written again
	LastSeq   atomic.Uint64
	FirstSeq  atomic.Uint64 // of what is not dropped
	Front     atomic.Int64  // what begins before it is dropped
	Earliest  atomic.Int64  // when the first item expires, ns; 0: none does
	Latest    atomic.Int64  // when the last one does; math.MaxInt64: one never does
}

// Lives notes when an item that was put into the segment expires, 0 for never.
func (u *Usage) Lives(expires int64) {
	if expires == 0 {
		u.Latest.Store(math.MaxInt64)
		return
	}
	if e := u.Earliest.Load(); e == 0 || expires < e {
		u.Earliest.Store(max(expires, 1))
	}
	if expires > u.Latest.Load() {
		u.Latest.Store(expires)
	}
}

// Forget takes back what is known of the live records, to be counted anew.
func (u *Usage) Forget() {
	for _, n := range []*atomic.Int64{&u.LiveBytes, &u.LiveCount, &u.FileBytes, &u.TombBytes, &u.DropBytes, &u.Earliest, &u.Latest} {
		n.Store(0)
	}
}

// Weight returns the bytes that the segment takes, the value files of its records
// included, and without what is dropped of it.
func (s *Segment) Weight() int64 {
	return s.length.Load() - s.Front.Load() + s.FileBytes.Load()
}

type mapping struct {
	vfs.Mapping
	data []byte
}

// Found returns a segment for a file that is there already. Its committed
// length is what a hint or a cursor said.
func Found(fsys vfs.FS, files *Files, id uint64, slot uint32, length int64) *Segment {
	s := &Segment{ID: id, Slot: slot, fsys: fsys, files: files}
	s.length.Store(length)
	s.sealed.Store(true)
	return s
}

// Shared returns a segment that another process writes to. It may grow until Seal.
func Shared(fsys vfs.FS, files *Files, id uint64, slot uint32, length int64) *Segment {
	s := &Segment{ID: id, Slot: slot, fsys: fsys, files: files, shared: true}
	s.length.Store(length)
	return s
}

// Seal notes that a shared segment has come to its end.
func (s *Segment) Seal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noMap = s.released
	s.sealed.Store(true)
}

// Header reads the header. One that does not verify is a *DamageError.
func (s *Segment) Header() (codec.SegmentHeader, error) {
	b := make([]byte, codec.SegmentHeaderLen)
	if err := s.ReadAt(b, 0); err != nil {
		return codec.SegmentHeader{}, err
	}
	h, _, err := codec.ParseSegmentHeader(b)
	if err == nil && h.ID != s.ID {
		err = fmt.Errorf("file of segment %016x", h.ID)
	}
	if err != nil {
		return h, &DamageError{s.Name(), 0, err}
	}
	return h, nil
}

// Gone returns a segment that nobody reads any more, to be retired.
func Gone(fsys vfs.FS, files *Files, id uint64, firstSeq uint64) *Segment {
	s := &Segment{ID: id, fsys: fsys, files: files, released: true}
	s.FirstSeq.Store(firstSeq)
	return s
}

// Name returns the file's name.
func (s *Segment) Name() string { return codec.SegmentName(s.ID) }

// Length returns the committed length in bytes.
func (s *Segment) Length() int64 { return s.length.Load() }

// SetLength sets the committed length: of a segment that was found, before it is
// published, or back to where it was before a commit that came to nothing.
func (s *Segment) SetLength(n int64) { s.length.Store(n) }

// Grow sets the committed length to one that another process has published. On a network disk a
// handle may not show what was added since.
func (s *Segment) Grow(n int64) {
	if n <= s.length.Load() {
		return
	}
	s.length.Store(n)
	s.Refresh()
}

// Refresh has the file opened anew when it is read next, on a network disk.
func (s *Segment) Refresh() {
	if s.files.Reopen {
		_ = s.closeHandle() // it was for reading only
	}
}

// Sealed reports whether the segment has come to its end.
func (s *Segment) Sealed() bool { return s.sealed.Load() }

// Synced returns up to where the file is known to be on the disk.
func (s *Segment) Synced() int64 { return s.synced.Load() }

// SetSynced records that the file is on the disk up to n.
func (s *Segment) SetSynced(n int64) {
	for {
		old := s.synced.Load()
		if n <= old || s.synced.CompareAndSwap(old, n) {
			return
		}
	}
}

// settle puts on the disk what the records name.
func (s *Segment) settle() error {
	if s.files.Settle == nil {
		return nil
	}
	return s.files.Settle(s)
}

// Retire removes the files of the segment as soon as its last reader has let go.
func (s *Segment) Retire() error {
	s.mu.Lock()
	first := !s.retired
	s.retired = true
	now := s.released
	s.mu.Unlock()
	if first && now {
		return s.remove()
	}
	return nil
}

// ReadAt fills b from offset off of the committed part. It opens the file when
// it is not open; a handle that was closed meanwhile is opened anew.
func (s *Segment) ReadAt(b []byte, off int64) error {
	_, err := s.readSome(b, off)
	return err
}

// fewCopied is up to where it is quicker to copy what is mapped than to read it.
const fewCopied = 64 << 10

// ReadCommitted is ReadAt for few bytes at a time, one after the other: where the segment is
// mapped, they come from memory.
func (s *Segment) ReadCommitted(b []byte, off int64) error {
	if len(b) <= fewCopied && off >= 0 {
		if m := s.mapping(); int64(len(m)) >= off+int64(len(b)) {
			return s.copyMapped(b, m[off:], off)
		}
	}
	return s.ReadAt(b, off)
}

func (s *Segment) copyMapped(b, m []byte, off int64) (err error) {
	defer catchFault(debug.SetPanicOnFault(true), s, off, &err)
	copy(b, m)
	return nil
}

// readSome is ReadAt that says how much it has read of a file that ends early.
func (s *Segment) readSome(b []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(b)) > s.length.Load() {
		return 0, &DamageError{s.Name(), off, io.ErrUnexpectedEOF}
	}
	for try, looked := 0, false; ; try++ {
		f, err := s.open()
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotRegular) {
			return 0, &DamageError{s.Name(), off, err} // the file is lost, and all that was in it
		}
		if err != nil {
			return 0, err
		}
		n, err := f.ReadAt(b, off)
		switch {
		case n == len(b):
			return n, nil
		case errors.Is(err, fs.ErrClosed) && try < 100:
			continue // evicted between open and ReadAt
		case errors.Is(err, fs.ErrNotExist) && try < 2:
			_ = s.closeHandle() // a network disk has forgotten it: is the file there?
		case errors.Is(err, io.EOF) && !looked && s.files.Reopen && s.lookAtSize():
			looked = true
		case err == nil, errors.Is(err, io.EOF):
			return n, &DamageError{s.Name(), off + int64(n), io.ErrUnexpectedEOF}
		default:
			return n, err
		}
	}
}

// lookAtSize has a network disk look how long the file is: with SMB one that was opened for
// reading has the size of up to a second ago, one that was opened for writing has it of now. It
// reports whether the file is there.
func (s *Segment) lookAtSize() bool {
	f, err := s.fsys.OpenWrite(s.Name())
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	_ = s.closeHandle()
	return true
}

func (s *Segment) open() (vfs.File, error) {
	if f := s.file.Load(); f != nil {
		return *f, nil
	}
	f, err := s.openNow()
	if err == nil {
		s.files.opened(s) // outside of s.mu, for it may close another segment's handle
	}
	return f, err
}

func (s *Segment) openNow() (vfs.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.file.Load(); f != nil {
		return *f, nil
	}
	f, err := s.fsys.Open(s.Name())
	if err != nil {
		return nil, err
	}
	s.file.Store(&f)
	return f, nil
}

// closeHandle closes the handle unless the writer still needs it.
func (s *Segment) closeHandle() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pinned {
		return nil
	}
	f := s.file.Swap(nil)
	if f == nil {
		return nil
	}
	return (*f).Close()
}

// unpin hands the writer's handle over to Files, which may close it.
func (s *Segment) unpin() {
	s.mu.Lock()
	was := s.pinned
	s.pinned = false
	s.mu.Unlock()
	if was {
		s.files.opened(s)
	}
}

// mapping returns the committed bytes in memory: of a sealed segment, or of one
// that is written through memory. It is nil where the segment is not mapped.
func (s *Segment) mapping() []byte {
	if m := s.mapped.Load(); m != nil {
		if n := s.length.Load(); n <= int64(len(m.data)) {
			return m.data[:n]
		}
		return nil // grown out of its window by a large commit
	}
	if !s.files.Map || !s.sealed.Load() && !(s.shared && s.files.Window > 0) {
		return nil
	}
	return s.mapNow()
}

func (s *Segment) mapNow() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.mapped.Load(); m != nil {
		return m.data[:min(s.length.Load(), int64(len(m.data)))]
	}
	if s.noMap {
		return nil
	}
	s.noMap = true // until it has worked; pread serves meanwhile and says what is wrong
	f, err := s.fsys.Open(s.Name())
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size < s.length.Load() {
		return nil // shorter than committed: pread gives the exact error
	}
	length := s.length.Load()
	most := length
	if !s.sealed.Load() { // so that what is added is there
		most = max(most, s.files.Window)
	}
	m, err := f.Map(most)
	if err != nil {
		return nil
	}
	s.mapped.Store(&mapping{m, m.Bytes()})
	s.noMap = false
	return m.Bytes()[:length]
}

// Discard gives back what a segment holds that no set has. Its files stay.
func (s *Segment) Discard() error { return s.release() }

// release gives back what the segment holds, and removes its files when it was
// retired. Called once, when the last set has let go.
func (s *Segment) release() error {
	s.mu.Lock()
	s.pinned = false
	s.noMap = true
	s.released = true
	retired := s.retired
	s.mu.Unlock()
	s.files.forget(s)
	err := s.closeHandle()
	if m := s.mapped.Swap(nil); m != nil {
		err = errors.Join(err, m.Close())
	}
	if retired {
		err = errors.Join(err, s.remove())
	}
	return err
}

// remove removes the hint first and the segment after it. As long as the segment is there, everybody
// keeps what says that it is dropped, and what was deleted of it; a process that is killed between
// the two leaves what is merely slower to open. A hint that stayed would have to be believed when all that
// is forgotten: a segment that is missing may have been lost.
func (s *Segment) remove() error {
	var bytes int64
	var failed error
	for _, name := range []string{codec.HintName(s.ID), s.Name()} {
		info, err := s.fsys.Stat(name)
		if err == nil {
			err = s.fsys.Remove(name)
		}
		if err == nil {
			bytes += info.Size
		} else if !errors.Is(err, fs.ErrNotExist) {
			failed = err
			break
		}
	}
	if s.files.Removed != nil {
		s.files.Removed(s, bytes, failed == nil)
	}
	return failed
}

package segment

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/internal/prefetch"
	"github.com/go-diskcache/diskcache/vfs"
)

// ErrPoisoned is returned by a Writer after a write or a sync of its file has
// failed: what the file or the disk holds is then unknown, and nothing is added.
var ErrPoisoned = errors.New("segment: an earlier write or sync failed")

// Writer appends to the segment that it created. Append is for the holder of
// the writer lock; Sync and Seal may run beside it.
type Writer struct {
	Segment *Segment

	fsys vfs.FS
	file vfs.File
	head codec.SegmentHeader
	off  int64 // where the next commit goes
	torn int64 // where the file ends after a write that failed

	counted int64      // what Grown has told of
	window  vfs.Window // the file in memory, nil where it is written by system calls

	notes  notes // what the hint will say of what was appended
	marked int64 // synced length that the log itself states

	syncMu    sync.Mutex // one sync at a time; the later ones are covered by it or wait
	dirSynced bool       // guarded by syncMu

	failed   atomic.Bool // one of the errors is set
	errMu    sync.Mutex
	writeErr error // of the write that failed: nothing is appended after it
	syncErr  error // of the sync that failed: no other is tried
}

// Create creates the segment file of head.ID and writes its header.
func Create(fsys vfs.FS, files *Files, slot uint32, head codec.SegmentHeader) (*Writer, error) {
	name := codec.SegmentName(head.ID)
	f, err := fsys.Create(name)
	if err != nil {
		return nil, err
	}
	b := codec.AppendSegmentHeader(nil, &head)
	if _, err := f.WriteAt(b, 0); err != nil {
		// Nothing was committed to it, so it can go; what cannot be removed is
		// an empty segment to the next opener.
		return nil, errors.Join(err, f.Close(), fsys.Remove(name))
	}
	s := &Segment{ID: head.ID, Stream: head.Stream, Slot: slot, fsys: fsys, files: files, pinned: true}
	s.file.Store(&f)
	s.length.Store(int64(len(b)))
	w := &Writer{Segment: s, fsys: fsys, file: f, head: head, off: int64(len(b))}
	w.openWindow()
	return w, nil
}

// openWindow has the segment written through memory if that is wanted and can be.
// Readers use the same memory, up to the committed length.
func (w *Writer) openWindow() {
	f, ok := w.file.(vfs.Windower)
	if !ok || w.Segment.files.Window == 0 || w.Segment.files.Tight.Load() {
		return
	}
	if win, err := f.Window(w.Segment.files.Window); err == nil {
		w.window = win
		w.Segment.mapped.Store(&mapping{win, win.Bytes()})
	}
}

// Offset returns where the next commit will begin.
func (w *Writer) Offset() int64 { return w.off }

// Empty reports whether nothing has been appended.
func (w *Writer) Empty() bool { return w.off == codec.SegmentHeaderLen }

// Append writes whole commits, made for Offset, in one write. They are committed
// when it returns without error.
func (w *Writer) Append(b []byte) error { return w.AppendLeaving(b, 0) }

// AppendLeaving appends only where the disk then has room for as many bytes more, as
// far as the system can tell before: where it has not, the Writer goes on working.
func (w *Writer) AppendLeaving(b []byte, leave int64) error {
	if err := w.Err(); err != nil {
		return err
	}
	if w.window != nil && leave > 0 {
		err := w.window.Reserve(min(w.off+int64(len(b))+leave, int64(len(w.window.Bytes()))), len(b) <= mostStored)
		if err != nil && vfs.IsNoSpace(err) {
			return err
		}
	}
	if err := w.write(b); err != nil {
		w.fail(&w.writeErr, err)
		w.lookAtSize()
		return err
	}
	w.off += int64(len(b))
	w.Segment.length.Store(w.off)
	if w.window != nil && len(b) <= mostStored { // what comes next is likely to be as long
		prefetch.Tail(w.window.Bytes(), int(w.off), len(b))
	}
	return nil
}

// Withdraw overwrites n bytes from an offset on that were appended, or were to be, by a Writer that appends
// no more, as far as they are in the file: nobody finds them there. A disk that has kept them and loses
// this shows them after all.
func (w *Writer) Withdraw(from int64, n int) error {
	size, err := w.file.Size()
	if err != nil || size <= from {
		return err
	}
	_, err = w.file.WriteAt(make([]byte, min(int64(n), size-from)), from)
	return err
}

// mostStored is up to where it is quicker to store bytes in the window than to write them
// by a system call: that fills a page without making it zero and mapping it before.
const mostStored = 4 << 10

// write puts b behind what was appended: into the window if it is short and there is room
// on the disk, else by a system call, which tells why there is none.
func (w *Writer) write(b []byte) error {
	end := w.off + int64(len(b))
	if w.window != nil && end <= int64(len(w.window.Bytes())) {
		if stores := len(b) <= mostStored; w.window.Reserve(end, stores) == nil && stores {
			return w.store(b)
		}
	}
	_, err := w.file.WriteAt(b, w.off)
	return err
}

// store copies b into the window. A fault becomes an error.
func (w *Writer) store(b []byte) (err error) {
	defer catchFault(debug.SetPanicOnFault(true), w.Segment, w.off, &err)
	copy(w.window.Bytes()[w.off:], b)
	return nil
}

// Note keeps what the hint will say of a record that was appended.
func (w *Writer) Note(e *codec.HintEntry) { w.notes.add(e) }

// Noted returns how many records Note has told of.
func (w *Writer) Noted() int { return w.notes.count }

// Entries returns what Note has told of.
func (w *Writer) Entries() []codec.HintEntry { return w.notes.entries() }

// EntriesSoFar is for the holder of the writer lock. What it returns gives what Note has told of until
// now, and may be called without the lock, as more is noted.
func (w *Writer) EntriesSoFar() func() []codec.HintEntry { return w.notes.snapshot().entries }

// Unmarked returns the synced length if the log does not state it yet, else 0.
// A commit that begins with a mark of it calls Marked once it is written.
func (w *Writer) Unmarked() int64 {
	if n := w.Segment.Synced(); n > w.marked {
		return n
	}
	return 0
}

// Marked notes that the log states that the file is synced up to n.
func (w *Writer) Marked(n int64) { w.marked = n }

// Err returns the error after which nothing is appended any more, nil while the
// writer works.
func (w *Writer) Err() error {
	if !w.failed.Load() {
		return nil
	}
	w.errMu.Lock()
	defer w.errMu.Unlock()
	return poisoned(cmp.Or(w.syncErr, w.writeErr))
}

// SyncErr returns the error of the sync that failed, nil if none has.
func (w *Writer) SyncErr() error {
	w.errMu.Lock()
	defer w.errMu.Unlock()
	return poisoned(w.syncErr)
}

func poisoned(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrPoisoned, err)
}

func (w *Writer) fail(slot *error, err error) {
	w.errMu.Lock()
	defer w.errMu.Unlock()
	w.failed.Store(true)
	if *slot == nil {
		*slot = err
	}
}

// Sync puts on the disk what was appended before the call, the name of the file
// included. A sync that failed is never tried again: the system may have
// dropped the pages and would report success.
func (w *Writer) Sync() error {
	upTo := w.Segment.Length()
	w.syncMu.Lock()
	defer w.syncMu.Unlock()
	if w.Segment.Synced() >= upTo {
		return nil // the sync that we waited for began after our bytes were written
	}
	if err := w.SyncErr(); err != nil {
		return err
	}
	upTo = w.Segment.Length()
	err := w.Segment.settle()
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil && !w.dirSynced {
		err = w.fsys.SyncDir(".")
		w.dirSynced = err == nil
	}
	if err != nil {
		w.fail(&w.syncErr, err)
		return err
	}
	w.Segment.SetSynced(upTo)
	return nil
}

// Seal syncs the segment, writes its hint, and lets its handle go. Nothing may
// be appended any more. A hint that could not be written costs the next opener
// a scan, nothing else; Seal then returns the error, and the segment is sealed.
// hint is the length of the hint.
func (w *Writer) Seal(publish Publish) (hint int64, err error) {
	if err := w.Sync(); err != nil {
		w.Finish()
		return 0, err
	}
	s := w.Segment
	h := &codec.Hint{
		CacheID: w.head.CacheID, SegmentID: s.ID, Stream: s.Stream, Length: s.Length(),
		FirstSeq: s.FirstSeq.Load(), LastSeq: s.LastSeq.Load(),
	}
	hint, err = writeHint(w.fsys, s.ID, codec.AppendHintOf(nil, h, w.notes.pieces), publish)
	if w.window != nil {
		err = errors.Join(err, w.window.Trim(w.off))
	}
	if w.torn > 0 {
		w.lookAtSize()
	}
	w.Finish()
	return hint, err
}

// lookAtSize finds out how much of what could not be written is in the file.
func (w *Writer) lookAtSize() {
	if size, err := w.file.Size(); err == nil {
		w.torn = size
	}
}

// OnDisk returns how long the file is: what was appended, or the room that was
// reserved for more.
func (w *Writer) OnDisk() int64 {
	if w.window != nil {
		return max(w.off, w.torn, w.window.Reserved())
	}
	return max(w.off, w.torn)
}

// Grown returns by how many bytes the file has grown since it was last asked.
func (w *Writer) Grown() int64 {
	n := w.OnDisk() - w.counted
	w.counted += n
	return n
}

// Finish ends the writer without a hint. Readers may map the file from now on, which
// grows no more.
func (w *Writer) Finish() {
	if w.window != nil {
		w.window.Stop()
	}
	w.Segment.sealed.Store(true)
	w.Segment.unpin()
}

package engine

import (
	"errors"
	"sync"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// watcher makes the board of a process that reads only, and is seen by nobody: it looks at the
// segments themselves how far they are committed. So it needs no lock and no state, neither of
// which it could trust without writing, and is right on every disk.
//
// A commit is whole before the next one begins, in whatever segment. So all that come before the
// last one that a look has met are there when all segments are looked at once more.
type watcher struct {
	e     *Engine
	fresh time.Duration

	mu     sync.Mutex
	looked time.Time
	ends   map[uint64]int64 // how far the segments are committed that have no hint
	done   map[uint64]bool  // segments that have one, or are of another cache
	seq    uint64           // of the last commit that was met
	found  uint64           // of the last one that was there at first
	id     [16]byte         // of the cache, once it is known
}

func newWatcher(e *Engine) *watcher {
	return &watcher{e: e, fresh: e.opt.Freshness, ends: make(map[uint64]int64), done: make(map[uint64]bool)}
}

// refresh looks, unless what it has seen is fresh enough.
func (w *watcher) refresh() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if age := w.e.clock.now().Sub(w.looked); w.fresh > 0 && age >= 0 && age < w.fresh {
		return nil
	}
	return w.lookLocked()
}

func (w *watcher) look() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lookLocked()
}

func (w *watcher) lookLocked() error {
	begin, before := w.e.clock.now(), w.seq
	listed, err := w.pass()
	if err != nil {
		return err
	}
	seq := w.seq
	if seq != before {
		if listed, err = w.pass(); err != nil {
			return err
		}
	}
	w.state(listed, seq)
	w.looked = begin
	return nil
}

// pass looks at all segments, and returns which there are.
func (w *watcher) pass() (listed map[uint64]bool, err error) {
	list, err := w.e.fsys.List(".")
	if err != nil {
		return nil, err
	}
	listed, hinted := make(map[uint64]bool), make(map[uint64]bool)
	for _, info := range list {
		switch kind, id, ok := codec.ParseName(info.Name); {
		case !ok || !info.Regular:
		case kind == codec.NameSegment:
			listed[id] = true
		case kind == codec.NameHint:
			hinted[id] = true
		}
	}
	for id := range listed {
		if w.done[id] || hinted[id] && w.hint(id) {
			continue
		}
		if err := ignoreGone(w.scan(id)); err != nil {
			return nil, err
		}
	}
	return listed, nil
}

// hint takes over what the hint of a segment says, if it can be read.
func (w *watcher) hint(id uint64) bool {
	h, err := segment.ReadHint(w.e.fsys, id)
	if err != nil {
		return false
	}
	w.done[id] = true
	if w.ours(h.CacheID) {
		w.seq = max(w.seq, h.LastSeq)
	}
	return true
}

// ours reports whether a file is of this cache, which the first one tells.
func (w *watcher) ours(id [16]byte) bool {
	if w.id == ([16]byte{}) {
		w.id = id
	}
	return w.id == id
}

// scan finds out how far a segment is committed.
func (w *watcher) scan(id uint64) error {
	f, err := w.e.fsys.Open(codec.SegmentName(id))
	if errors.Is(err, vfs.ErrNotRegular) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size <= codec.SegmentHeaderLen {
		return err
	}
	off, known := w.ends[id]
	if !known {
		off = codec.SegmentHeaderLen
		b := make([]byte, codec.SegmentHeaderLen)
		if _, err := f.ReadAt(b, 0); err != nil {
			return err
		}
		if h, _, err := codec.ParseSegmentHeader(b); err == nil && !w.ours(h.CacheID) {
			w.done[id] = true
			return nil
		}
	}
	c := segment.ResumeCursor(f, id, off, size)
	for c.Next() {
		w.seq = max(w.seq, c.Commit().Seq)
	}
	w.ends[id] = c.End()
	return versionError(c.Err())
}

// state states on the board what was seen, the sequence after the lengths that hold it.
func (w *watcher) state(listed map[uint64]bool, seq uint64) {
	b := &w.e.board
	entries := make(map[uint64]int)
	for i := range mostFiles {
		if id := b.w[wordFiles+i*fileWords].Load(); id != 0 {
			entries[id] = i
		}
	}
	for id, end := range w.ends {
		if w.done[id] || !listed[id] {
			delete(w.ends, id)
			b.remove(id)
		} else if i, ok := entries[id]; ok {
			b.setLength(i, end)
		} else {
			b.add(id, end)
		}
	}
	for id := range w.done {
		if !listed[id] {
			delete(w.done, id)
		}
	}
	w.e.graves.forget(listed)
	b.setID(w.id)
	b.w[wordSeq].Store(seq)
}

// lookAfter is looking once more when an index was built of the files: what was gone by then was
// committed again, and is met now.
func (e *Engine) lookAfter() error {
	if e.board.watch == nil {
		return nil
	}
	err := e.board.watch.look()
	e.id = e.board.id()
	return err
}

// openToRead makes this process one that reads only. Nobody else learns of it.
func (e *Engine) openToRead() error {
	e.fsys = vfs.ReadOnly{FS: e.fsys}
	list, err := e.fsys.List(".")
	if err == nil {
		err = e.checkOurs(list)
	}
	if err != nil {
		return err
	}
	locks, err := LockingNone.over(e.fsys).Locks(codec.LockName)
	if err != nil {
		return err
	}
	e.locks = locks
	e.board.w = newWords()
	e.board.watch = newWatcher(e)
	e.lone.Store(^uint64(0)) // others may come, and never say so
	r := &recovery{e: e}
	for _, info := range list {
		if kind, id, ok := codec.ParseName(info.Name); ok && kind == codec.NameSegment {
			r.found = append(r.found, found{id: id, size: info.Size})
		}
	}
	e.maxFile = max(r.maxFile(), mostReadable)
	err = e.board.watch.look()
	e.board.watch.found = e.board.watch.seq
	return err
}

// mostReadable is at least how long a segment may get that a reader meets: what others are opened
// with it does not know.
const mostReadable = 2*maxSegmentSize + minMaxFile

// enterToRead is enter for who changes nothing. A process that reads only keeps no other from
// committing: it has followed, and is to read what there is (asIs), for to follow it would wait for itself.
func (e *Engine) enterToRead() error {
	if e.board.watch == nil {
		return e.enter(e.life)
	}
	e.w.mu.Lock()
	err := ErrClosed
	if !e.w.closed {
		err = e.follow()
	}
	if err != nil {
		e.w.mu.Unlock()
	}
	return err
}

// closeReader is Close of a process that reads only.
func (e *Engine) closeReader() error {
	e.w.mu.Lock()
	if e.w.closed {
		e.w.mu.Unlock()
		return ErrClosed
	}
	e.w.closed, e.w.ended = true, true
	e.end(ErrClosed)
	e.w.mu.Unlock()
	e.waiting.close()
	e.log.Publish(nil)
	e.log.Wait()
	e.index.Load().Close()
	for _, x := range e.w.old {
		x.Close()
	}
	err := e.log.TakeErrors()
	e.dir.end()
	return errors.Join(err, e.fsys.Close())
}

// readsOnly is an error if this process may not change anything.
func (e *Engine) readsOnly() error {
	if e.opt.ReadOnly {
		return ErrReadOnly
	}
	return nil
}

// openReader opens the directory for reading only.
func (e *Engine) openReader() error {
	if err := e.openToRead(); err != nil {
		return err
	}
	e.openWithStored()
	e.setUp()
	e.bg.sealing.init()
	e.id = e.board.id()
	if err := e.join(); err != nil {
		e.log.Publish(nil)
		e.log.Wait()
		e.index.Load().Close()
		return err
	}
	return nil
}

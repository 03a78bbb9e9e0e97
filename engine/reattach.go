package engine

import (
	"context"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// A network disk may lose the locks of a process without a word. Others take it for dead then:
// they may have committed in its place, and sealed what it wrote to. Once it notices, it ends
// its segments where they are known to end, and attaches anew, as another process; what it has
// in memory stays, and follows.

// reattach attaches this process anew. The caller has its turn.
func (e *Engine) reattach(ctx context.Context) error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	e.opt.Log.Warn("the locks were lost", "file", codec.LockName)
	e.dir.drop()
	for _, w := range e.ownWriters() {
		e.disown(w)
	}
	e.values.disown()
	if err := e.locks.(*relocks).reopen(); err != nil {
		return err
	}
	e.reclaiming.kept.Store(false)
	e.board.file.forget()
	if err := e.takeSlot(ctx); err != nil {
		e.board.file.lost.Store(true)
		return err
	}
	return nil
}

func (e *Engine) ownWriters() []*segment.Writer {
	e.bg.mu.Lock()
	defer e.bg.mu.Unlock()
	return append(e.w.actives(), e.bg.rotated...)
}

// disown ends the segment of a writer at its length, to be sealed by whoever comes to it first.
// The caller holds the writer lock of the process.
func (e *Engine) disown(w *segment.Writer) {
	s := w.Segment
	if i := slices.Index(e.w.active[:], w); i >= 0 {
		e.w.active[i] = nil
	} else if claimed, ok := e.bg.claim(s); !ok || claimed == nil {
		return // it is being sealed, at this length
	} else if !s.Sealed() {
		e.bg.pending.Add(-1)
	}
	w.Finish()
	e.stats.disk.Add(w.Grown())
	if s.Length() > codec.SegmentHeaderLen {
		e.follower.tails[s.ID] = newTail(s, s.Length())
		e.board.disown(s.ID)
		return
	}
	e.board.remove(s.ID)
	e.w.bySlot[s.Slot] = nil
	e.faults.add("remove a segment", s.Retire())
	e.log.Publish(e.w.bySlot)
}

// relocks are locks that can be opened anew.
type relocks struct {
	fsys vfs.FS
	mu   sync.RWMutex
	now  vfs.Locks
}

func (r *relocks) reopen() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.now.Close() // they are lost already, or given up
	now, err := r.fsys.Locks(codec.LockName)
	if err == nil {
		r.now = now
	}
	return err
}

func (r *relocks) TryLock(i int) (bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.TryLock(i)
}

func (r *relocks) Unlock(i int) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.Unlock(i)
}

func (r *relocks) Taken(from, to int) (int, bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.Taken(from, to)
}

func (r *relocks) SetText(i int, text string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.now.SetText(i, text)
}

func (r *relocks) Text(i int) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.Text(i)
}

func (r *relocks) Close() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.now.Close()
}

package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// A network disk may lose the locks of a process without a word. Others take it for dead then:
// they may have committed in its place, and sealed what it wrote to. Once it notices, it ends
// its segments where they are known to end, and attaches anew, as another process; what it has
// in memory stays, and follows. The state file may have been made anew meanwhile: then it waits until
// that is done, and does it itself should who began it have died.

// reattach attaches this process anew. The caller has its turn.
func (e *Engine) reattach(ctx context.Context) error {
	err := e.comeAnew(ctx)
	if err == nil {
		err = e.settle(ctx)
	}
	if err != nil {
		e.board.file.lost.Store(true)
	}
	return err
}

// comeAnew gives up what this process has of the directory, and takes a slot.
func (e *Engine) comeAnew(ctx context.Context) error {
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
	return e.takeSlot(ctx)
}

// settle waits until the state file says what is so, or finds that out. The options that all have to
// agree on may be others by now, if all processes were: they cannot be taken over by one that
// goes on with its index, and is refused as if it came with them.
func (e *Engine) settle(ctx context.Context) error {
	first, err := e.awaitBoard(ctx)
	if err != nil {
		return err
	}
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if !first {
		return e.disagrees()
	}
	if err := e.makeBoard(); err != nil {
		return errors.Join(err, e.locks.Unlock(lockWriter))
	}
	return errors.Join(e.board.file.release(ctx), e.locks.Unlock(lockWriter))
}

// makeBoard makes the board anew from the files, as Open does. Nobody has segments that are written to
// by now: those that are not sealed are for this process to seal, as if its predecessor had died.
func (e *Engine) makeBoard() error {
	if err := e.reindexTo(math.MaxUint64); err != nil {
		return err
	}
	hints := 0
	for _, s := range e.w.bySlot {
		if s == nil {
			continue
		}
		if _, err := e.readHint(s.ID); err == nil {
			continue
		}
		h, err := e.historyOf(s)
		if err != nil {
			return readError(err)
		}
		hints += codec.HintLen(len(h.entries))
		if !e.writesTo(s.ID) {
			e.board.add(s.ID, s.Length())
		}
	}
	e.heir.Store(true)
	n, err := e.sumFiles()
	if err != nil {
		return err
	}
	e.stats.disk.Store(n)
	e.reserve.hints.Store(int64(hints))
	if err := e.goByStored(); err != nil { // others may have changed them last
		return err
	}
	return e.present()
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
	e.w.bySlot[s.Slot] = nil
	if w.Empty() || e.board.file.confirm() == nil {
		e.board.remove(s.ID)
		e.faults.add("remove a segment", s.Retire())
	} // else who has the lock may have published what was written to it
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

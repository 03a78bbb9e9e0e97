package engine

import (
	"errors"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// Sync puts on the disk all that was committed before it was called, by other
// processes too. When a sync fails the error says so; what the failed sync was
// to cover is then written anew elsewhere, so that the next Sync can succeed.
func (e *Engine) Sync() error {
	if e.opt.ReadOnly {
		return e.catchUp() // which tells whether it is open
	}
	if err := e.catchUp(); err != nil {
		return err
	}
	e.w.mu.Lock()
	if e.w.closed {
		e.w.mu.Unlock()
		return ErrClosed
	}
	e.w.mu.Unlock()
	err := e.sealRest()
	for _, w := range e.writers() {
		err = errors.Join(err, e.syncWriter(w))
	}
	err = errors.Join(err, e.values.removeDead()) // a file that was written anew need not be synced
	for _, s := range e.writtenElsewhere() {
		err = errors.Join(err, e.syncElsewhere(s))
	}
	e.forgetLoose()
	return errors.Join(err, e.values.removeDead())
}

// forgetLoose forgets the value files of segments that others have synced, or removed.
func (e *Engine) forgetLoose() {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	e.values.loose.forget(func(id uint64) bool {
		s := e.segmentOf(id)
		return s == nil || s.Synced() >= s.Length()
	})
}

// writtenElsewhere returns the segments that other processes write to, and have not synced as
// far as is known.
func (e *Engine) writtenElsewhere() (segs []*segment.Segment) {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	for _, t := range e.follower.tails {
		if s := t.seg; s.Synced() < s.Length() {
			segs = append(segs, s)
		}
	}
	return segs
}

// syncElsewhere syncs a segment that another process writes to. A value whose file could not be
// synced is committed again by this process: the system tells of it once, and so the other will
// never know.
func (e *Engine) syncElsewhere(s *segment.Segment) error {
	err := e.syncOther(s)
	if err != nil && e.values.loose.anyFailed(s) {
		err = errors.Join(err, syncError(e.rescue(s)))
	}
	return err
}

// writers returns those whose segments are not sealed yet, the active ones last.
func (e *Engine) writers() []*segment.Writer {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	e.bg.mu.Lock()
	defer e.bg.mu.Unlock()
	ws := slices.Clone(e.bg.rotated)
	return append(ws, e.w.actives()...)
}

func (e *Engine) syncWriter(w *segment.Writer) error {
	failed := w.SyncErr() != nil || e.values.loose.anyFailed(w.Segment)
	e.stats.syncs.Add(1)
	err := w.Sync()
	if err == nil || !e.has(w.Segment) {
		return nil
	}
	rerr := e.rescue(w.Segment)
	if failed && rerr == nil {
		// The failure was reported before. What it covered has been written
		// again, to segments that are synced here.
		for _, w := range e.writers() {
			if w.SyncErr() == nil {
				rerr = errors.Join(rerr, syncError(w.Sync()))
			}
		}
		return rerr
	}
	return errors.Join(syncError(err), syncError(rerr))
}

// rescue commits again what stands in the part of a segment that a failed sync
// was to cover: those bytes can still be read, but may never reach the disk. A
// second rescue finds nothing left to do but tombstones.
func (e *Engine) rescue(seg *segment.Segment) error {
	if err := e.bg.sealing.enter(e.life, e); err != nil {
		return err
	}
	defer e.leave()
	if e.w.ended {
		return ErrClosed
	}
	c, err := segment.NewCursor(readerAt{seg}, seg.ID, seg.Length(), seg.Length())
	if err != nil {
		return readError(err)
	}
	s := &e.w.stage
	for c.Next() {
		if c.Commit().End <= seg.Synced() {
			continue
		}
		r := &request{ops: rescued(seg, c.Commit())}
		if len(r.ops) == 0 { // what it says is gone stays on the disk as long as it is not synced
			continue
		}
		err := e.rewriteFailed(r.ops)
		if err == nil {
			err = s.add(r)
		}
		if err == nil {
			s.flush() // the records are good until the cursor moves on
			err = r.err
		}
		if err = errors.Join(err, e.dropUnnamed(r.ops)); err != nil {
			return err
		}
	}
	return readError(c.Err())
}

// rewriteFailed has the values set anew whose files could not be synced.
func (e *Engine) rewriteFailed(ops []Op) error {
	for i := range ops {
		if id := ops[i].Value.ID; id != 0 && e.values.loose.hasFailed(id) != nil {
			if err := e.rewrite(&ops[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropUnnamed removes the files of values that were not set anew: their keys were set meanwhile.
func (e *Engine) dropUnnamed(ops []Op) error {
	var errs []error
	for i := range ops {
		if f := ops[i].Value; ops[i].From == nil && f.ID != 0 && e.values.isPending(f.ID) {
			errs = append(errs, e.values.drop(f))
		}
	}
	return errors.Join(errs...)
}

func rescued(seg *segment.Segment, c *segment.Commit) []Op {
	var ops []Op
	for _, r := range c.Records {
		if r.Damaged || r.Kind != codec.KindPut && r.Kind != codec.KindTombstone {
			continue
		}
		// The damaged segment stays, and what stands there with it.
		r.Flags |= codec.FlagReplaced
		op := Op{Record: r.Record, From: &source{seg, r.Off, r.Size}}
		if ref, err := codec.ParseFileRef(r.Value); err == nil && r.Flags&codec.FlagFile != 0 {
			op.Value = valueFile{ref.ID, ref.Size}
		}
		ops = append(ops, op)
	}
	return ops
}

// readerAt reads the committed part of a segment.
type readerAt struct{ s *segment.Segment }

func (r readerAt) ReadAt(b []byte, off int64) (int, error) {
	if err := r.s.ReadAt(b, off); err != nil {
		return 0, err
	}
	return len(b), nil
}

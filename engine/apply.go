package engine

import (
	"fmt"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// What is staged is applied to the index once it is written and published: from then on it is seen.

// apply makes the staged changes visible.
func (s *stage) apply() {
	if len(s.changes) > len(s.reqs) { // some of them belong together
		s.e.applied.Add(1)
		defer s.e.applied.Add(1)
	}
	seg := s.writer().Segment
	views := &s.e.views
	viewed := views.begin()
	for i := range s.changes {
		c := &s.changes[i]
		switch {
		case c.op.Again:
			seg.DropBytes.Add(c.size)
		case holds(c.op.Record.Kind, c.hint.Flags):
			seg.TombBytes.Add(c.size)
		}
		if !c.mute {
			if err := s.applyOne(seg, c); err != nil {
				panic(fmt.Sprintf("diskcache: index and log disagree: %v", err))
			}
			if viewed {
				views.changed(c)
			}
		}
	}
	if viewed {
		views.end(s.e.w.seq, s.e.index.Load())
	}
}

// tell wakes those of this process who wait for a key to change.
func (s *stage) tell() {
	if !s.e.waiting.any() {
		return
	}
	for i := range s.changes {
		s.e.waiting.changed(s.changes[i].hint.Hash)
	}
}

// holds reports whether a record is known to hold others back for a while: a tombstone
// that has been moved was still needed then, and one that guards more than one segment
// stays for long. Others are as good as garbage.
func holds(kind codec.Kind, flags codec.Flags) bool {
	return kind == codec.KindTombstone && (flags&codec.FlagStored != 0 || flags&codec.FlagFirst == 0)
}

func (s *stage) applyOne(seg *segment.Segment, c *change) error {
	e, x := s.e, s.e.index.Load()
	var r keydir.Resolver = &s.match
	s.match.set(&c.op.Record)
	if c.op.From != nil {
		r = e.placeOf(c.op)
	}
	if c.again {
		ref, err := x.Find(c.hint.Hash, r)
		if err != nil {
			return err
		}
		c.ref = ref
	}
	if c.op.Record.Kind == codec.KindTombstone || c.op.Silent {
		if err := x.Delete(c.hint.Hash, c.ref, r); err != nil {
			return err
		}
	} else {
		entry := keydir.Entry{Place: e.layout.Place(seg.Slot, c.off), Class: keydir.ClassOf(int(c.size)), Hits: c.op.Hits}
		if err := e.evict.stored(x, c, r, entry); err != nil {
			return err
		}
		e.account(seg, c)
	}
	if c.ref.Found() {
		if c.op.From != nil && !c.op.Silent || c.op.Keeps {
			c.old.seg.FileBytes.Add(-c.old.file.Size)
			c.old.file = valueFile{} // named by the new record as well
		}
		e.forget(c.old, seg, c.off)
	}
	return nil
}

// account adds a record to what is known of its segment.
func (e *Engine) account(seg *segment.Segment, c *change) {
	seg.LiveBytes.Add(c.size)
	seg.LiveCount.Add(1)
	seg.Lives(c.op.Record.Expires)
	if c.op.From == nil {
		e.stats.setBytes.Add(c.size + c.op.brings().Size)
	}
	if c.op.Value.ID == 0 {
		return
	}
	seg.FileBytes.Add(c.op.Value.Size)
	if c.op.From == nil && !c.op.Keeps {
		e.values.named(c.op.Value)
		e.stats.written.Add(c.op.Value.Size)
	}
}

// forget takes a record that is no longer the newest of its key out of the
// accounts. Its value file goes once the record at (by, off), which replaced
// it, is on the disk.
func (e *Engine) forget(old match, by *segment.Segment, off int64) {
	old.seg.LiveBytes.Add(-old.size)
	old.seg.LiveCount.Add(-1)
	if old.file.ID != 0 {
		old.seg.FileBytes.Add(-old.file.Size)
		e.values.condemn(old.file, by, off)
	}
}

package engine

import (
	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// A power cut may lose a delete, and leave the set of its key that came after it. That
// set does not say that it has replaced anything, because the delete had seen to that;
// so whoever ends it would leave nothing behind, and what was deleted would come to
// light. Open notes the keys of which that is so, and their tombstones guard all
// segments. It finds them again each time, as long as no snapshot is taken for all that
// there is to know, and none is left while there are any.

// bare is a record that no later one is known to hold back.
type bare struct {
	stored uint64
	seg    uint64 // where it stands; 0: there are several
}

// uncovers notes that the entry that is applied, which says that it replaces nothing,
// stands above the record that the index has for its key.
func (r *replay) uncovers(ref keydir.Ref) error {
	if r.hidden == nil {
		return nil
	}
	key, err := r.Key()
	if err != nil {
		r.hidden.add(r.entry.Hash)
		return ignoreDamage(err)
	}
	seg := r.segAt(ref.Entry())
	b := bare{seg: seg.ID}
	if b.stored, err = r.stored(seg, &r.old); err != nil {
		return err
	}
	if o, ok := r.bare[string(key)]; ok {
		b = bare{stored: max(b.stored, o.stored)}
	}
	if r.bare == nil {
		r.bare = make(map[string]bare)
	}
	r.bare[string(key)] = b
	return nil
}

// covers looks whether a tombstone, one that was moved mostly, holds back what seemed
// not to be.
func (r *replay) covers() error {
	if len(r.bare) == 0 {
		return nil
	}
	key, err := r.Key()
	if err != nil {
		return ignoreDamage(err)
	}
	b, ok := r.bare[string(key)]
	if !ok {
		return nil
	}
	h, _, err := r.h.seg.Head(r.entry.Off, nil)
	if err != nil {
		return ignoreDamage(err)
	}
	if h.Stored > b.stored && (h.Flags&codec.FlagFirst == 0 || h.First == b.seg) {
		delete(r.bare, string(key))
	}
	return nil
}

// noteHidden notes what is left of these when all is replayed.
func (r *replay) noteHidden() {
	for key := range r.bare {
		r.hidden.add(r.e.opt.Hash(key))
	}
}

// onlyGuards reports whether a tombstone guards one segment and no other, and which.
func (e *Engine) onlyGuards(rec *codec.Record) (id uint64, ok bool) {
	return rec.First, rec.Flags&codec.FlagFirst != 0 && !e.w.hidden.Load().has(rec.Hash)
}

// certain reports whether a crash that leaves what is committed now leaves the record
// at an offset of a segment, too: a copy that is lost brings back what it was made of. That
// both stand in one file tells nothing, for what arrives of that comes in any order.
func certain(seg *segment.Segment, off int64) bool { return off < seg.Synced() }

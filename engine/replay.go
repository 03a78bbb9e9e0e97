package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// replay applies what is in the log to an index: at Open, and when an index has
// to be built anew. Commits are applied in the order of their sequences, so the
// newest record of a key is the one that is applied last.
//
// Whether two records are of one key is mostly told by their 64-bit hashes, for
// the writer has looked closer already: a record is flagged Collides when another
// key with its hash (or one that is much like it) was in the index as it was committed, and Replaced when its
// own key was. The keys are compared here where it is flagged Collides; where it
// is not flagged Replaced and there is something to replace all the same, because
// a crash has lost the delete that came between; and where two keys with its hash
// have been seen before.
type replay struct {
	e      *Engine
	index  *keydir.Index
	values *values    // what becomes known of value files
	bySlot []*history // nil: a segment of the snapshot, whose heads are read as needed
	segs   []*segment.Segment

	twins map[uint64]struct{} // hashes that several keys have; nil: none was seen
	late  map[uint64]struct{} // hashes of tombstones that were moved
	exact bool                // the index had such keys before: compare all

	// following is set where the commits of others are applied as they come. What cannot
	// be read then may have been moved meanwhile, and is no damage.
	following bool
	// moving is set where an index is built while others write: a file may go.
	moving bool
	fail   error // to be returned by apply

	hidden *doubts         // what noteHidden is to tell of; nil: it is known
	bare   map[string]bare // by key

	h     *history // whose entry is applied
	entry *codec.HintEntry
	old   codec.HintEntry // what stands in the index
	place uint64          // of old
	room  []byte          // for the key of the record at place
	key   []byte
	known []byte // the key, where it was read with the entry; nil: it was not
}

// run applies all entries of the histories that are not dropped.
func (r *replay) run(all []*history) error {
	r.exact = r.index.SideLen() > 0
	r.doubtMoved(all)
	if r.index.Len() == 0 {
		r.index.Reserve(inserts(all))
	}
	if err := inOrder(all, r.apply); err != nil {
		return err
	}
	r.noteHidden()
	return nil
}

// doubtMoved has the keys compared where a tombstone was moved: the key that it deletes
// is in the index for longer now than when other records of its hash were committed,
// which say nothing of it.
func (r *replay) doubtMoved(all []*history) {
	for _, h := range all {
		for i := range h.entries {
			e := &h.entries[i]
			if e.Kind != codec.KindTombstone || e.Flags&codec.FlagStored == 0 {
				continue
			}
			if r.late == nil {
				r.late = make(map[uint64]struct{})
			}
			r.late[e.Hash] = struct{}{}
		}
	}
}

// isTwin notes that several keys may have a hash.
func (r *replay) isTwin(hash uint64) {
	if r.twins == nil {
		r.twins = make(map[uint64]struct{})
	}
	r.twins[hash] = struct{}{}
}

// inserts returns how many keys the histories bring at the most.
func inserts(all []*history) int {
	n := 0
	for _, h := range all {
		for i := range h.entries {
			if h.entries[i].Kind == codec.KindPut && h.entries[i].Flags&codec.FlagReplaced == 0 {
				n++
			}
		}
	}
	return n
}

func (r *replay) apply(h *history, e *codec.HintEntry) error {
	if e.Off < h.seg.Front.Load() {
		return nil
	}
	r.h, r.entry, r.key, r.place = h, e, r.known, 0
	switch e.Kind {
	case codec.KindPut:
		return cmp.Or(r.lost(r.put()), r.fail)
	case codec.KindTombstone:
		if holds(e.Kind, e.Flags) {
			h.seg.TombBytes.Add(e.Size)
		}
		return cmp.Or(r.lost(r.remove()), r.fail)
	case codec.KindDrop:
		return nil
	}
	if e.Kind.Skippable() {
		return nil
	}
	return fmt.Errorf("%w: %s: record of kind %d at offset %d", ErrVersion, h.seg.Name(), e.Kind, e.Off)
}

// lost lets the replay go on behind a record whose key has to be known and is
// damaged.
func (r *replay) lost(err error) error {
	if !segment.IsDamage(err) || r.elsewhere(err) {
		return err
	}
	r.e.stats.corrupt.Add(1)
	r.e.faults.add("record lost", readError(err))
	return nil
}

// elsewhere reports whether what could not be read is not lost, but may have been moved.
func (r *replay) elsewhere(err error) bool {
	return err != nil && (r.following || r.moving && errors.Is(err, fs.ErrNotExist))
}

func (r *replay) put() error {
	ref, err := r.find()
	if err != nil {
		return err
	}
	if ref.Found() && r.entry.Flags&codec.FlagReplaced == 0 {
		if err := r.uncovers(ref); err != nil {
			return err
		}
	}
	s := r.h.seg
	entry := keydir.Entry{Place: r.e.layout.Place(s.Slot, r.entry.Off), Class: keydir.ClassOf(int(r.entry.Size))}
	r.e.evict.replayed(&entry, stream(s.Stream), expiresOf(r.entry))
	if err := r.index.Put(r.entry.Hash, ref, r, entry); err != nil {
		return err
	}
	if r.following {
		r.e.evict.offer(r.entry.Hash, entry)
	}
	if ref.Found() {
		r.forget(ref)
	}
	s.LiveBytes.Add(r.entry.Size)
	s.LiveCount.Add(1)
	s.Lives(expiresOf(r.entry))
	if r.entry.Flags&codec.FlagFile != 0 {
		// A record that cannot be read names no file any more: what it named
		// becomes an orphan.
		if f, err := r.e.fileOf(s, r.entry.Off); err == nil {
			r.values.named(f)
			s.FileBytes.Add(f.Size)
			if !certain(s, r.entry.Off) && !r.e.opt.ReadOnly {
				r.values.loose.note(s, f)
			}
		} else if !segment.IsDamage(err) || r.elsewhere(err) {
			return err
		}
	}
	return nil
}

// expiresOf returns when a record expires, in nanoseconds, as far as a hint knows:
// rounded up, and 0 (never) for what is far away.
func expiresOf(e *codec.HintEntry) int64 {
	if e.Expires == math.MaxUint32 {
		return 0
	}
	return e.Expires * 1e9
}

// remove applies a tombstone. One that was committed again (Stored) speaks of the
// time at which it was first committed: what was stored after that stays.
func (r *replay) remove() error {
	ref, err := r.find()
	if err == nil {
		err = r.covers()
	}
	if err != nil || !ref.Found() {
		return err
	}
	if r.entry.Flags&codec.FlagStored != 0 {
		at, err := r.stored(r.h.seg, r.entry)
		if err != nil {
			return err
		}
		since, err := r.stored(r.segAt(ref.Entry()), &r.old)
		if err != nil {
			return err
		}
		if since > at {
			return nil
		}
	}
	if err := r.index.Delete(r.entry.Hash, ref, r); err != nil {
		return err
	}
	r.forget(ref)
	return nil
}

// stored returns the sequence at which a record was first committed.
func (r *replay) stored(s *segment.Segment, e *codec.HintEntry) (uint64, error) {
	if e.Flags&codec.FlagStored == 0 {
		return e.Seq, nil
	}
	h, _, err := s.Head(e.Off, nil)
	if segment.IsDamage(err) && !r.elsewhere(err) {
		return e.Seq, nil
	}
	return h.Stored, err
}

// find looks up what the index has of the entry's key, and what is known of that.
func (r *replay) find() (keydir.Ref, error) {
	ref, err := r.index.Find(r.entry.Hash, r)
	if err != nil || !ref.Found() || ref.Entry().Place == r.place {
		return ref, err
	}
	if err := r.lookAt(ref.Entry()); err != nil { // it was found by its key, and is replaced
		r.old = codec.HintEntry{}
		if r.elsewhere(err) {
			return ref, err
		}
		return ref, ignoreDamage(err)
	}
	return ref, nil
}

func ignoreDamage(err error) error {
	if segment.IsDamage(err) {
		return nil
	}
	return err
}

// forget takes the record that was replaced out of the accounts.
func (r *replay) forget(ref keydir.Ref) {
	s := r.segAt(ref.Entry())
	s.LiveBytes.Add(-r.old.Size)
	s.LiveCount.Add(-1)
	if r.old.Flags&codec.FlagFile != 0 {
		f, err := r.e.fileOf(s, r.old.Off)
		switch {
		case err == nil:
			r.values.condemn(f, nil, 0)
			s.FileBytes.Add(-f.Size)
		case r.elsewhere(err):
			r.fail = err
		}
	}
}

func (r *replay) segAt(e keydir.Entry) *segment.Segment {
	slot, _ := r.e.layout.Split(e.Place)
	return r.segs[slot]
}

// lookAt fills in old with what is known of the record at an entry's place: from
// the history of its segment or, where that was not needed, from its head.
func (r *replay) lookAt(e keydir.Entry) error {
	slot, off := r.e.layout.Split(e.Place)
	r.place = e.Place
	if int(slot) >= len(r.segs) || r.segs[slot] == nil {
		return errNowhere
	}
	if h := r.bySlot[slot]; h != nil {
		if old, ok := h.at(off); ok {
			r.old = old
			return nil
		}
	}
	h, key, err := r.segs[slot].Head(off, r.room[:0])
	if err != nil {
		return err
	}
	r.room = key
	r.old = codec.HintEntry{Hash: h.Hash, Seq: h.Seq, Off: off, Size: int64(h.Size()), Kind: h.Kind, Flags: h.Flags}
	return nil
}

// Same reports whether the record at the place is of the key of the entry that is
// applied.
func (r *replay) Same(e keydir.Entry) (bool, error) {
	if err := r.lookAt(e); err != nil {
		if !segment.IsDamage(err) || r.elsewhere(err) {
			return false, err
		}
		r.old = codec.HintEntry{}
		return r.lostIsMine()
	}
	if r.old.Hash != r.entry.Hash {
		return false, nil
	}
	if !r.doubtful() {
		return true, nil
	}
	mine, err := r.Key()
	if segment.IsDamage(err) && !r.elsewhere(err) && r.merelyLate() {
		return true, nil
	}
	if err != nil {
		return false, err // a key that nobody knows takes no other's slot
	}
	_, other, err := r.segAt(e).Head(r.old.Off, nil)
	switch {
	case r.elsewhere(err):
		return false, err
	case segment.IsDamage(err) || err == nil && r.e.opt.Hash(string(other)) != r.old.Hash:
		return r.lostIsMine()
	case err != nil:
		return false, err
	}
	if string(mine) == string(other) {
		return true, nil
	}
	r.isTwin(r.entry.Hash)
	return false, nil
}

// doubtful reports whether a record with the hash of the entry that is applied
// may be one of another key.
func (r *replay) doubtful() bool {
	if r.exact || r.entry.Flags&(codec.FlagCollides|codec.FlagReplaced) != codec.FlagReplaced {
		return true
	}
	if _, late := r.late[r.entry.Hash]; late {
		return true
	}
	_, twins := r.twins[r.entry.Hash]
	return twins
}

// merelyLate reports whether nothing but a tombstone that was moved makes the entry that
// is applied doubtful. Where its key cannot be read the hash decides, as it would have.
func (r *replay) merelyLate() bool {
	_, twins := r.twins[r.entry.Hash]
	return !twins && !r.exact && r.entry.Flags&(codec.FlagCollides|codec.FlagReplaced) == codec.FlagReplaced
}

// lostIsMine reports whether a damaged record in the slot was of the key of the
// entry that is applied: it was unless the key collides with another. Then it was
// if the key was in the index at the commit, and is not in the side table.
func (r *replay) lostIsMine() (bool, error) {
	if !r.doubtful() {
		return true, nil
	}
	switch {
	case r.entry.Flags&codec.FlagReplaced == 0:
		return false, nil
	case r.entry.Flags&codec.FlagStored != 0: // it tells of the time before it was moved
		return r.entry.Kind == codec.KindTombstone && r.merelyLate(), nil
	}
	mine, err := r.Key()
	if err != nil {
		return false, err
	}
	_, inSide := r.index.LookupSide(r.entry.Hash, mine)
	return !inSide, nil
}

// Key reads the key of the entry that is applied.
func (r *replay) Key() ([]byte, error) {
	if r.key != nil {
		return r.key, nil
	}
	s := r.h.seg
	h, key, err := s.Head(r.entry.Off, make([]byte, 0, 64))
	if err == nil && r.e.opt.Hash(string(key)) != h.Hash {
		err = &segment.DamageError{File: s.Name(), Offset: r.entry.Off, Err: codec.ErrChecksum}
	}
	if err != nil {
		return nil, err
	}
	r.key = key
	return key, nil
}

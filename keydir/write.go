package keydir

import "sync/atomic"

// A Resolver answers for the key that a writer is about. It is asked only when
// the answer matters, and never with a lock of the index held: it reads the disk.
type Resolver interface {
	// Same tells whether the record of e has the key in question.
	Same(e Entry) (bool, error)
	// Key returns the key in question. The index does not keep the slice.
	Key() ([]byte, error)
}

// A Ref is what Find has found. It holds good until the next write to the index
// that concerns this key or another of its identity.
type Ref struct {
	entry    Entry
	where    where
	taken    bool // there is a slot of this identity
	collides bool

	// The slot of the entry or, where there is none of its identity, a free one to
	// take. Other writes may have changed that since, so it is looked at again.
	table *table // nil: no slot. Never followed: it may be one of another index
	key   uint32 // tag and "which" that the entry has there
	pos   pos
}

type where uint8

const (
	nowhere where = iota
	inSlot
	inSide
)

// Found tells whether the key has an entry.
func (r Ref) Found() bool { return r.where != nowhere }

// Entry returns the key's entry, if it has one.
func (r Ref) Entry() Entry { return r.entry }

// Collides tells whether another key of the same identity is in the index.
func (r Ref) Collides() bool { return r.collides }

// Find looks for the key of r, whose hash is given, on behalf of a writer.
// Errors are those of r, or a *DamageError.
func (x *Index) Find(hash uint64, r Resolver) (Ref, error) {
	s := x.shard(hash)
	if !x.load(s) {
		return Ref{}, x.Err()
	}
	var ref Ref
	if t := s.table.Load(); t != nil {
		l := &x.layout
		h := t.home(l, l.x(hash))
		if w := t.findIn(l, h); w != 0 {
			e := l.entry(w)
			same, err := r.Same(e)
			if err != nil {
				return Ref{}, err
			}
			ref.taken = true
			if same {
				ref.entry, ref.where = e, inSlot
				ref.table, ref.key = t, uint32(w>>l.keyShift)
				ref.pos, _, _ = t.position(l, h, 0, 0)
				ref.entry.Rank = t.rankAt(ref.pos)
			}
		} else if p, key, ok := t.choose(h); ok {
			ref.table, ref.key, ref.pos = t, uint32(key), p
		}
	}
	if s.side.Load() == nil {
		ref.collides = ref.taken && ref.where != inSlot
		return ref, nil
	}
	return x.findSide(s, x.layout.identity(hash), ref, r)
}

// findSide completes a Ref with what the side table knows.
func (x *Index) findSide(s *shard, identity uint64, ref Ref, r Resolver) (Ref, error) {
	ref.collides = ref.taken && ref.where != inSlot
	t := s.side.Load()
	like := t.like(identity)
	if like == 0 {
		return ref, nil
	}
	if ref.where == nowhere {
		key, err := r.Key()
		if err != nil {
			return Ref{}, err
		}
		if e, ok := t.lookup(identity, key); ok {
			ref.entry, ref.where = e, inSide
			like--
		}
	}
	ref.collides = ref.collides || like > 0
	return ref, nil
}

// Put replaces the entry that ref has found, or inserts a new one. Hits and rank
// are those of e, nothing is kept of an entry that is replaced. Errors are
// those of r, ErrPlace, or a *DamageError; then nothing has changed.
func (x *Index) Put(hash uint64, ref Ref, r Resolver, e Entry) error {
	if !x.layout.valid(e) {
		return ErrPlace
	}
	s := x.shard(hash)
	if !x.load(s) {
		return x.Err()
	}
	switch {
	case ref.where == inSlot:
		t, p := x.slotOf(s, hash, &ref)
		t.set(p, uint64(ref.key)<<x.layout.keyShift|x.layout.low(e), e.Rank)
		return nil
	case ref.where == nowhere && !ref.taken && x.insert(s, hash, &ref, e):
		return nil
	}
	key, err := r.Key()
	if err != nil {
		return err
	}
	if !x.memory.ranked {
		e.Rank = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.side.Load()
	if t == nil {
		t = newSide()
	}
	t.put(x.layout.identity(hash), string(key), e)
	s.side.Store(t)
	return nil
}

// insert writes an entry to the slot that Find has chosen for it, without a lock:
// only writers change what table and slots there are, and this is the writer. Where
// another entry has taken the slot since, or there was none, all is done anew.
func (x *Index) insert(s *shard, hash uint64, ref *Ref, e Entry) bool {
	l := &x.layout
	if t := s.table.Load(); t != nil && t == ref.table && atomic.LoadUint64(t.slot(ref.pos)) == 0 {
		t.set(ref.pos, uint64(ref.key)<<l.keyShift|l.low(e), e.Rank)
		s.used.Add(1)
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.insertLocked(l, &x.memory, l.x(hash), l.low(e), e.Rank)
}

// slotOf returns the slot of the entry that a Ref has found, and leaves its key in
// the Ref: another write may have moved the entry since.
func (x *Index) slotOf(s *shard, hash uint64, ref *Ref) (*table, pos) {
	l := &x.layout
	t := s.table.Load()
	if t != nil && t == ref.table {
		if w := atomic.LoadUint64(t.slot(ref.pos)); w>>l.keyShift == uint64(ref.key) && w != 0 {
			return t, ref.pos
		}
	}
	if t != nil {
		if p, w, ok := t.position(l, t.home(l, l.x(hash)), 0, 0); ok {
			ref.key = uint32(w >> l.keyShift)
			return t, p
		}
	}
	panic("keydir: the index was written to since this Ref was found")
}

// Delete removes the entry that ref has found, if any. Other keys of the same
// identity stay.
func (x *Index) Delete(hash uint64, ref Ref, r Resolver) error {
	s := x.shard(hash)
	switch ref.where {
	case inSlot:
		_, p := x.slotOf(s, hash, &ref)
		s.remove(&x.layout, &x.memory, p)
	case inSide:
		key, err := r.Key()
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.side.Load().remove(x.layout.identity(hash), key) == 0 {
			s.side.Store(nil)
		}
	}
	return nil
}

// Move replaces the entry of this hash at from.Place by to, and reports whether
// there was one. It is for records that were copied: it needs no key, because no
// two records lie at one place. The rank stays, the hits are those of to. The error is ErrPlace or a *DamageError.
func (x *Index) Move(hash uint64, from, to Entry) (bool, error) {
	if !x.layout.valid(to) {
		return false, ErrPlace
	}
	s := x.shard(hash)
	if !x.load(s) {
		return false, x.Err()
	}
	l := &x.layout
	if t := s.table.Load(); t != nil {
		if p, w, ok := t.position(l, t.home(l, l.x(hash)), l.placeMask(), from.Place); ok {
			atomic.StoreUint64(t.slot(p), w&^l.lowMask()|l.low(to))
			return true, nil
		}
	}
	if t := s.side.Load(); t != nil {
		return t.move(l.identity(hash), from.Place, to), nil
	}
	return false, nil
}

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

// A Ref is what Find has found. It holds good until the next write to the index.
type Ref struct {
	entry    Entry
	where    where
	taken    bool // there is a slot of this identity
	collides bool
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
		if w := t.find(&x.layout, x.layout.x(hash)); w != 0 {
			e := x.layout.entry(w)
			same, err := r.Same(e)
			if err != nil {
				return Ref{}, err
			}
			ref.taken = true
			if same {
				ref.entry, ref.where = e, inSlot
			}
		}
	}
	return x.findSide(s, x.layout.identity(hash), ref, r)
}

// findSide completes a Ref with what the side table knows.
func (x *Index) findSide(s *shard, identity uint64, ref Ref, r Resolver) (Ref, error) {
	ref.collides = ref.taken && ref.where != inSlot
	t := s.side.Load()
	if t == nil {
		return ref, nil
	}
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

// Put replaces the entry that ref has found, or inserts a new one. Errors are
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
		s.mu.Lock()
		defer s.mu.Unlock()
		x.replaceLocked(s.slotLocked(x, hash), e)
		return nil
	case ref.where == nowhere && !ref.taken && x.insert(s, hash, e):
		x.count.Add(1)
		return nil
	}
	key, err := r.Key()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.side.Load()
	if t == nil {
		t = newSide()
	}
	if t.put(x.layout.identity(hash), string(key), e) {
		x.count.Add(1)
	}
	s.side.Store(t)
	return nil
}

func (x *Index) insert(s *shard, hash uint64, e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.insertLocked(&x.layout, &x.memory, x.layout.x(hash), x.layout.low(e))
}

// slotLocked returns the slot that a Ref has found.
func (s *shard) slotLocked(x *Index, hash uint64) *uint64 {
	if t := s.table.Load(); t != nil {
		if slot := t.slot(&x.layout, x.layout.x(hash)); slot != nil {
			return slot
		}
	}
	panic("keydir: the index was written to since this Ref was found")
}

// replaceLocked writes e to a slot in use. Tag, "which" and policy stay.
func (x *Index) replaceLocked(slot *uint64, e Entry) {
	keep := ^x.layout.lowMask() | x.layout.policyMask()
	atomic.StoreUint64(slot, atomic.LoadUint64(slot)&keep|x.layout.low(e))
}

// Delete removes the entry that ref has found, if any. Other keys of the same
// identity stay.
func (x *Index) Delete(hash uint64, ref Ref, r Resolver) error {
	s := x.shard(hash)
	switch ref.where {
	case inSlot:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.removeLocked(&x.layout, &x.memory, s.slotLocked(x, hash))
		x.count.Add(-1)
	case inSide:
		key, err := r.Key()
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		removed, left := s.side.Load().remove(x.layout.identity(hash), key)
		if removed {
			x.count.Add(-1)
		}
		if left == 0 {
			s.side.Store(nil)
		}
	}
	return nil
}

// Move replaces the entry of this hash at from.Place by to, and reports whether
// there was one. It is for records that were copied: it needs no key, because no
// two records lie at one place. The error is ErrPlace or a *DamageError.
func (x *Index) Move(hash uint64, from, to Entry) (bool, error) {
	if !x.layout.valid(to) {
		return false, ErrPlace
	}
	s := x.shard(hash)
	if !x.load(s) {
		return false, x.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.table.Load(); t != nil {
		slot := t.slot(&x.layout, x.layout.x(hash))
		if slot != nil && x.layout.place(atomic.LoadUint64(slot)) == from.Place {
			x.replaceLocked(slot, to)
			return true, nil
		}
	}
	if t := s.side.Load(); t != nil {
		return t.move(x.layout.identity(hash), from.Place, to), nil
	}
	return false, nil
}

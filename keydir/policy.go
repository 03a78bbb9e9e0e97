package keydir

import "sync/atomic"

// What eviction knows of an entry: its hits and its rank. Both are hints. A reader
// that changes them takes no lock and may lose to a writer, or to another reader;
// where the writer gives the very slot to another entry at that moment, a rank may
// even come to be that one's. Neither ever changes what is found.

// Touch raises the hits of the entry of this hash at place by one. It does nothing
// when they are at MaxHits, and may do nothing when others change the shard at the
// same time. Who has an Entry whose Hits are as high as is wanted need not call it.
func (x *Index) Touch(hash, place uint64) {
	s, l := x.shard(hash), &x.layout
	if t := s.table.Load(); t != nil {
		if p, w, ok := t.position(l, t.home(l, l.x(hash)), l.placeMask(), place); ok {
			if w&l.policyMask() != l.policyMask() {
				atomic.CompareAndSwapUint64(t.slot(p), w, w+l.hit())
			}
			return
		}
	}
	if t := s.side.Load(); t != nil {
		t.touch(l.identity(hash), place)
	}
}

// Rank returns the rank of the entry of this hash at place. It reports false when
// there is no such entry, the index has no ranks, or the shard is damaged.
func (x *Index) Rank(hash, place uint64) (uint64, bool) {
	s := x.shard(hash)
	if !x.memory.ranked || !x.load(s) {
		return 0, false
	}
	if slot, rank := x.findRank(s, hash, place); slot != nil {
		return rank, true
	}
	if t := s.side.Load(); t != nil {
		return t.rank(x.layout.identity(hash), place)
	}
	return 0, false
}

// SetRank makes the rank of the entry of this hash at place new if it is old, and
// reports whether it did.
func (x *Index) SetRank(hash, place, old, new uint64) bool {
	s := x.shard(hash)
	if !x.memory.ranked || !x.load(s) {
		return false
	}
	if slot, rank := x.findRank(s, hash, place); slot != nil {
		return rank == old && atomic.CompareAndSwapUint64(slot, old, new)
	}
	if t := s.side.Load(); t != nil {
		return t.setRank(x.layout.identity(hash), place, old, new)
	}
	return false
}

// findRank returns where the rank of an entry in a slot is, and the rank that goes
// with that entry and no other; nil if there is no such slot.
func (x *Index) findRank(s *shard, hash, place uint64) (*uint64, uint64) {
	for {
		version := s.version.Load()
		t := s.table.Load()
		if t == nil {
			return nil, 0
		}
		if slot, rank, holds := s.probeRank(&x.layout, x.layout.x(hash), place, t, version); holds {
			return slot, rank
		}
	}
}

// probeRank looks for the rank of x at place in t, which was the table after the
// version was the given one, and reports whether what it returns holds: an entry
// that has moved may lie elsewhere by now, and its old slot's rank be another's.
func (s *shard) probeRank(l *layout, x, place uint64, t *table, version uint64) (slot *uint64, rank uint64, holds bool) {
	if p, w, ok := t.position(l, t.home(l, x), l.placeMask(), place); ok {
		if rank, ok = t.rankOf(l, p, w); ok {
			slot = t.rank(p)
		}
	}
	return slot, rank, s.version.Load() == version
}

// Scan calls f for all entries of shard i, in no order, with their ranks. id stands
// for the hash of the entry's key, of which the index knows no more: all methods
// that find an entry by its hash and its place find it by id, Lookup finds it if
// it is in a slot, and Find if the Resolver knows its record. Locks are held
// meanwhile that writers may wait for, so f must not use the index. What is written
// meanwhile may be seen or not; an entry that stays is seen once.
func (x *Index) Scan(i int, f func(id uint64, e Entry)) error {
	s := &x.shards[i]
	if !x.load(s) {
		return x.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &x.layout
	shard := uint64(i) << l.xBits
	if t := s.table.Load(); t != nil {
		border := newBorder(l, t.n)
		for b := range t.buckets {
			first := border.next()
			for j := range t.buckets[b] {
				w, rank := t.read(l, pos(b*bucketSlots+j))
				if w != 0 {
					e := l.entry(w)
					e.Rank = rank
					key := w >> l.keyShift
					f(l.hash(shard|l.base(first+key>>1, key)), e)
				}
			}
		}
	}
	if t := s.side.Load(); t != nil {
		t.each(func(identity uint64, e Entry) { f(l.hash(identity), e) })
	}
	return nil
}

// read returns the word of a slot, 0 if there is none, and its rank.
func (t *table) read(l *layout, p pos) (word, rank uint64) {
	for {
		w := atomic.LoadUint64(t.slot(p))
		if w == 0 || t.ranks == nil {
			return w, 0
		}
		if rank, ok := t.rankOf(l, p, w); ok {
			return w, rank
		}
	}
}

// rankOf returns the rank in a slot whose word was w, and whether the slot still
// has that entry.
func (t *table) rankOf(l *layout, p pos, w uint64) (rank uint64, ok bool) {
	rank = atomic.LoadUint64(t.rank(p))
	return rank, (atomic.LoadUint64(t.slot(p))^w)&^l.policyMask() == 0
}

// HasSide reports whether LookupSide can find anything for this hash: its shard has
// keys that share their identity with others.
func (x *Index) HasSide(hash uint64) bool { return x.shard(hash).side.Load() != nil }

package keydir

import (
	"sync"
	"sync/atomic"
)

// A shard holds the entries whose hashes share their top bits.
type shard struct {
	// What readers look at; written only with mu held.
	version atomic.Uint64         // raised by versionMove and versionTable
	table   atomic.Pointer[table] // nil: no entry yet, or not yet loaded
	side    atomic.Pointer[side]  // nil: empty
	state   atomic.Uint32
	_       [36]byte // mu and what it guards lie on a line of their own

	mu       sync.Mutex
	used     int // slots in use
	growFrom int // below so many slots in use, the table is not made larger
	shrinkAt int // at so many slots in use, the table is made smaller

	loading sync.Mutex // held while the shard's bytes are read; taken before mu
}

const (
	versionMove  = 1       // an entry has changed its bucket
	versionTable = 1 << 32 // the table has been replaced
)

// States of a shard.
const (
	ready   = iota
	pending // its bytes have not been read yet
	damaged // its bytes could not be read or are wrong
)

// probe looks for x in t, which was the table after the version was the given one.
// It returns the word, or 0, and whether that holds: what was found does, if the
// table has not been replaced since, for another may lie in its memory; that
// nothing was found does, if also no entry has moved from where it had yet to be
// looked for to where it no longer was.
func (s *shard) probe(l *layout, x uint64, t *table, version uint64) (word uint64, holds bool) {
	w := t.find(l, x)
	now := s.version.Load()
	if w == 0 {
		return 0, now == version
	}
	return w, now/versionTable == version/versionTable
}

// nextSize returns the size of a table after n buckets: a quarter more, in
// whole pages, so that all tables come in few sizes.
func nextSize(n uint64) uint64 { return n + max(64, n/4&^63) }

// insertLocked writes a new entry to a slot. It reports false when there is no
// room and no larger table to be had.
func (s *shard) insertLocked(l *layout, m *memory, x, low uint64) bool {
	if s.table.Load() == nil && !s.resizeLocked(l, m, l.minN) {
		return false
	}
	if !s.table.Load().insert(l, x, low, &s.version) {
		if !s.growLocked(l, m) || !s.table.Load().insert(l, x, low, &s.version) {
			return false
		}
	}
	s.used++
	return true
}

// growLocked replaces the table by a larger one. A table that is full when half
// empty is not made larger: its hashes are so bad that this would not end.
func (s *shard) growLocked(l *layout, m *memory) bool {
	if s.used < s.growFrom {
		return false
	}
	if s.resizeLocked(l, m, nextSize(s.table.Load().n)) {
		return true
	}
	s.growFrom = s.used + s.used/64 + 1 // trying costs as much as growing
	return false
}

// removeLocked empties a slot, and gives memory back when few are left in use.
func (s *shard) removeLocked(l *layout, m *memory, slot *uint64) {
	atomic.StoreUint64(slot, 0)
	s.used--
	if s.used >= s.shrinkAt {
		return
	}
	n := l.minN
	for int(n)*bucketSlots < s.used*3/2 {
		n = nextSize(n)
	}
	if n >= s.table.Load().n || !s.resizeLocked(l, m, n) {
		s.shrinkAt /= 2
	}
}

// resizeLocked replaces the table by one of n buckets. It reports false, and
// leaves all as it was, when there is no such memory or an entry did not fit.
func (s *shard) resizeLocked(l *layout, m *memory, n uint64) bool {
	if n > maxN {
		return false
	}
	buckets := m.alloc(int(n))
	if buckets == nil {
		return false
	}
	t, old := newTable(buckets), s.table.Load()
	if old != nil && !t.fill(l, old) {
		m.release(buckets)
		return false
	}
	s.setTableLocked(l, t)
	if old != nil {
		m.release(old.buckets)
	}
	return true
}

// setTableLocked makes t the table. From the raised version on, readers no
// longer trust what they found in the table before.
func (s *shard) setTableLocked(l *layout, t *table) {
	s.table.Store(t)
	s.version.Add(versionTable)
	s.growFrom = t.slots() / 2
	s.shrinkAt = t.slots() / 4
	if t.n == l.minN {
		s.shrinkAt = 0
	}
}

package keydir

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// A shard holds the entries whose hashes share their top bits. Only the writer
// changes it, and whoever loads it. It takes two cache lines.
type shard struct {
	// What readers look at.
	version atomic.Uint64         // raised by versionMove and versionTable
	table   atomic.Pointer[table] // nil: no entry yet, or not yet loaded
	side    atomic.Pointer[side]  // nil: empty
	state   atomic.Uint32
	_       [36]byte // what writers change lies on a line of its own

	// mu is held where an entry changes its bucket and where the table or the
	// side table is replaced, so that who holds it sees each entry once. An entry
	// that just comes, goes or changes needs no lock.
	mu       sync.Mutex
	used     atomic.Int64 // slots in use
	growFrom int          // below so many slots in use, the table is not made larger
	shrinkAt int          // below so many slots in use, the table is made smaller
	phase    uint8        // which sizes its tables have, see nextSize

	loading sync.Mutex // held while the shard's bytes are read; taken before mu
	_       [16]byte
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

// nextSize returns the size of a table after n buckets, in whole pages. Beyond the
// small ones, sizes are 8 to 15 times a power of two. A table gets larger by a third
// to a half, from 0.94 full to 0.63 or 0.70: smaller steps have each entry
// written more often, larger ones leave more room empty.
func nextSize(n uint64) uint64 {
	if n < 256 {
		return n + 64
	}
	j := bits.Len64(n) - 4
	return uint64(steps[n>>j-8]) << j &^ 63
}

// steps has, for sizes 8 to 15, about 1.41 times as much.
var steps = [8]uint8{12, 13, 14, 15, 16, 18, 20, 22}

// nextSize is that of a table of this shard. Of four shards each has sizes of its
// own. All shards fill alike, so their tables would grow at the same time and be
// at their emptiest together.
func (s *shard) nextSize(n uint64) uint64 {
	n = nextSize(n)
	if n < 512 {
		return n
	}
	for uint8(n>>(bits.Len64(n)-4))%4 != s.phase {
		n += 1 << (bits.Len64(n) - 4)
	}
	return n
}

// insertLocked writes a new entry to a slot. It reports false when there is no
// room and no larger table to be had.
func (s *shard) insertLocked(l *layout, m *pool, x, low, rank uint64) bool {
	if s.table.Load() == nil && !s.resizeLocked(l, m, l.minN) {
		return false
	}
	if !s.table.Load().insert(l, x, low, rank, &s.version) {
		if !s.growLocked(l, m) || !s.table.Load().insert(l, x, low, rank, &s.version) {
			return false
		}
	}
	s.used.Add(1)
	return true
}

// growLocked replaces the table by a larger one. A table that is full when half
// empty is not made larger: its hashes are so bad that this would not end.
func (s *shard) growLocked(l *layout, m *pool) bool {
	used := int(s.used.Load())
	if used < s.growFrom {
		return false
	}
	if s.resizeLocked(l, m, s.nextSize(s.table.Load().n)) {
		return true
	}
	s.growFrom = used + used/64 + 1 // trying costs as much as growing
	return false
}

// remove empties a slot, and gives memory back when few are left in use. The rank
// of an empty slot is nobody's: an entry that comes brings its own.
func (s *shard) remove(l *layout, m *pool, p pos) {
	atomic.StoreUint64(s.table.Load().slot(p), 0)
	if int(s.used.Add(-1)) < s.shrinkAt {
		s.shrink(l, m)
	}
}

func (s *shard) shrink(l *layout, m *pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, used := l.minN, int(s.used.Load())
	for int(n)*bucketSlots < used*3/2 {
		n = s.nextSize(n)
	}
	if n >= s.table.Load().n || !s.resizeLocked(l, m, n) {
		s.shrinkAt /= 2
	}
}

// resizeLocked replaces the table by one of n buckets. It reports false, and
// leaves all as it was, when there is no such memory or an entry did not fit.
func (s *shard) resizeLocked(l *layout, m *pool, n uint64) bool {
	if n > maxN {
		return false
	}
	t, old := m.table(n), s.table.Load()
	if t == nil {
		return false
	}
	if old != nil && !t.fill(l, old) {
		m.release(t)
		return false
	}
	s.setTableLocked(l, t)
	if old != nil {
		m.release(old)
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

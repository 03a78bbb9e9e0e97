package keydir

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/go-diskcache/diskcache/internal/prefetch"
)

// Errors of this package.
var (
	ErrPlace   = errors.New("keydir: place or class out of range")
	ErrDamaged = errors.New("keydir: damaged image")
)

// A Config says how an index is laid out.
type Config struct {
	// PlaceBits is the width of a place, 34 to 44. Fewer bits leave more for
	// telling keys apart. 0 means 34.
	PlaceBits uint8
	// Ranks gives each entry a rank. That takes 8 more bytes for each slot.
	Ranks bool
}

// An Index maps hashes of keys to entries. See the package comment for who may
// call what at the same time.
type Index struct {
	shards [shardCount]shard // first, so that they begin with a cache line
	layout layout
	memory pool

	source *Source // what pending shards are read from
	damage atomic.Pointer[DamageError]
}

// New returns an empty index. It panics when the configuration is out of range.
func New(c Config) *Index {
	x, err := newIndex(c)
	if err != nil {
		panic(err)
	}
	return x
}

func newIndex(c Config) (*Index, error) {
	if c.PlaceBits == 0 {
		c.PlaceBits = minPlaceBits
	}
	if c.PlaceBits < minPlaceBits || c.PlaceBits > maxPlaceBits {
		return nil, fmt.Errorf("keydir: %d place bits, must be %d to %d", c.PlaceBits, minPlaceBits, maxPlaceBits)
	}
	x := &Index{layout: newLayout(c.PlaceBits), memory: pool{ranked: c.Ranks}}
	for i := range x.shards {
		x.shards[i].phase = uint8(i % 4)
	}
	return x, nil
}

// A Status is the outcome of a Lookup.
type Status uint8

const (
	Absent  Status = iota // no slot; the key may still be in the side table
	Found                 // there is an entry of this identity; compare the key
	Damaged               // the shard could not be loaded, see Index.Err
)

// Lookup returns the entry in the slot of this hash's identity. Whether it is
// the key's own the caller learns from the record; if it is not, or if there is
// no slot, the key can still be in the side table: ask LookupSide. Lookup takes
// no lock and does not allocate, except that the first use of a shard of a
// loaded index reads it.
func (x *Index) Lookup(hash uint64) (Entry, Status) {
	s := x.shard(hash)
	id := x.layout.x(hash)
	for {
		version := s.version.Load()
		t := s.table.Load()
		if t == nil {
			if !x.load(s) {
				return Entry{}, Damaged
			}
			if s.table.Load() == nil {
				return Entry{}, Absent
			}
			continue
		}
		switch w, holds := s.probe(&x.layout, id, t, version); {
		case !holds:
		case w == 0:
			return Entry{}, Absent
		default:
			return x.layout.entry(w), Found
		}
	}
}

// Prefetch has the memory fetched that a Lookup or a Find of this hash will want.
func (x *Index) Prefetch(hash uint64) {
	if t := x.shard(hash).table.Load(); t != nil {
		l := &x.layout
		id := l.x(hash)
		i, _ := t.at(l, id)
		j, _ := t.at(l, l.other(id))
		prefetch.Read(unsafe.Pointer(&t.buckets[i]))
		prefetch.Read(unsafe.Pointer(&t.buckets[j]))
	}
}

// LookupSide returns the entry of key, whose hash is given, from the side
// table. It costs one atomic load when the shard has no such entries.
func (x *Index) LookupSide(hash uint64, key []byte) (Entry, bool) {
	t := x.shard(hash).side.Load()
	if t == nil {
		return Entry{}, false
	}
	e, ok := t.lookup(x.layout.identity(hash), key)
	e.Rank = 0
	return e, ok
}

func (x *Index) shard(hash uint64) *shard { return &x.shards[hash>>(64-shardBits)] }

// Len returns the number of entries.
func (x *Index) Len() int {
	n := 0
	for i := range x.shards {
		n += int(x.shards[i].used.Load())
	}
	return n + x.SideLen()
}

// Reserve makes room for n entries in shards that have none yet. It is a write, for one who
// is about to insert so many: to grow on the way there takes longer. Without the
// memory for it nothing happens.
func (x *Index) Reserve(n int) {
	want := uint64(n/shardCount + n/shardCount/32) // the hash does not fill all shards alike
	buckets := x.layout.minN
	for buckets*bucketSlots*3/4 < want {
		buckets = nextSize(buckets)
	}
	if buckets == x.layout.minN {
		return // no shard will have to grow; most of a small index are never used
	}
	for i := range x.shards {
		s := &x.shards[i]
		if !x.load(s) {
			continue
		}
		s.mu.Lock()
		if s.table.Load() == nil {
			s.resizeLocked(&x.layout, &x.memory, buckets)
		}
		s.mu.Unlock()
	}
}

// Shards returns the number of shards, which is the same for every index.
func (x *Index) Shards() int { return shardCount }

// Shard appends all entries of shard i to dst, in no order.
func (x *Index) Shard(i int, dst []Entry) ([]Entry, error) {
	s := &x.shards[i]
	if !x.load(s) {
		return dst, x.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.table.Load(); t != nil {
		for p := range pos(t.slots()) {
			if w, rank := t.read(&x.layout, p); w != 0 {
				e := x.layout.entry(w)
				e.Rank = rank
				dst = append(dst, e)
			}
		}
	}
	if t := s.side.Load(); t != nil {
		t.each(func(_ uint64, e Entry) { dst = append(dst, e) })
	}
	return dst, nil
}

// MemBytes returns the memory that the index takes: tables, the side table
// (about) and what is fixed. Loaded shards count, pending ones do not.
func (x *Index) MemBytes() int {
	n := int(unsafe.Sizeof(*x))
	for i := range x.shards {
		s := &x.shards[i]
		if t := s.table.Load(); t != nil {
			n += (len(t.buckets)+len(t.ranks))*bucketBytes + int(unsafe.Sizeof(*t))
		}
		if t := s.side.Load(); t != nil {
			n += t.memBytes()
		}
	}
	return n
}

// Close gives the memory back. Nobody may use the index any more, readers included.
func (x *Index) Close() {
	for i := range x.shards {
		x.shards[i].table.Store(nil)
		x.shards[i].side.Store(nil)
	}
	x.memory.close()
}

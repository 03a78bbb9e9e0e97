package evict

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// A Ghost remembers which keys were evicted not long ago: a direct-mapped table
// of one byte for each. A byte is 0 for an empty place, else a fingerprint of the
// key that was evicted last of those that fall on the place. A key is forgotten
// when another takes its place: with as many places as the cache has items, a
// third is left after one whole content of the cache was evicted. Of the keys
// that it was never told, it takes one in 255 for remembered at most, which
// costs little: that item goes to main unasked.
//
// Hashes count from their upper end. An index need not keep them whole: who has
// only so many upper bits of them may give these, the rest 0, as long as Add and
// Take are given the same, and it is some eight bits more than the places take.
//
// The zero value remembers nothing. A Ghost is used under its owner's lock.
type Ghost struct {
	table []byte
	used  int // places that are not empty
}

// maxGhost bounds what a made-up length can ask for: one byte for each of four
// billion items.
const maxGhost = 1 << 32

// NewGhost returns a table for a cache of so many items.
func NewGhost(items int) *Ghost {
	return &Ghost{table: make([]byte, bound(items))}
}

func bound(items int) int64 { return min(max(int64(items), 0), maxGhost) }

// Add remembers a key by its hash.
func (g *Ghost) Add(hash uint64) {
	if len(g.table) == 0 {
		return
	}
	p := g.place(hash)
	if g.table[p] == 0 {
		g.used++
	}
	g.table[p] = fingerprint(hash)
}

// Take tells whether a key is remembered, and forgets it.
func (g *Ghost) Take(hash uint64) bool {
	if len(g.table) == 0 {
		return false
	}
	p := g.place(hash)
	if g.table[p] != fingerprint(hash) {
		return false
	}
	g.table[p] = 0
	g.used--
	return true
}

// Len returns the number of keys remembered.
func (g *Ghost) Len() int { return g.used }

// MemBytes returns the memory that g takes, which is also the number of its places.
func (g *Ghost) MemBytes() int { return len(g.table) }

// Resize makes it a table for so many items. Growing to a multiple of the size
// forgets nothing; other sizes forget the keys that lie on the new borders, and
// a smaller table those that fall together.
func (g *Ghost) Resize(items int) {
	old, grown := g.table, make([]byte, bound(items))
	if len(grown) >= len(old) {
		for p := range grown {
			if len(old) > 0 {
				grown[p] = old[scale(p, len(grown), len(old))]
			}
		}
	} else if len(grown) > 0 {
		for p, f := range old {
			if f != 0 {
				grown[scale(p, len(old), len(grown))] = f
			}
		}
	}
	g.table, g.used = grown, count(grown)
}

// scale returns the place, of to, in which the middle of place p, of from, lies.
// A place is a range of hashes, so in a larger table its keys are in the places
// that divide the range: which one is not known, and each gets the fingerprint.
func scale(p, from, to int) int {
	return int((2*uint64(p) + 1) * uint64(to) / (2 * uint64(from)))
}

// place returns where a hash falls: the table divides all hashes into equal ranges.
func (g *Ghost) place(hash uint64) uint64 {
	p, _ := bits.Mul64(hash, uint64(len(g.table)))
	return p
}

// fingerprint returns 1 to 255. It does not depend on the table's size, and is a
// mixture of all bits: those that tell a place from another do not help inside of it.
func fingerprint(hash uint64) byte {
	hash ^= hash >> 32
	f, _ := bits.Mul64(hash*0x9E3779B97F4A7C15, 255)
	return byte(f) + 1
}

func count(table []byte) int {
	n := 0
	for _, f := range table {
		if f != 0 {
			n++
		}
	}
	return n
}

// A ghost in bytes: its places u64, little endian, then the places. The file that
// it is kept in has the version and the checksum.
const ghostHeaderLen = 8

// ErrGhost is for bytes that are no ghost.
var ErrGhost = errors.New("evict: not a ghost")

// Append appends g to dst.
func (g *Ghost) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(g.table)))
	return append(dst, g.table...)
}

// ParseGhost reads what Append has written, and returns how many bytes that were.
// The ghost shares no memory with b.
func ParseGhost(b []byte) (*Ghost, int, error) {
	if len(b) < ghostHeaderLen {
		return nil, 0, ErrGhost
	}
	n := binary.LittleEndian.Uint64(b)
	b = b[ghostHeaderLen:]
	if n > maxGhost || n > uint64(len(b)) {
		return nil, 0, ErrGhost
	}
	g := &Ghost{table: append([]byte(nil), b[:n]...)}
	g.used = count(g.table)
	return g, ghostHeaderLen + len(g.table), nil
}

package hybrid

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// doorkeeper remembers which keys were read not long ago: a table of one fingerprint for each
// place, which another key overwrites. So a key is known until about as many others were read
// as there are places. One in 2^32 of those that were never read is taken for known.
type doorkeeper struct {
	seed  maphash.Seed
	marks []atomic.Uint32
}

const (
	averageItem = 1 << 10 // for the number of places: about as many as the memory has items
	minPlaces   = 1 << 8
	maxPlaces   = 1 << 22 // 16 MiB
)

func newDoorkeeper(memory int64) *doorkeeper {
	n := min(max(memory/averageItem, minPlaces), maxPlaces)
	return &doorkeeper{maphash.MakeSeed(), make([]atomic.Uint32, n)}
}

// knows reports whether a key was asked for before, and remembers that it was.
func (d *doorkeeper) knows(key string) bool {
	h := maphash.String(d.seed, key)
	place, _ := bits.Mul64(h, uint64(len(d.marks)))
	mark := uint32(h) | 1 // 0 is an empty place
	if d.marks[place].Load() == mark {
		return true
	}
	d.marks[place].Store(mark)
	return false
}

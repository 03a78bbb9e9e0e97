package keydir

import "math/bits"

// A slot, from the highest bit down:
//
//	tag | which 1 | policy 2 | class 4 | place
//
// Place has Config.PlaceBits bits, the tag has what is left. The place of an
// entry is never 0, so no entry is the zero word. The policy bits are the entry's
// Hits: they are what the writer says at first, and readers raise them.
const (
	classBits  = 4
	policyBits = 2

	shardBits  = 8
	shardCount = 1 << shardBits

	minPlaceBits = 34
	maxPlaceBits = 44
)

// A layout holds the widths that follow from the place bits.
type layout struct {
	placeBits uint8
	keyShift  uint8  // where the tag and "which" begin
	xBits     uint8  // width of x, the part of the hash that a shard keeps
	minN      uint64 // buckets of the smallest table, a power of two
	xMask     uint64
}

func newLayout(placeBits uint8) layout {
	// A table of n buckets needs tags for 2^k/n values of x, and k is the same
	// for all its sizes, so the smallest table decides how much of a hash is
	// kept. 64 buckets are one page of memory. From 38 place bits on (2 TiB in
	// units of 8 bytes) the tag is short, and larger first tables make up for
	// it, up to 64 KiB each: the identity has 37 bits with 34 place bits, 33
	// with 38 to 42, and 31 with 44.
	minBits := uint8(6)
	if placeBits > 38 {
		minBits += min(placeBits-38, 4)
	}
	keyShift := placeBits + classBits + policyBits
	xBits := 64 - 1 - keyShift + minBits
	return layout{
		placeBits: placeBits,
		keyShift:  keyShift,
		xBits:     xBits,
		minN:      1 << minBits,
		xMask:     1<<xBits - 1,
	}
}

// x returns the part of a hash that its shard keeps.
func (l *layout) x(hash uint64) uint64 { return hash << shardBits >> ((64 - l.xBits) & 63) }

// identity returns all that is kept of a hash: the number of its shard, then x.
func (l *layout) identity(hash uint64) uint64 { return hash >> ((64 - shardBits - l.xBits) & 63) }

// hash returns a hash of an identity: all that was not kept is 0.
func (l *layout) hash(identity uint64) uint64 { return identity << ((64 - shardBits - l.xBits) & 63) }

const (
	scramble   = 0x9E3779B97F4A7C15
	unscramble = 0xF1DE83E19937733D // scramble*unscramble == 1 (mod 2^64)
)

// other maps x to the number that gives its second bucket. It is one-to-one on
// xBits bits.
func (l *layout) other(x uint64) uint64 {
	x ^= x >> (l.xBits/2 + 1)
	return x * scramble & l.xMask
}

// unother is the inverse of other. A shift by at least half of the width undoes itself.
func (l *layout) unother(y uint64) uint64 {
	y = y * unscramble & l.xMask
	return y ^ y>>(l.xBits/2+1)
}

// base returns the x of which y stands in a slot of this key: x itself, or other(x).
func (l *layout) base(y, key uint64) uint64 {
	if key&1 == 0 {
		return y
	}
	return l.unother(y)
}

// partner returns what stands in the slot's other bucket.
func (l *layout) partner(y, key uint64) uint64 {
	if key&1 == 0 {
		return l.other(y)
	}
	return l.unother(y)
}

// low returns a slot word of e without tag and "which".
func (l *layout) low(e Entry) uint64 {
	return uint64(e.Hits)<<(l.placeBits+classBits) | uint64(e.Class)<<l.placeBits | e.Place
}

func (l *layout) place(word uint64) uint64 { return word & l.placeMask() }
func (l *layout) placeMask() uint64        { return 1<<l.placeBits - 1 }

func (l *layout) entry(word uint64) Entry {
	return Entry{
		Place: l.place(word),
		Class: uint8(word>>l.placeBits) & (1<<classBits - 1),
		Hits:  uint8(word>>(l.placeBits+classBits)) & MaxHits,
	}
}

// hit is one hit in a word.
func (l *layout) hit() uint64 { return 1 << (l.placeBits + classBits) }

// policyMask has the policy bits of a word set.
func (l *layout) policyMask() uint64 { return MaxHits * l.hit() }

// lowMask has all bits of a word set but tag and "which".
func (l *layout) lowMask() uint64 { return 1<<l.keyShift - 1 }

// valid tells whether e can be held in a slot.
func (l *layout) valid(e Entry) bool {
	return e.Place != 0 && e.Place>>l.placeBits == 0 && e.Class>>classBits == 0 && e.Hits <= MaxHits
}

// A divider divides 32-bit numbers by n with a multiplication, exactly: it is
// 2^64/n rounded up.
type divider uint64

func newDivider(n uint64) divider { return divider(^uint64(0)/n + 1) }

func (d divider) divide(a uint64) uint64 {
	q, _ := bits.Mul64(a, uint64(d))
	return q
}

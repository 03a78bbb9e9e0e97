package segment

import "math/bits"

// unit is what places count in: structures in a segment start at multiples of it.
const unit = 8

// Layout maps places to segment slots and offsets and back. A place is the
// number that the index keeps for "where": the slot of the segment in the Set,
// shifted left by OffBits, and the offset in units of 8 bytes.
type Layout struct {
	PlaceBits uint8 // bits of a place
	OffBits   uint8 // bits of it that hold the offset
}

// NewLayout returns the layout whose segments may be up to maxFile bytes long.
func NewLayout(placeBits uint8, maxFile int64) Layout {
	return Layout{PlaceBits: placeBits, OffBits: uint8(bits.Len64(uint64(maxFile-1) / unit))}
}

// Place returns the place of offset off in the segment at slot.
func (l Layout) Place(slot uint32, off int64) uint64 {
	return uint64(slot)<<l.OffBits | uint64(off)/unit
}

// Split returns the slot and the offset that a place stands for.
func (l Layout) Split(place uint64) (slot uint32, off int64) {
	return uint32(place >> l.OffBits), int64(place&(1<<l.OffBits-1)) * unit
}

// MaxFile returns how long a segment may get, in bytes.
func (l Layout) MaxFile() int64 { return unit << l.OffBits }

// MaxSlots returns how many segments there may be at once.
func (l Layout) MaxSlots() uint32 { return 1 << (l.PlaceBits - l.OffBits) }

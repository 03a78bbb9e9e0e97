package codec

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// le is the byte order of everything on disk.
var le = binary.LittleEndian

// Sum is the checksum of the format, and the hash of a key: xxhash64 with
// seed 0. The regions of a snapshot and the chunks of a value file are summed
// with it.
func Sum(b []byte) uint64 { return xxhash.Sum64(b) }

// Frames and records are bound to their place: their sums are mixed with the
// segment and the offset that they were written to. So what a file system
// returns from the wrong block, or what another segment left in a reused one,
// does not verify, although every byte of it was once right. The salts keep a
// record from being taken for a frame.
const (
	placeStep  = 0x9e3779b97f4a7c15
	leadStep   = 0xd6e8feb86659fd93
	frameSalt  = 0x46a3c9d5e1f2708b
	recordSalt = 0xb1d90e5f3c8a6427
)

// placeMix spreads a place over 64 bits. The finaliser, that of murmur3, is
// one-to-one: at one place a frame and a record never get the same.
func placeMix(id uint64, off int64, salt uint64) uint64 {
	x := (id*placeStep + uint64(off)) ^ salt
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}

// placedSum is the checksum of a structure b at a place, cut to 32 bits. Such a
// structure begins with the field of the sum and a length, its lead, of 32 bits
// each. The lead enters with the place, and one-shot hashing begins behind it,
// so that the hash reads the same aligned words that were just written; were it
// to begin between them, the processor would have to wait for each.
func placedSum(b []byte, id uint64, off int64, salt uint64) uint32 {
	lead := uint64(le.Uint32(b[4:])) * leadStep
	return uint32(xxhash.Sum64(b[8:]) ^ placeMix(id, off, salt^lead))
}

// bodySum is the checksum of a record's body. Three one-shot sums, because
// the parts lie apart in memory when a record is made and one-shot is the
// fast way; rotated, so that equal bytes in two parts do not cancel.
func bodySum(tag, key, value []byte) uint64 {
	sum := xxhash.Sum64(value) ^ bits.RotateLeft64(xxhash.Sum64(key), 31)
	if len(tag) > 0 {
		sum ^= bits.RotateLeft64(xxhash.Sum64(tag), 17)
	}
	return sum
}

// alignUp rounds a length up to the next multiple of Align.
func alignUp(n int) int { return (n + Align - 1) &^ (Align - 1) }

package contest

import "encoding/binary"

// KeySize is how many bytes a key has.
const KeySize = 16

// missing is added to the number of a key to get one that nobody sets.
const missing = 1 << 40

// AppendKey appends the key with number n. Numbers in order give keys in no order, or else trees
// would be filled from left to right. The number itself is the second half.
func AppendKey(b []byte, n uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, Mix(n))
	return binary.BigEndian.AppendUint64(b, n)
}

// KeyNumber returns the number of a key.
func KeyNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[KeySize-8:]) }

// Mix is a bijection that leaves no order (SplitMix64).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

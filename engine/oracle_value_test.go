package engine

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// A value says itself what it is: for which key, in which version, how long it
// has to be, and its other bytes follow from that. So a wrong one is recognised
// without asking what should be there.

// leastValue is the shortest such value.
const leastValue = 16

// oracleValue returns the value of a version of a key. A part of it compresses.
func oracleValue(key string, ver, size int) []byte {
	b := make([]byte, max(size, leastValue))
	binary.LittleEndian.PutUint32(b, uint32(ver))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	binary.LittleEndian.PutUint64(b[8:], xxhash.Sum64String(key))
	x := uint64(ver)*0x9e3779b97f4a7c15 ^ xxhash.Sum64String(key)
	for i := leastValue; i < len(b); i++ {
		if i%64 < 24 {
			b[i] = byte(ver)
			continue
		}
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// oracleVersion returns which version of key a value is.
func oracleVersion(key string, b []byte) (int, error) {
	if len(b) < leastValue {
		return 0, fmt.Errorf("wrong value: key %q has %d bytes, no value is so short", key, len(b))
	}
	ver := int(binary.LittleEndian.Uint32(b))
	if n := binary.LittleEndian.Uint32(b[4:]); int(n) != len(b) {
		return 0, fmt.Errorf("wrong value: key %q version %d has %d bytes, says %d", key, ver, len(b), n)
	}
	if string(oracleValue(key, ver, len(b))) != string(b) {
		return 0, fmt.Errorf("wrong value: what key %q has is not its version %d", key, ver)
	}
	return ver, nil
}

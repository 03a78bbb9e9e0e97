package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
)

// A value of a tortured key is a number, the key and its own length, and then bytes
// that follow from these: whatever is mixed up, cut off or torn is noticed by who reads it.

// errWrongValue is that a value is none that was set.
var errWrongValue = errors.New("a wrong value")

func encodeValue(key int, v int64, size int) []byte {
	b := make([]byte, 0, size+8)
	b = fmt.Appendf(b, "%d of key %d in %d\n", v, key, size)
	r := rand.New(rand.NewPCG(uint64(v), uint64(key)<<32|uint64(size)))
	for len(b) < size {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b[:max(size, bytes.IndexByte(b, '\n')+1)]
}

// decodeAny returns the number in a value of key, which may be a counter.
func decodeAny(key int, b []byte) (int64, error) {
	if !slices.Contains(counters, key) {
		return decodeValue(key, b)
	}
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: a counter of %.60q", errWrongValue, b)
	}
	return v, nil
}

// decodeValue returns the number in a value of key.
func decodeValue(key int, b []byte) (int64, error) {
	var v int64
	var of, size int
	head, _, _ := bytes.Cut(b, []byte{'\n'})
	if _, err := fmt.Sscanf(string(head), "%d of key %d in %d", &v, &of, &size); err != nil || size > len(b) {
		return 0, fmt.Errorf("%w: %d bytes that nobody set, %.60q", errWrongValue, len(b), b)
	}
	if of != key || !bytes.Equal(b, encodeValue(of, v, size)) {
		return 0, fmt.Errorf("%w for key %d: %d bytes that begin %q and are not that", errWrongValue, key, len(b), head)
	}
	return v, nil
}

// sizeClass says how long values are.
type sizeClass string

const (
	mixedSizes sizeClass = "mixed"
	inline     sizeClass = "inline"
	inFiles    sizeClass = "large" // each value has a file of its own
)

func (c sizeClass) draw(r *rand.Rand) int {
	switch n := r.IntN(100); {
	case c == inline || c == mixedSizes && n < 75:
		return r.IntN(200)
	case c == mixedSizes && n < 94:
		return r.IntN(tortureFileThreshold)
	default:
		return tortureFileThreshold + r.IntN(2*tortureFileThreshold)
	}
}

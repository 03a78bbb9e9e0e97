package typed

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Keys turn keys into those of the store and back. Different keys are different there.
type Keys[K any] interface {
	Encode(key K) string
	Decode(s string) (K, error)
}

type keyFuncs[K any] struct {
	encode func(K) string
	decode func(string) (K, error)
}

func (f keyFuncs[K]) Encode(key K) string        { return f.encode(key) }
func (f keyFuncs[K]) Decode(s string) (K, error) { return f.decode(s) }

// Strings are keys as they are. The order of the store is that of the strings.
func Strings[K ~string]() Keys[K] {
	return keyFuncs[K]{
		func(key K) string { return string(key) },
		func(s string) (K, error) { return K(s), nil },
	}
}

// Ints are eight bytes, so that the order of the store is that of the numbers, also of those
// below zero. Keys of different widths are the same if they are the same number.
func Ints[K ~int | ~int8 | ~int16 | ~int32 | ~int64]() Keys[K] {
	return keyFuncs[K]{
		func(key K) string { return encodeUint(uint64(key) ^ 1<<63) },
		func(s string) (K, error) {
			n, err := decodeUint(s)
			key := K(n ^ 1<<63)
			if err == nil && int64(key) != int64(n^1<<63) {
				err = fmt.Errorf("%d does not fit %d bytes", int64(n^1<<63), unsafe.Sizeof(key))
			}
			return key, err
		},
	}
}

// Uints are like Ints. Their order is that of the numbers, but it is another than that of Ints.
func Uints[K ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr]() Keys[K] {
	return keyFuncs[K]{
		func(key K) string { return encodeUint(uint64(key)) },
		func(s string) (K, error) {
			n, err := decodeUint(s)
			if err == nil && uint64(K(n)) != n {
				err = fmt.Errorf("%d does not fit %d bytes", n, unsafe.Sizeof(K(n)))
			}
			return K(n), err
		},
	}
}

func encodeUint(n uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, n))
}

func decodeUint(s string) (uint64, error) {
	if len(s) != 8 {
		return 0, fmt.Errorf("a key of %d bytes is no number of 8", len(s))
	}
	return binary.BigEndian.Uint64([]byte(s)), nil
}

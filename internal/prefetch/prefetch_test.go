package prefetch

import (
	"testing"
	"unsafe"
)

// An address need not be valid, and what is told of memory leaves it as it is.
func TestAnyAddress(t *testing.T) {
	Read(nil)
	b := make([]byte, 4096)
	for i := range b {
		b[i] = byte(i)
		Read(unsafe.Pointer(&b[i]))
	}
	for _, n := range []int{-1, 0, 1, 63, 64, 65, 1 << 20} {
		for off := 0; off <= len(b); off += 512 {
			Tail(b, off, n)
		}
	}
	for i := range b {
		if b[i] != byte(i) {
			t.Fatalf("byte %d has changed", i)
		}
	}
}

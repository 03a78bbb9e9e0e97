//go:build amd64 || arm64

package prefetch

import "unsafe"

// Read prefetches the line at p, which will be read.
//
//go:noescape
func Read(p unsafe.Pointer)

// Write prefetches so many lines from p on, which will be written.
//
//go:noescape
func Write(p unsafe.Pointer, lines int)

// Tail prefetches what is about to be written behind the first n bytes of b: as many bytes more.
func Tail(b []byte, off, n int) {
	if off+n <= len(b) && n > 0 {
		Write(unsafe.Pointer(&b[off]), min(n/line+1, mostLines))
	}
}

// mostLines is as far as prefetching helps: behind that the processor sees by itself that memory is
// written in sequence.
const mostLines = 16

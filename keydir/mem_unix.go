//go:build (linux || darwin || freebsd || netbsd || openbsd || dragonfly) && !race

package keydir

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A memory hands out zeroed tables and takes them back. They are anonymous
// mappings: the collector does not know them, and what was taken back leaves
// the process at once. Its addresses stay mapped until close, because a reader
// may still be in there; it sees zeros, or another table, and discards that.
type memory struct {
	mu   sync.Mutex
	free map[int][][]bucket // tables taken back, zeroed, by size
	rest []bucket           // of the newest mapping, not yet handed out
	maps [][]byte
	size int // of all mappings, in buckets
}

// minMap is the least size of a mapping in buckets, 1 MiB. What is not yet used
// of a mapping is address space only.
const minMap = 1 << 20 / bucketBytes

// alloc returns n zeroed buckets, or nil if there is no memory.
func (m *memory) alloc(n int) []bucket {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.free[n]; len(f) > 0 {
		m.free[n] = f[:len(f)-1]
		return f[len(f)-1]
	}
	if n > len(m.rest) {
		// Larger ones as it grows: a system limits the number of mappings.
		if !m.mapLocked(max(n, minMap, m.size/8&^63)) && !m.mapLocked(n) {
			return nil
		}
	}
	b := m.rest[:n:n]
	m.rest = m.rest[n:]
	return b
}

func (m *memory) mapLocked(n int) bool {
	b, err := unix.Mmap(-1, 0, n*bucketBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return false
	}
	m.maps = append(m.maps, b)
	m.rest = unsafe.Slice((*bucket)(unsafe.Pointer(unsafe.SliceData(b))), n)
	m.size += n
	return true
}

// release takes a table back.
func (m *memory) release(b []bucket) {
	discard(b)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.free == nil {
		m.free = make(map[int][][]bucket)
	}
	m.free[len(b)] = append(m.free[len(b)], b)
}

// close unmaps everything.
func (m *memory) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.maps {
		unix.Munmap(b)
	}
	m.free, m.rest, m.maps, m.size = nil, nil, nil, 0
}

// discard makes b zero and gives its memory back. Only whole pages can be given
// back, and a table need not begin or end with one: pages may be 64 KiB.
func discard(b []bucket) {
	page := uintptr(unix.Getpagesize())
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	end := begin + uintptr(len(b))*bucketBytes
	from, to := (begin+page-1)&^(page-1), end&^(page-1)
	if from >= to {
		clear(b)
		return
	}
	head, tail := (from-begin)/bucketBytes, (to-begin)/bucketBytes
	middle := unsafe.Slice((*byte)(unsafe.Pointer(&b[head])), to-from)
	if runtime.GOOS == "linux" && unix.Madvise(middle, unix.MADV_DONTNEED) == nil {
		clear(b[:head])
		clear(b[tail:])
		return
	}
	// Elsewhere the old content may come back, so it is cleared first.
	clear(b)
	unix.Madvise(middle, unix.MADV_FREE)
}

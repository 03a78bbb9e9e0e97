package vfs

import (
	"os"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forkMark is a 1 in memory that the kernel wipes in a forked child.
type forkMark struct {
	word *atomic.Uint32
	pid  int // instead, where the kernel cannot (before 4.14, emulators); else 0
}

func (m *forkMark) set() {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil && !wipeOnFork(b) {
		_ = unix.Munmap(b)
		b = nil
	}
	if b == nil {
		m.pid = os.Getpid()
		return
	}
	m.word = (*atomic.Uint32)(unsafe.Pointer(unsafe.SliceData(b)))
	m.word.Store(1)
	runtime.AddCleanup(m, func(b []byte) { _ = unix.Munmap(b) }, b)
}

// wipeOnFork says whether the kernel will. Emulators (qemu) say yes to any advice
// and do nothing, also to advice that there is not.
func wipeOnFork(b []byte) bool {
	const nonsense = -1
	return unix.Madvise(b, unix.MADV_WIPEONFORK) == nil && unix.Madvise(b, nonsense) != nil
}

func (m *forkMark) gone() bool {
	if m.word == nil {
		return os.Getpid() != m.pid
	}
	is := m.word.Load()
	runtime.KeepAlive(m)
	return is == 0
}

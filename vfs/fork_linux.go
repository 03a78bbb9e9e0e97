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
	pid  int // instead, where the kernel cannot (before 4.14); else 0
}

func (m *forkMark) set() {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil && unix.Madvise(b, unix.MADV_WIPEONFORK) != nil {
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

func (m *forkMark) gone() bool {
	if m.word == nil {
		return os.Getpid() != m.pid
	}
	is := m.word.Load()
	runtime.KeepAlive(m)
	return is == 0
}

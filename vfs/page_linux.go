package vfs

import (
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve makes the file at least size bytes long, with room on the disk for
// all of them: a store into a hole of a file on a full disk is a fault. It never
// cuts the file or changes what is in it, whoever else does the same.
func reserve(f *os.File, size int64) error {
	err := withFD(f, func(fd uintptr) error {
		return uninterrupted(func() error { return unix.Fallocate(int(fd), 0, 0, size) })
	})
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return grow(f, size)
	}
	return err
}

// The operations of a futex that processes share, which package unix lacks.
const (
	futexWait = 0
	futexWake = 1
)

// maxFutexWait keeps the time within 32 bits; who waits that long may as well
// look again.
const maxFutexWait = time.Hour

// Wait sleeps in the kernel, which compares the lower half of the word once
// more, so that a wake between the look and the sleep is not missed.
func (p *osPage) Wait(i int, old uint64, d time.Duration) {
	w := &p.words[i]
	if d <= 0 || w.Load() != old {
		return
	}
	t := unix.NsecToTimespec(int64(min(d, maxFutexWait)))
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(lowHalf(w)), futexWait, uintptr(uint32(old)),
		uintptr(unsafe.Pointer(&t)), 0, 0) // whatever ended it, the caller looks again
}

func wake(w *atomic.Uint64) {
	const all = 1<<31 - 1
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(lowHalf(w)), futexWake, all, 0, 0, 0)
}

// lowHalf is where the lower 32 bits of a word are.
func lowHalf(w *atomic.Uint64) unsafe.Pointer {
	if bigEndian {
		return unsafe.Add(unsafe.Pointer(w), 4)
	}
	return unsafe.Pointer(w)
}

var bigEndian = func() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 0
}()

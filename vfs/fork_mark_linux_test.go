package vfs

import (
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestForkMarkUnmapped: a guard that nobody has any more gives its memory back.
func TestForkMarkUnmapped(t *testing.T) {
	word := uintptr(unsafe.Pointer(NewForkGuard().mark.word))
	if word == 0 {
		t.Skip("this kernel cannot wipe memory on a fork")
	}
	for end := time.Now().Add(20 * time.Second); ; runtime.GC() {
		var in [1]byte
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, word, 1, uintptr(unsafe.Pointer(&in)))
		if errno == unix.ENOMEM {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it is still mapped")
		}
	}
}

// TestForkMarkOld: where the kernel cannot wipe memory, the number of the
// process tells.
func TestForkMarkOld(t *testing.T) {
	if (&forkMark{pid: os.Getpid()}).gone() {
		t.Error("this is the process")
	}
	if !(&forkMark{pid: os.Getpid() + 1}).gone() {
		t.Error("this is another process")
	}
}

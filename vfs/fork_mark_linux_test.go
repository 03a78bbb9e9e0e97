package vfs

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// TestForkMarkUnmapped: a guard that nobody has any more gives its memory back.
func TestForkMarkUnmapped(t *testing.T) {
	word := uintptr(unsafe.Pointer(NewForkGuard().mark.word))
	if word == 0 {
		t.Skip("this kernel cannot wipe memory on a fork")
	}
	for end := time.Now().Add(20 * time.Second); wipesOnFork(t, word); runtime.GC() {
		if time.Now().After(end) {
			t.Fatal("it is still mapped")
		}
	}
}

// wipesOnFork reports whether word is in memory that a fork wipes: another mapping may
// have its address by now.
func wipesOnFork(t *testing.T, word uintptr) bool {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	within := false
	for line := range strings.Lines(string(maps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			within = from <= word && word < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && within {
			return strings.Contains(flags, " wf")
		}
	}
	return false
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

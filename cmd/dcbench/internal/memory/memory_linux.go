// Package memory tells how much memory the process has.
package memory

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
)

// WholeProcess is whether Anonymous counts memory that is not the Go runtime's.
const WholeProcess = true

// Anonymous returns how much anonymous memory the process has, garbage excluded:
// heap, stacks and the like, but no mapped files, which are the page cache's.
func Anonymous() int64 {
	runtime.GC()
	debug.FreeOSMemory()
	return status("RssAnon:")
}

// Mapped returns how much of the files that the process maps is in memory.
func Mapped() int64 { return status("RssFile:") }

// Resident returns how much memory the process has.
func Resident() int64 { return status("VmRSS:") }

// status returns a figure of the process in bytes, 0 if it cannot be had.
func status(field string) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) >= 2 && string(f[0]) == field {
			kib, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return kib << 10
		}
	}
	return 0
}

package main

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/go-diskcache/diskcache"
)

// anonymous returns how much anonymous memory the process has, garbage excluded:
// heap, stacks and the index, but no mapped files, which are the page cache's.
func anonymous(*diskcache.Cache) int64 {
	runtime.GC()
	debug.FreeOSMemory()
	return status("RssAnon:")
}

// resident returns how much memory the process has.
func resident() int64 { return status("VmRSS:") }

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

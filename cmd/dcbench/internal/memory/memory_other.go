//go:build !linux

// Package memory tells how much memory the process has.
package memory

import (
	"runtime"
	"runtime/debug"
)

// WholeProcess is whether Anonymous counts memory that is not the Go runtime's.
const WholeProcess = false

// Anonymous returns how much memory the Go runtime holds.
func Anonymous() int64 {
	runtime.GC()
	debug.FreeOSMemory()
	return Resident()
}

// Mapped is not known here.
func Mapped() int64 { return 0 }

// Resident returns what the Go runtime holds: there is no portable way to ask
// the system.
func Resident() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

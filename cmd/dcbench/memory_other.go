//go:build !linux

package main

import (
	"runtime"
	"runtime/debug"

	"github.com/go-diskcache/diskcache"
)

// anonymous returns how much memory the Go runtime holds and the index of c,
// which lies outside of it.
func anonymous(c *diskcache.Cache) int64 {
	runtime.GC()
	debug.FreeOSMemory()
	n := resident()
	if c != nil {
		if s, err := c.Stats(); err == nil {
			n += s.IndexBytes
		}
	}
	return n
}

// resident returns what the Go runtime holds: there is no portable way to ask
// the system.
func resident() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

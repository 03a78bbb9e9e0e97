package main

import (
	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/memory"
)

// anonymous returns how much anonymous memory the process has, and with it the index of c,
// which lies outside of the Go runtime's.
func anonymous(c *diskcache.Cache) int64 {
	n := memory.Anonymous()
	if memory.WholeProcess || c == nil {
		return n
	}
	if s, err := c.Stats(); err == nil {
		n += s.IndexBytes
	}
	return n
}

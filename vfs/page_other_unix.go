//go:build unix && !linux

package vfs

import "os"

// reserve makes the file at least size bytes long.
func reserve(f *os.File, size int64) error { return grow(f, size) }

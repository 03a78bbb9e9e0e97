//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// blocksOf is the space that a file takes, holes excluded.
func blocksOf(info fs.FileInfo) int64 {
	const unit = 512 // of the field, whatever the file system's blocks are
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * unit
	}
	return info.Size()
}

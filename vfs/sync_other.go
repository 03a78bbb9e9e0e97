//go:build !linux

package vfs

import "os"

// syncFile is a full fsync. On macOS os.File.Sync also empties the drive's
// own cache (F_FULLFSYNC), without which a sync means little there.
func syncFile(f *os.File) error { return f.Sync() }

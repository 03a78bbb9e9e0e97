//go:build !unix

package vfs

import (
	"io/fs"
	"os"
)

const openFlags = 0

// checkTrust has nothing to look at: modes and owners are of unix.
func checkTrust(string, fs.FileInfo) error { return nil }

// syncDir does nothing: directories cannot be synced here, and Windows writes
// names through its journal.
func syncDir(*os.Root) error { return nil }

func syncParent(string) error { return nil }

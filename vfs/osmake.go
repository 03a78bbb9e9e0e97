package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// makeDir makes a directory and what is missing above it, and makes the new
// names durable: a cache that was synced is worth nothing in a directory that
// the next power loss forgets.
func makeDir(path string) error {
	var made []string // innermost first
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		made = append(made, p)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, p := range made {
		if err := syncParent(p); err != nil {
			return err
		}
	}
	return nil
}

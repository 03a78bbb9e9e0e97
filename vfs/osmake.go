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

// syncParent syncs the directory that path is in. One that may be searched but
// not read cannot be opened, and so cannot be synced; that is no reason to
// refuse what is below it.
func syncParent(path string) error {
	r, err := os.OpenRoot(filepath.Dir(path))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	return syncDir(r)
}

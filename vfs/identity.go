package vfs

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Identity tells a directory from all others, by whatever path it is reached.
type Identity struct{ info fs.FileInfo }

// Identify returns the identity of the directory at path, which fs.ErrNotExist says is not
// there.
func Identify(path string) (Identity, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Identity{}, pathError("stat", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Identity{}, pathError("stat", path, notDir(err))
	}
	return Identity{info}, nil
}

// Same reports whether two identities are of one directory.
func (i Identity) Same(o Identity) bool {
	return i.info != nil && o.info != nil && os.SameFile(i.info, o.info)
}

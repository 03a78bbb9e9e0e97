package vfs

import (
	"io/fs"
	"strings"
)

// splitName parts "dir/base" and "base" (dir is "" then). It is the one place
// that says what a name may be; all implementations use it.
func splitName(name string) (dir, base string, err error) {
	if name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, "\\:\x00") {
		return "", "", fs.ErrInvalid
	}
	dir, base, deep := strings.Cut(name, "/")
	switch {
	case !deep:
		return "", dir, nil
	case strings.Contains(base, "/"):
		return "", "", fs.ErrInvalid
	}
	return dir, base, nil
}

//go:build !unix && !windows

package vfs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// lockFile refuses: two processes without a lock would destroy each other's work.
func lockFile(*os.File) (held bool, err error) {
	return false, fmt.Errorf("no locks between processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

//go:build !linux && !darwin && !freebsd && !dragonfly && !windows

package vfs

import (
	"errors"
	"os"
)

// isLocal does not know, and says the careful thing. On OpenBSD that is right
// in any case: there a mapping need not show what was written.
func isLocal(*os.File) bool { return false }

func freeBytes(*os.File) (int64, error) { return 0, errors.ErrUnsupported }

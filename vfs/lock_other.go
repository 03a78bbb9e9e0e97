//go:build !unix && !windows

package vfs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// lockByte refuses: two processes without a lock would destroy each other's work.
func lockByte(*os.File, int) (held bool, err error) { return false, errNoLocks() }

func unlockByte(*os.File, int) error { return errNoLocks() }

func (l *osLocks) probe(int, int) (at, n int, held bool, err error) { return 0, 0, false, errNoLocks() }

func errNoLocks() error {
	return fmt.Errorf("%w: %s knows none between processes: %w", ErrNoLocks, runtime.GOOS, errors.ErrUnsupported)
}

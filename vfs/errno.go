//go:build !plan9 && !windows

package vfs

import (
	"errors"
	"syscall"
)

// errNoSpace is what the memory says when it is full.
var errNoSpace error = syscall.ENOSPC

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isStale(err error) bool { return errors.Is(err, syscall.ESTALE) }

func isInterrupted(err error) bool { return errors.Is(err, syscall.EINTR) }

// isBusy: nothing was done, and asking again may help.
func isBusy(err error) bool { return errors.Is(err, syscall.EAGAIN) }

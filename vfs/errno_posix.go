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

// isBadHandle: the server was started again and does not know the handle.
func isBadHandle(err error) bool { return errors.Is(err, syscall.EBADF) }

// isBusy: nothing was done, and asking again may help.
func isBusy(err error) bool { return errors.Is(err, syscall.EAGAIN) }

// isRefused: the name cannot be opened, though it may be shown.
func isRefused(err error) bool { return errors.Is(err, syscall.EINVAL) }

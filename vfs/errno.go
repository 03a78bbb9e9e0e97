//go:build !plan9 && !windows

package vfs

import (
	"errors"
	"syscall"
)

// errNoSpace is what the memory says when it is full.
var errNoSpace error = syscall.ENOSPC

// What network disks say; see Server.
var (
	errStale     error = syscall.ESTALE
	errIO        error = syscall.EIO
	errTimedOut  error = syscall.ETIMEDOUT
	errBadHandle error = syscall.EBADF
	errAccess    error = syscall.EACCES
	errBusy      error = syscall.EBUSY
)

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isStale(err error) bool { return errors.Is(err, syscall.ESTALE) }

// isBadHandle: the server was started again and does not know the handle.
func isBadHandle(err error) bool { return errors.Is(err, syscall.EBADF) }

func isInterrupted(err error) bool { return errors.Is(err, syscall.EINTR) }

// isBusy: nothing was done, and asking again may help.
func isBusy(err error) bool { return errors.Is(err, syscall.EAGAIN) }

//go:build !plan9

package vfs

import (
	"errors"
	"syscall"
)

// What network disks say; see Server.
var (
	errStale     error = syscall.ESTALE
	errIO        error = syscall.EIO
	errTimedOut  error = syscall.ETIMEDOUT
	errBadHandle error = syscall.EBADF
	errAccess    error = syscall.EACCES
	errBusy      error = syscall.EBUSY
)

func isStale(err error) bool { return errors.Is(err, syscall.ESTALE) }

func isInterrupted(err error) bool { return errors.Is(err, syscall.EINTR) }

package vfs

import (
	"errors"
	"syscall"
)

// errNoSpace is what the memory says when it is full.
var errNoSpace = errors.New("no space left on device")

// What network disks say; see Server.
var (
	errStale           = errors.New("stale file handle")
	errIO        error = syscall.EIO
	errTimedOut  error = syscall.ETIMEDOUT
	errBadHandle       = errors.New("bad file descriptor")
	errAccess    error = syscall.EACCES
	errBusy      error = syscall.EBUSY
)

func isNoSpace(err error) bool { return errors.Is(err, errNoSpace) }

func isStale(err error) bool { return errors.Is(err, errStale) }

func isBadHandle(err error) bool { return errors.Is(err, errBadHandle) }

func isInterrupted(err error) bool { return errors.Is(err, syscall.EINTR) }

func isBusy(error) bool { return false }

// isRefused: the name cannot be opened, though it may be shown. That is not said here.
func isRefused(error) bool { return false }

package vfs

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"
)

// errNoSpace is what the memory says when it is full.
var errNoSpace error = windows.ERROR_DISK_FULL

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, syscall.ENOSPC)
}

// isBadHandle: the server was started again and does not know the handle.
func isBadHandle(err error) bool {
	return isAny(err, windows.ERROR_INVALID_HANDLE, syscall.EBADF)
}

// isAway: the server cannot be reached.
func isAway(err error) bool {
	return isAny(err, windows.ERROR_NETNAME_DELETED, windows.ERROR_BAD_NETPATH, windows.ERROR_UNEXP_NET_ERR,
		windows.ERROR_SEM_TIMEOUT, windows.ERROR_NETWORK_UNREACHABLE, syscall.EIO, syscall.ETIMEDOUT)
}

// isBusy: nothing was done, and asking again may help. A sharing violation is
// mostly a virus scanner or an indexer that looks at a file just written.
func isBusy(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, syscall.EAGAIN)
}

// isRefused: the name cannot be opened, though it may be shown. That is not said here.
func isRefused(error) bool { return false }

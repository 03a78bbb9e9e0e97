package vfs

import (
	"errors"
	"syscall"
)

// errNoSpace is what the memory says when it is full.
var errNoSpace = errors.New("no space left on device")

func isNoSpace(err error) bool { return errors.Is(err, errNoSpace) }

func isStale(error) bool { return false }

func isInterrupted(err error) bool { return errors.Is(err, syscall.EINTR) }

func isBusy(error) bool { return false }

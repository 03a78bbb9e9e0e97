//go:build !unix && !windows

package vfs

import "syscall"

func isAway(err error) bool { return isAny(err, syscall.EIO, syscall.ETIMEDOUT) }

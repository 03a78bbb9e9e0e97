//go:build unix

package vfs

import "syscall"

// isAway: the server cannot be reached. Some systems call that an input/output error.
func isAway(err error) bool {
	return isAny(err, syscall.EIO, syscall.ETIMEDOUT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENOTCONN,
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ENETDOWN, syscall.ENETUNREACH)
}

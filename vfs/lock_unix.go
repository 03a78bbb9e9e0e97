//go:build unix

package vfs

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockFile takes the record lock without waiting; held says that another
// process has it. Servers answer EAGAIN or EACCES to that.
func lockFile(f *os.File) (held bool, err error) {
	flock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: lockOffset, Len: 1}
	err = withFD(f, func(fd uintptr) error {
		return uninterrupted(func() error { return syscall.FcntlFlock(fd, syscall.F_SETLK, &flock) })
	})
	switch err {
	case syscall.EAGAIN, syscall.EACCES:
		return true, nil
	case syscall.ENOLCK, syscall.ENOSYS, syscall.ENOTSUP:
		return false, fmt.Errorf("the file system gives no locks (a network disk without a lock service?): %w", err)
	}
	return false, err
}

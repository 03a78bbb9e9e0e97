//go:build darwin || freebsd || dragonfly

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func isLocal(dir *os.File) bool {
	var st unix.Statfs_t
	err := withFD(dir, func(fd uintptr) error {
		return uninterrupted(func() error { return unix.Fstatfs(int(fd), &st) })
	})
	return err == nil && st.Flags&unix.MNT_LOCAL != 0
}

func freeBytes(dir *os.File) (int64, error) {
	var st unix.Statfs_t
	err := withFD(dir, func(fd uintptr) error {
		return uninterrupted(func() error { return unix.Fstatfs(int(fd), &st) })
	})
	return max(0, int64(st.Bavail)) * int64(st.Bsize), err
}

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFile is fdatasync: the data, and of the metadata only what is needed to
// read it, the size among it. Times are not worth a journal commit. EINTR came
// before anything was tried, so it is no failed sync.
func syncFile(f *os.File) error {
	return withFD(f, func(fd uintptr) error {
		return uninterrupted(func() error { return unix.Fdatasync(int(fd)) })
	})
}

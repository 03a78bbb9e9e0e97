package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetPages drops what this host has in its cache of a file and the server has, too, so that it is
// read from there. NFSv4 keeps it over an opening, where the host has written to the file since: it
// takes what others have changed before for its own. It is advice, which no error is worth.
func forgetPages(f *os.File) {
	_ = withFD(f, func(fd uintptr) error { return unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
}

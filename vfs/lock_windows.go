package vfs

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock without waiting; held says that another has it.
func lockFile(f *os.File) (held bool, err error) {
	at := windows.Overlapped{Offset: lockOffset}
	err = withFD(f, func(fd uintptr) error {
		return windows.LockFileEx(windows.Handle(fd),
			windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	})
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return true, nil
	}
	return false, err
}

package vfs

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockByte takes the lock without waiting; held says that another has it.
func lockByte(f *os.File, i int) (held bool, err error) {
	return lockRange(f, windows.LOCKFILE_EXCLUSIVE_LOCK, i, i+1)
}

func lockRange(f *os.File, flags uint32, from, to int) (held bool, err error) {
	at := windows.Overlapped{Offset: lockOffset + uint32(from)}
	err = withFD(f, func(fd uintptr) error {
		return windows.LockFileEx(windows.Handle(fd), flags|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, uint32(to-from), 0, &at)
	})
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return true, nil
	}
	return false, err
}

func unlockByte(f *os.File, i int) error { return unlockRange(f, i, i+1) }

func unlockRange(f *os.File, from, to int) error {
	at := windows.Overlapped{Offset: lockOffset + uint32(from)}
	return withFD(f, func(fd uintptr) error {
		return windows.UnlockFileEx(windows.Handle(fd), 0, uint32(to-from), 0, &at)
	})
}

// probe tries to lock the range, for Windows has no way to look: shared, so that
// two who look do not see each other. One's own locks are in the way too; a
// range with one in it is said to be held until it has been parted.
func (l *osLocks) probe(from, to int) (at, n int, held bool, err error) {
	for i := range l.held {
		if from <= i && i < to {
			return from, to - from, to-from > 1, nil
		}
	}
	held, err = lockRange(l.file, 0, from, to)
	if err == nil && !held {
		err = unlockRange(l.file, from, to)
	}
	return from, to - from, held, err
}

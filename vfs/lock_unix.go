//go:build unix

package vfs

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockByte takes the record lock without waiting; held says that another
// process has it. Servers answer EAGAIN or EACCES to that.
func lockByte(f *os.File, i int) (held bool, err error) {
	_, err = record(f, syscall.F_SETLK, syscall.F_WRLCK, i, i+1)
	switch err {
	case syscall.EAGAIN, syscall.EACCES:
		return true, nil
	}
	return false, explainLock(err)
}

func unlockByte(f *os.File, i int) error {
	_, err := record(f, syscall.F_SETLK, syscall.F_UNLCK, i, i+1)
	return err
}

// probe asks for a lock that would be in the way of one on the whole range.
func (l *osLocks) probe(from, to int) (at, n int, held bool, err error) {
	r, err := record(l.file, syscall.F_GETLK, syscall.F_WRLCK, from, to)
	if err != nil || r.Type == syscall.F_UNLCK {
		return 0, 0, false, explainLock(err)
	}
	// Neighbouring locks of one process are one record, which may begin before
	// from, and end behind to; a length of 0 is up to the end of all files.
	begin, end := r.Start-lockOffset, r.Start-lockOffset+r.Len
	if r.Len == 0 {
		end = int64(to)
	}
	at = int(min(max(begin, int64(from)), int64(to-1)))
	n = int(min(max(end, int64(at+1)), int64(to))) - at
	return at, n, true, nil
}

// record does something with the record locks on the bytes of [from, to).
func record(f *os.File, cmd int, kind int16, from, to int) (syscall.Flock_t, error) {
	r := syscall.Flock_t{Type: kind, Whence: io.SeekStart, Start: lockOffset + int64(from), Len: int64(to - from)}
	err := withFD(f, func(fd uintptr) error {
		return uninterrupted(func() error { return syscall.FcntlFlock(fd, cmd, &r) })
	})
	return r, err
}

func explainLock(err error) error {
	switch err {
	case syscall.ENOLCK, syscall.ENOSYS, syscall.ENOTSUP:
		return fmt.Errorf("%w: %w", ErrNoLocks, err)
	}
	return err
}

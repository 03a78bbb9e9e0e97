package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

var (
	// ErrNotRegular: the name is a link, a directory or a special file.
	ErrNotRegular = errors.New("not a regular file")

	// ErrNotDir: the name is not a directory.
	ErrNotDir = errors.New("not a directory")

	// ErrLocked is what every *LockedError is.
	ErrLocked = errors.New("locked")

	// ErrLocksLost: a network disk has forgotten a lock file that is open, and
	// others may have its locks by now. It is to be closed and opened again.
	// Locks can be lost without this error, too.
	ErrLocksLost = errors.New("locks lost")

	// ErrNoLocks: the file system gives no locks, as network disks without a lock service do
	// not, and systems that know none.
	ErrNoLocks = errors.New("the file system gives no locks")

	// ErrUntrusted is what every *UntrustedError is.
	ErrUntrusted = errors.New("untrusted directory")
)

// LockedError says who holds a lock, as far as the lock file tells: Holder is
// what the holder wrote, shortened and without control characters, and "" when
// there is nothing legible. It is for people; it may be out of date.
type LockedError struct {
	Name   string
	Holder string
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return "locked by another"
	}
	return fmt.Sprintf("locked by %q", e.Holder)
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// UntrustedError refuses a directory that others may write, or that belongs
// to another user, for they could put anything into it.
type UntrustedError struct {
	Path string
	Mode fs.FileMode
	UID  int
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("directory can be written by others (mode %v, owner %d)", e.Mode, e.UID)
}

// Is makes errors.Is(err, ErrUntrusted) true.
func (e *UntrustedError) Is(target error) bool { return target == ErrUntrusted }

// IsGone says that the file is not there any more: it has no such name, or a
// network disk says that the handle is stale.
func IsGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || isStale(err)
}

// IsNoSpace says that the disk, or the share of it that the user may have, is full.
func IsNoSpace(err error) bool { return isNoSpace(err) }

// isAny says whether err is one of several.
func isAny(err error, of ...error) bool {
	return slices.ContainsFunc(of, func(target error) bool { return errors.Is(err, target) })
}

// pathError gives err the operation and the name, in place of those that the
// os package put there (which are of system calls and parts of paths).
func pathError(op, name string, err error) error {
	for {
		var inner error
		switch e := err.(type) {
		case *fs.PathError:
			inner = e.Err
		case *os.LinkError:
			inner = e.Err
		case *os.SyscallError:
			inner = e.Err
		}
		if inner == nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
		err = inner
	}
}

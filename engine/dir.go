package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/lease"
	"github.com/go-diskcache/diskcache/vfs"
)

// What the facade shows of the packages below.
type (
	FS             = vfs.FS
	DirOptions     = vfs.DirOptions
	Network        = vfs.Network
	Compression    = codec.Compression
	Policy         = evict.Policy
	LockedError    = vfs.LockedError
	UntrustedError = vfs.UntrustedError
	DirIdentity    = vfs.Identity
)

const (
	MaxKeyLen = codec.MaxKeyLen
	MaxTagLen = codec.MaxTagLen
)

var (
	ErrLocked    = vfs.ErrLocked
	ErrUntrusted = vfs.ErrUntrusted
	ErrNotDir    = vfs.ErrNotDir
	ErrNoLocks   = vfs.ErrNoLocks
)

// ParsePolicy returns the policy of a name.
func ParsePolicy(name string) (Policy, error) {
	p, err := evict.Parse(name)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return p, nil
}

// IdentifyDir returns what tells the directory at path from others.
func IdentifyDir(path string) (DirIdentity, error) { return vfs.Identify(path) }

// OpenDir opens a directory of the system. On a network disk what such disks want
// asked again is asked again.
func OpenDir(path string, o DirOptions) (FS, error) {
	fsys, err := vfs.OpenDir(path, o)
	if err == nil && !fsys.Local() {
		return vfs.NewRetry(fsys, vfs.RetryOptions{}), nil
	}
	return fsys, err
}

// over returns the directory with locks of the kind.
func (l Locking) over(fsys FS) FS {
	switch l {
	case LockingLeasefile:
		return lease.New(fsys, lease.Options{})
	case LockingNone:
		return lease.Promise(fsys)
	}
	return fsys
}

// lockError adds what the error of a lock means to the caller.
func lockError(err error) error {
	switch {
	case errors.Is(err, vfs.ErrLocksLost) && !errors.Is(err, ErrLockLost):
		return fmt.Errorf("%w: %w", ErrLockLost, err)
	case errors.Is(err, vfs.ErrNoLocks):
		return fmt.Errorf("%w: Options.Locking says what to do without", err)
	}
	return err
}

// Holder tells who holds a directory from now on, for others to read.
func Holder() string { return vfs.Holder(time.Now()) }

package engine

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// The errors that callers tell apart, to be matched with errors.Is.
var (
	ErrNotFound  = errors.New("diskcache: key not found")
	ErrExpired   = fmt.Errorf("%w: expired", ErrNotFound)
	ErrClosed    = errors.New("diskcache: cache is closed")
	ErrCorrupt   = errors.New("diskcache: corrupt data")
	ErrTooLarge  = errors.New("diskcache: too large")
	ErrFull      = errors.New("diskcache: cache is full")
	ErrNoSpace   = errors.New("diskcache: no space left on the disk")
	ErrNotSynced = errors.New("diskcache: not synced to the disk")
	ErrForeign   = errors.New("diskcache: the directory holds files of something else")
	ErrVersion   = errors.New("diskcache: written by a newer format version")
	ErrTimeout   = errors.New("diskcache: waited too long for another process")
	ErrLockLost  = errors.New("diskcache: a network disk has lost the locks of this process: whether the write took place is not known")
	ErrReadOnly  = fmt.Errorf("diskcache: %w", vfs.ErrReadOnly)
	ErrForked    = errors.New("diskcache: the cache was opened by the parent of this process")
	ErrTxDone    = errors.New("diskcache: transaction has ended")
	ErrTxBusy    = errors.New("diskcache: the transaction is in use")
	ErrNotNumber = errors.New("diskcache: the value is not a number")
	ErrOverflow  = errors.New("diskcache: out of range")

	ErrTxRolledBack = errors.New("diskcache: a transaction within this one was rolled back")

	ErrOption = errors.New("diskcache: invalid option")
)

// CorruptError names the file and the offset of data that is not what was
// written. It matches ErrCorrupt.
type CorruptError struct {
	File   string
	Offset int64
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("diskcache: %s: corrupt at offset %d: %v", e.File, e.Offset, e.Err)
}

// Unwrap makes the error match ErrCorrupt and its cause.
func (e *CorruptError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }

// join adds what went wrong besides to err, which it leaves as it is if nothing
// did.
func join(err, besides error) error {
	if besides == nil {
		return err
	}
	return errors.Join(err, besides)
}

// readError turns damage that a segment reports into a CorruptError. Other
// errors name their operation and file already.
func readError(err error) error {
	var d *segment.DamageError
	if errors.As(err, &d) {
		return &CorruptError{d.File, d.Offset, d.Err}
	}
	return err
}

// writeError adds what a failed write means to the caller.
func writeError(err error) error {
	if err != nil && vfs.IsNoSpace(err) && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return lockError(err)
}

// syncError marks an error after which data is not known to be on the disk.
func syncError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotSynced, writeError(err))
}

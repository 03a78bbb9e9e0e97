package diskcache

import (
	"github.com/go-diskcache/diskcache/engine"
)

// Errors to be matched with errors.Is. Those that stand for a file name it.
var (
	// ErrNotFound: the key has no item. An expired one is ErrExpired, too.
	ErrNotFound = engine.ErrNotFound
	// ErrExpired: the item's time is over. It matches ErrNotFound.
	ErrExpired = engine.ErrExpired
	// ErrClosed: the cache was closed.
	ErrClosed = engine.ErrClosed
	// ErrCorrupt: what is on the disk is not what was written there; the error
	// is a *CorruptError.
	ErrCorrupt = engine.ErrCorrupt
	// ErrTooLarge: a key, a tag, a value or a transaction is over its limit.
	// Nothing was changed.
	ErrTooLarge = engine.ErrTooLarge
	// ErrFull: the item does not fit Options.SizeLimit. Nothing was changed.
	ErrFull = engine.ErrFull
	// ErrNoSpace: the disk is full. What is there can still be read and deleted.
	ErrNoSpace = engine.ErrNoSpace
	// ErrNotSynced: a sync failed, so that what was written may not survive a
	// power cut. It was written, and may be there.
	ErrNotSynced = engine.ErrNotSynced
	// ErrLocked: the directory is in use, and cannot be shared; the error is a *LockedError.
	ErrLocked = engine.ErrLocked
	// ErrTimeout: another process held the directory for longer than Options.LockTimeout,
	// or the context of the call, allows to wait. The error names it.
	ErrTimeout = engine.ErrTimeout
	// ErrLockLost: a network disk has lost the locks of this process, or it has lost its lease. Whether
	// the write took place is not known. What comes next gets the locks anew.
	ErrLockLost = engine.ErrLockLost
	// ErrNoLocks: the disk gives no locks; Options.Locking says what to do without.
	ErrNoLocks = engine.ErrNoLocks
	// ErrReadOnly: the cache was opened with Options.ReadOnly.
	ErrReadOnly = engine.ErrReadOnly
	// ErrForked: the process is a child of the one that opened the cache, which is to open
	// it anew.
	ErrForked = engine.ErrForked
	// ErrForeign: the directory holds files, and none of them is of a cache.
	ErrForeign = engine.ErrForeign
	// ErrVersion: the directory was written in a format that this version of
	// the package does not know. Nothing was changed.
	ErrVersion = engine.ErrVersion
	// ErrUntrusted: others may write to the directory; the error is a
	// *UntrustedError.
	ErrUntrusted = engine.ErrUntrusted
	// ErrNotDir: the path is not a directory.
	ErrNotDir = engine.ErrNotDir
	// ErrTxDone: the transaction has ended.
	ErrTxDone = engine.ErrTxDone
	// ErrTxBusy: the transaction is in use by another goroutine.
	ErrTxBusy = engine.ErrTxBusy
	// ErrTxRolledBack: a transaction within this one was rolled back.
	ErrTxRolledBack = engine.ErrTxRolledBack
	// ErrNotNumber: the value that is to be counted up is no number.
	ErrNotNumber = engine.ErrNotNumber
	// ErrOverflow: the sum is out of range.
	ErrOverflow = engine.ErrOverflow
	// ErrOption: an option is out of its range.
	ErrOption = engine.ErrOption
)

// CorruptError names the file and the offset of data that is not what was
// written. It matches ErrCorrupt.
type CorruptError = engine.CorruptError

// LockedError says who holds a directory, as far as that is known.
type LockedError = engine.LockedError

// UntrustedError says who owns a directory and who may write to it.
type UntrustedError = engine.UntrustedError

// Package vfs is the disk as the engine sees it: one directory, with flat
// names in it, and files that are read and written at offsets. It is as small
// as the engine needs, so that the engine's tests run on every implementation.
//
//	OpenDir(path, DirOptions{})   a directory of the operating system
//	NewMem()                      memory that can show what every possible crash leaves
//	NewServer(ServerOptions{})    memory as NFS and SMB show it to processes of several hosts
//	NewFault(fs)                  any of them, failing the n-th call on demand
//	NewRetry(fs, RetryOptions{})  any of them, asking again what network disks want asked again
//
// # Names
//
// A name is "base" or "dir/base" with a forward slash; "." is the directory
// itself. Anything else (absolute, "..", deeper, with a backslash or a colon)
// is fs.ErrInvalid, on every system, before the disk is asked.
//
// # Promises
//
// Every error is an *fs.PathError with the operation and the name, around
// something to be matched with errors.Is; only io.EOF comes bare. Links and
// special files are never followed or opened. Nothing is ever reached outside
// the directory. A lock is exclusive over all processes and also inside of
// this one, is never waited for, and dies with its process.
//
// What is written is safe from a crash of the machine only after Sync of the
// file and SyncDir of the directory that names it; a file's Sync does not make
// its name durable, and a directory made by Mkdir is itself a name in ".".
// After a failed Sync what was written since the one before must be taken for
// lost, although it can still be read; asking again proves nothing.
//
// # Where to read
//
// vfs.go, errors.go and fork.go are what the engine uses. os.go, osfile.go,
// osdir.go, lock.go, lockfile.go and page.go are the real disk, with one file per
// system for what differs. mem.go, memfile.go, memlock.go and memshare.go are the
// memory, trace.go what it remembers. crash.go says what
// a crash may leave; replay.go is the disk at one moment, point.go chooses what
// arrived, outcome.go works out what follows from that, image.go makes it.
// fault.go and retry.go are wrappers. Package vfstest is the suite that all of
// them pass.
package vfs

import (
	"io"
	"sync/atomic"
	"time"
)

// FS is one directory. All methods may be used by any number of goroutines.
type FS interface {
	// Create makes a file that must not exist yet (fs.ErrExist), with mode
	// 0600, open for reading and writing.
	Create(name string) (File, error)

	// Open opens a regular file for reading only. Anything else is refused
	// with ErrNotRegular, without being opened.
	Open(name string) (File, error)

	// OpenWrite is Open for reading and writing. It is for a file that is
	// written again in its place, through a handle that is closed at once: what
	// another machine writes, a handle that stays open may not show. What this
	// one has in its cache of the file is read anew.
	OpenWrite(name string) (File, error)

	// Remove removes a file, a link (not what it points to) or an empty
	// directory. Handles that are open keep working.
	Remove(name string) error

	// Rename gives a file another name, replacing atomically what has that name.
	Rename(from, to string) error

	// Mkdir makes a directory with mode 0700. It is no error when it is there.
	Mkdir(name string) error

	// List returns what is in a directory, sorted by name. What vanishes
	// meanwhile is left out.
	List(dir string) ([]Info, error)

	// Stat says what a name is; a link is not followed.
	Stat(name string) (Info, error)

	// SyncDir makes the names in a directory durable: those made, those
	// renamed and those removed.
	SyncDir(dir string) error

	// Locks opens a lock file, which is made when it is missing; what it holds
	// never matters for locking. It is opened once per process: again, also
	// under another name or through another FS, is a *LockedError with what the
	// first user last wrote with SetText. A lock file must be used for nothing
	// else: on some systems closing any handle of it drops the locks. The error
	// is errors.ErrUnsupported where the system knows no locks.
	Locks(name string) (Locks, error)

	// Page maps a small file that all processes of this machine share, for
	// reading and writing. It is made when it is missing, and made longer when
	// it is shorter than size, with zeros; it is never cut. Size is in bytes, a
	// multiple of 8, at most MaxPage. What it holds outlives all processes, and
	// after a crash of the machine may be anything. The error is
	// errors.ErrUnsupported on network disks and where systems cannot.
	Page(name string, size int) (Page, error)

	// Local says whether the directory is on a disk of this machine, so that
	// all processes that use it see one another's writes at once and files may
	// be mapped. Mapping can still be unsupported.
	Local() bool

	// Free returns how many bytes of the disk this user may still take. It is
	// errors.ErrUnsupported where the system does not tell.
	Free() (int64, error)

	// Close gives back what the FS itself holds, locks included. Files that
	// are open stay so.
	Close() error
}

// MaxLocks is how many locks a lock file has.
const MaxLocks = 1 << 16

// Locks are exclusive locks between processes, told apart by numbers below
// MaxLocks. They belong to the process: they are held until Unlock, Close, Close
// of the FS, or until the process ends, however that is. A forked child does not
// have them. A number out of range is fs.ErrInvalid, anything after Close
// fs.ErrClosed. On a network disk they can be lost, with ErrLocksLost from then
// on or without a word.
//
// All methods may be used by any number of goroutines. None waits for a lock;
// those of one Locks wait for one another, which counts on network disks only.
type Locks interface {
	// TryLock takes lock i, and reports whether it did: false if another
	// process has it, or another user of this Locks.
	TryLock(i int) (bool, error)

	// Unlock gives lock i free. It does nothing if that is not held.
	Unlock(i int) error

	// Taken returns the first lock in [from, to) that another process holds;
	// ok is false if there is none. The locks of this process never count. It
	// takes nothing, but where systems cannot just look (Windows, SMB) it tries
	// instead, and a TryLock by another process that moment may get false.
	Taken(from, to int) (i int, ok bool, err error)

	// SetText leaves a short text about lock i for others to read, such as who
	// holds it. It is a courtesy to people: what does not fit is cut off, only
	// the first 256 locks have room for one, and errors, such as a full disk,
	// are ignored.
	SetText(i int, text string)

	// Text returns the text about lock i: printable and short whatever is
	// there, and "" when nothing is legible. It may be out of date.
	Text(i int) string

	// Close gives up all locks. Closing it again does nothing.
	Close() error
}

// MaxPage is the largest size of a Page in bytes.
const MaxPage = 16 << 20

// Page is memory that processes share.
type Page interface {
	// Words is the memory, size/8 words. It must not be touched after Close,
	// when Words returns nil. That somebody cuts the file makes an access a
	// fault that kills the process unless debug.SetPanicOnFault is on.
	Words() []atomic.Uint64

	// Wait waits while word i is old, until somebody wakes it or until d is
	// over. It may return early. Who changes the word and then wakes it is not
	// missed, provided that the lower half of the word changed.
	Wait(i int, old uint64, d time.Duration)

	// Wake wakes all who wait for word i, in any process.
	Wake(i int)

	// Close unmaps the page. Nobody may be in Wait. Closing it again does nothing.
	Close() error
}

// File is an open file. ReadAt, WriteAt and Size may be used concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt

	// Size is the size in bytes, asked of the system each time.
	Size() (int64, error)

	// Sync makes what was written through any handle durable, and the size with it.
	Sync() error

	// Map maps the first size bytes for reading. The error is
	// errors.ErrUnsupported where files cannot or must not be mapped (network
	// disks, 32-bit systems, other implementations than the disk). On unix
	// size may go beyond the end of the file, so that a file can grow into its
	// mapping; to touch a page behind the end is a fault that kills the
	// process unless debug.SetPanicOnFault is on, as it is when somebody cuts
	// the file.
	Map(size int64) (Mapping, error)

	io.Closer
}

// Mapping is a mapped file. It outlives the handle that it came from.
type Mapping interface {
	// Bytes is the mapped memory. It must not be written, and not be touched
	// after Close, when Bytes returns nil.
	Bytes() []byte

	// Close unmaps. Closing it again does nothing.
	Close() error
}

// Info is what a directory says about one of its names.
type Info struct {
	Name    string // without the directory
	Size    int64  // in bytes; means something only for regular files
	Regular bool   // a regular file
	Dir     bool   // a directory; neither: a link or a special file
	ModTime time.Time
}

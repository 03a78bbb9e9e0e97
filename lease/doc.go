// Package lease stands for the locks that a disk does not have: some network disks know none.
//
//	New(fs, o)   leases, kept up by their holders, which others take over when they are not
//	Promise(fs)  nothing at all: the user says that nobody else writes
//
// Both are a vfs.FS with Locks of their own, for processes that agree to use the same. No memory
// is shared through them.
//
// # Leases
//
// Files in the directory "leases" say who has what (docs/format.md):
//
//   - A process says that it lives by a file of its own, named after a nonce: every Beat it writes
//     there how often it has done so.
//   - A lock is a row of files, named after the lock and a number. The file with the highest number
//     names the process that has the lock, or nobody. Who is to have it next makes the file of the
//     next number: that fails for all but one (O_EXCL, which all network disks keep). Nothing is
//     ever renamed or linked, and the last file of a row is never removed, or its number would come
//     again. Who was slow, and has made a file that had been removed, sees by a listing that there
//     are higher ones.
//
// No clocks of two hosts are ever compared. Who waits for a lock watches the file of the process that
// has it: when that has not changed for Wait by the watcher's clock, the process is taken for dead.
// A process whose own last beat began more than Hold ago by its own clock has lost all it had,
// before anybody else can think so: from then on nothing is written through this FS, all is
// vfs.ErrLocksLost, until the locks are opened anew.
//
// # What that cannot do
//
// A write that has left the process before Hold was over may reach the disk after Wait is: the disk
// cannot refuse it. Wait - Hold is the time that is left for it. A process that is stopped for
// longer just after it looked at its clock, and then writes, is not prevented from it either; locks
// of a disk would be. Who can have those, should.
//
// Read: fs.go, locks.go, row.go, beat.go, watch.go.
package lease

import "time"

const (
	// Beat is how often a process says that it lives.
	Beat = 2 * time.Second

	// Hold is how long after the beginning of its last beat it has what it holds.
	Hold = 10 * time.Second

	// Wait is for how long others have seen no beat when they take over: ten are missed.
	Wait = 20 * time.Second
)

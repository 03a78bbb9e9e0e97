package vfs

// Windower is what a File is, besides, when it can be written through memory
// that the system shares with it: a store there is, like a write, in the page
// cache at once, seen by all processes of the machine and safe from the death of
// this one, and costs no system call. Only files of a disk of this machine can,
// on systems that reserve room for a file ahead; wrappers hide the ability.
type Windower interface {
	// Window maps the first size bytes of the file for writing, although it
	// may be shorter. The error is errors.ErrUnsupported where that cannot be.
	Window(size int64) (Window, error)
}

// Window is a file in memory, for its one writer. Its bytes may be touched only
// below what Reserve has reserved, and with debug.SetPanicOnFault on: a file that
// somebody cuts, or a disk that fails, makes the access a fault.
type Window interface {
	Mapping

	// Reserve makes the file at least n bytes long, with room on the disk for
	// all of them, so that no store fails for want of space. What was not
	// written is zeros. Room is taken ahead, in steps. stores says that it is about to
	// be stored to, and not written by WriteAt: its memory is then made ready as well.
	Reserve(n int64, stores bool) error

	// Reserved is how far Reserve has come, and will have come in the background.
	Reserved() int64

	// Stop ends the reserving: nothing more will come, and Reserved counts on it no more.
	Stop()

	// Trim cuts the file to n bytes and makes the memory read-only.
	Trim(n int64) error
}

package vfs

import (
	"errors"
	"io/fs"
	"time"
)

// RetryOptions bound what a Retry does.
type RetryOptions struct {
	// Tries is how often an operation is tried in all. Default: 4.
	Tries int

	// Wait is the pause after the first try; each further one is twice as
	// long. Default: 5 ms, so that four tries take 35 ms at most.
	Wait time.Duration

	// Within is how long an operation that could not reach its server may have
	// taken to be tried again: where the mount itself has waited for long, to
	// wait once more does not help. Default: 2 s.
	Within time.Duration

	// Sleep waits. Default: time.Sleep.
	Sleep func(time.Duration)

	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Retry is an FS that asks again where network disks want to be asked again.
// It is the only place where that is done. What is not in this table is never
// repeated, because it might have been done already or because doing it again
// would hide what happened:
//
//	                interrupted   busy   stale   away
//	Open OpenWrite      yes       yes     yes    yes    a name is looked up anew
//	Stat List           yes       yes     yes    yes
//	Size ReadAt Taken   yes       yes     no     yes    the handle stays stale; the caller opens again
//	Mkdir               yes       yes     yes    yes    twice is as good as once
//	Locks               yes       yes     yes    yes    but not when this process has it open
//	TryLock             yes       no      no     yes    "busy" is that another has it; to have it twice is to have it
//	Remove              yes       yes     no     yes    gone after a second try is gone
//	Create Rename       no        yes     no     no     the second try could find the work of the first
//	WriteAt             yes       yes     no     no     only if nothing was written yet; "away" may be of an earlier write
//	Sync SyncDir        no        no      no     no     a second sync succeeds without having written anything
//	Close Unlock        no        no      no     no
//	Map Page            no        no      no     no
//
// Away is that the server cannot be reached, or an input/output error, which is
// what many say then. Open and OpenWrite are tried again as after "stale" where they
// are refused, too.
//
// What is still wrong after that gets the meaning that it has on local disks. A
// name or a handle that is stale, and a handle that the server has forgotten, is
// fs.ErrNotExist when it is looked at or read: the file was removed or replaced. So
// is a name that cannot be opened, for the argument would be invalid: SMB shows it, and
// has it taken for a file of before, as long as somebody has the removed file open.
// A lock file that is so has lost its locks: ErrLocksLost.
type Retry struct {
	fs FS
	o  RetryOptions
}

// NewRetry wraps fs.
func NewRetry(fs FS, o RetryOptions) *Retry {
	if o.Tries <= 0 {
		o.Tries = 4
	}
	if o.Wait <= 0 {
		o.Wait = 5 * time.Millisecond
	}
	if o.Within <= 0 {
		o.Within = 2 * time.Second
	}
	if o.Sleep == nil {
		o.Sleep = time.Sleep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Retry{fs: fs, o: o}
}

// reason says whether an error is one to try again after.
type reason func(error) bool

func interrupted(err error) bool { return isInterrupted(err) || isBusy(err) }

func away(err error) bool { return interrupted(err) || isAway(err) }

func lookup(err error) bool { return away(err) || isStale(err) }

func opening(err error) bool { return lookup(err) || isRefused(err) }

func locking(err error) bool { return !errors.Is(err, ErrLocked) && lookup(err) }

func taking(err error) bool { return isInterrupted(err) || isAway(err) }

// do runs f until it succeeds, fails for another reason, or was tried often or
// long enough.
func (r *Retry) do(again reason, f func() error) error {
	wait, begin := r.o.Wait, r.o.Now()
	for try := 1; ; try++ {
		err := f()
		if err == nil || try == r.o.Tries || !again(err) || isAway(err) && r.o.Now().Sub(begin) > r.o.Within {
			return err
		}
		r.o.Sleep(wait)
		wait *= 2
	}
}

// get is do for what returns something.
func get[T any](r *Retry, again reason, f func() (T, error)) (v T, err error) {
	err = r.do(again, func() (err error) {
		v, err = f()
		return err
	})
	return v, err
}

func (r *Retry) Create(name string) (File, error) {
	return r.wrap(get(r, isBusy, func() (File, error) { return r.fs.Create(name) }))
}

func (r *Retry) Open(name string) (File, error) {
	f, err := get(r, opening, func() (File, error) { return r.fs.Open(name) })
	return r.wrap(f, whileOpening(err))
}

func (r *Retry) OpenWrite(name string) (File, error) {
	f, err := get(r, opening, func() (File, error) { return r.fs.OpenWrite(name) })
	return r.wrap(f, whileOpening(err))
}

func (r *Retry) wrap(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &retryFile{File: f, r: r}, nil
}

func (r *Retry) Remove(name string) error {
	try := 0
	return r.do(away, func() error {
		try++
		err := r.fs.Remove(name)
		if try > 1 && IsGone(err) {
			return nil // by the try before
		}
		return err
	})
}

func (r *Retry) Rename(from, to string) error {
	return r.do(isBusy, func() error { return r.fs.Rename(from, to) })
}

func (r *Retry) Mkdir(name string) error {
	return r.do(lookup, func() error { return r.fs.Mkdir(name) })
}

func (r *Retry) List(dir string) ([]Info, error) {
	return get(r, lookup, func() ([]Info, error) { return r.fs.List(dir) })
}

func (r *Retry) Stat(name string) (Info, error) {
	info, err := get(r, lookup, func() (Info, error) { return r.fs.Stat(name) })
	return info, meaning(err, fs.ErrNotExist)
}

func (r *Retry) Locks(name string) (Locks, error) {
	l, err := get(r, locking, func() (Locks, error) { return r.fs.Locks(name) })
	if err != nil {
		return nil, err
	}
	return &retryLocks{Locks: l, r: r}, nil
}

func (r *Retry) Page(name string, size int) (Page, error) { return r.fs.Page(name, size) }

func (r *Retry) SyncDir(dir string) error { return r.fs.SyncDir(dir) }

func (r *Retry) Local() bool { return r.fs.Local() }

func (r *Retry) Free() (int64, error) { return r.fs.Free() }

func (r *Retry) Close() error { return r.fs.Close() }

// retryFile is a file of a Retry.
type retryFile struct {
	File
	r *Retry
}

// ReadAt goes on behind what it has.
func (f *retryFile) ReadAt(b []byte, off int64) (n int, err error) {
	err = f.r.do(away, func() error {
		n1, err := f.File.ReadAt(b[n:], off+int64(n))
		n += n1
		return err
	})
	return n, meaning(err, fs.ErrNotExist)
}

func (f *retryFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.r.do(func(err error) bool { return n == 0 && interrupted(err) }, func() (err error) {
		n, err = f.File.WriteAt(b, off)
		return err
	})
	return n, err
}

func (f *retryFile) Size() (int64, error) {
	size, err := get(f.r, away, f.File.Size)
	return size, meaning(err, fs.ErrNotExist)
}

func (f *retryFile) failSync() { failSync(f.File) }

// retryLocks is a lock file of a Retry.
type retryLocks struct {
	Locks
	r *Retry
}

func (l *retryLocks) TryLock(i int) (bool, error) {
	ok, err := get(l.r, taking, func() (bool, error) { return l.Locks.TryLock(i) })
	return ok, meaning(err, ErrLocksLost)
}

func (l *retryLocks) Taken(from, to int) (i int, ok bool, err error) {
	err = l.r.do(away, func() (err error) {
		i, ok, err = l.Locks.Taken(from, to)
		return err
	})
	return i, ok, meaning(err, ErrLocksLost)
}

func (l *retryLocks) Unlock(i int) error { return meaning(l.Locks.Unlock(i), ErrLocksLost) }

// meaning gives an error of a file that the server does not know any more its
// meaning besides; another stays as it is.
func meaning(err, is error) error {
	if !isStale(err) && !isBadHandle(err) {
		return err
	}
	return besides(err, is)
}

// whileOpening is meaning of an error of who opens a file.
func whileOpening(err error) error {
	if isRefused(err) {
		return besides(err, fs.ErrNotExist)
	}
	return meaning(err, fs.ErrNotExist)
}

// besides makes err another error, too.
func besides(err, is error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return &meant{err, is}
	}
	return &fs.PathError{Op: path.Op, Path: path.Path, Err: &meant{path.Err, is}}
}

// meant is an error that is another one, too.
type meant struct{ err, is error }

func (e *meant) Error() string { return e.err.Error() }

func (e *meant) Unwrap() []error { return []error{e.err, e.is} }

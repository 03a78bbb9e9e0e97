package lease

import (
	"errors"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/vfs"
)

// Options are the time of a process.
type Options struct {
	// Now is its clock. Default: time.Now.
	Now func() time.Time

	// Every calls f every d, until end, which waits for the last call. Default: a goroutine does.
	Every func(d time.Duration, f func()) (end func())
}

// FS is a directory whose locks are leases.
type FS struct {
	vfs.FS
	o     Options
	locks atomic.Pointer[locks] // those that are open; nil: none were yet
}

// New wraps a directory. Only one Locks may be open at a time.
func New(fsys vfs.FS, o Options) *FS {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == nil {
		o.Every = every
	}
	return &FS{FS: fsys, o: o}
}

func (f *FS) Locks(string) (vfs.Locks, error) {
	if l := f.locks.Load(); l != nil && !l.isClosed() {
		return nil, &vfs.LockedError{Name: dir, Holder: "this process"}
	}
	l, err := open(f.FS, f.o)
	if err != nil {
		return nil, err
	}
	f.locks.Store(l)
	return l, nil
}

// Page is not there: processes of other hosts would not see it.
func (f *FS) Page(name string, _ int) (vfs.Page, error) {
	return nil, &fs.PathError{Op: "page", Path: name, Err: errors.ErrUnsupported}
}

func (f *FS) Local() bool { return false }

// Close gives up the locks, too.
func (f *FS) Close() error {
	var err error
	if l := f.locks.Load(); l != nil {
		err = l.Close()
	}
	return errors.Join(err, f.FS.Close())
}

// fence is an error once this process may not have its locks any more: others may be writing.
func (f *FS) fence(op, name string) error {
	if l := f.locks.Load(); l != nil && l.overdue() {
		return lost(op, name)
	}
	return nil
}

func lost(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: vfs.ErrLocksLost} }

func (f *FS) Create(name string) (vfs.File, error) {
	if err := f.fence("create", name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.FS.Create(name))
}

func (f *FS) Open(name string) (vfs.File, error) { return f.wrap(name)(f.FS.Open(name)) }

func (f *FS) OpenWrite(name string) (vfs.File, error) { return f.wrap(name)(f.FS.OpenWrite(name)) }

func (f *FS) wrap(name string) func(vfs.File, error) (vfs.File, error) {
	return func(file vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		return &fencedFile{file, f, name}, nil
	}
}

func (f *FS) Remove(name string) error {
	if err := f.fence("remove", name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f *FS) Rename(from, to string) error {
	if err := f.fence("rename", from); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// fencedFile is a file that is not written any more once the locks are lost. Nor is it synced:
// what is told to be on the disk has to have been written in time.
type fencedFile struct {
	vfs.File
	fs   *FS
	name string
}

func (f *fencedFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.fence("write", f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f *fencedFile) Sync() error {
	if err := f.fs.fence("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

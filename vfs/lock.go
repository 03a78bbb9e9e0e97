package vfs

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// A lock is a record lock of the kernel on one byte far behind anything that
// is in the file. Only the kernel says who holds it: it is gone with its
// process however that ends, and no process number is ever compared. The byte
// is far behind because on Windows and SMB nobody else can read what is
// locked, and the holder's name at the front is there to be read.
const lockOffset = 1 << 30

// osLock is a lock that this process holds or is about to take.
type osLock struct {
	fs     *osFS
	name   string
	holder string
	file   *os.File    // nil while it is being taken
	info   fs.FileInfo // of the lock file; nil until it is known; locks.mu
}

// locks are all locks of this process. POSIX record locks belong to the
// process: a second one on the same byte is granted, and closing any other
// descriptor of the file drops them all, without a word. So both are prevented
// here. No disk is touched under mu: a lock on a dead network disk must not
// stop the others.
var locks struct {
	mu   sync.Mutex
	list []*osLock
}

func (d *osFS) Lock(name, holder string) (Lock, error) {
	l := &osLock{fs: d, name: name, holder: cleanHolder(holder)}
	if err := l.register(); err != nil {
		return nil, d.fail("lock", name, err)
	}
	if err := l.take(); err != nil {
		l.unregister()
		return nil, d.fail("lock", name, err)
	}
	if d.isClosed() { // meanwhile; Close may have looked before this one was there
		l.Release()
		return nil, d.fail("lock", name, os.ErrClosed)
	}
	return l, nil
}

func (l *osLock) Release() error {
	locks.mu.Lock()
	f := l.file
	l.file = nil
	locks.mu.Unlock()
	if f == nil {
		return nil
	}
	// Closing drops the lock. Only then may others in this process try.
	err := f.Close()
	l.unregister()
	return l.fs.fail("unlock", l.name, err)
}

// releaseAll releases what was locked through d.
func releaseAll(d *osFS) error {
	locks.mu.Lock()
	var held []*osLock
	for _, l := range locks.list {
		if l.fs == d {
			held = append(held, l)
		}
	}
	locks.mu.Unlock()
	var err error
	for _, l := range held {
		err = errors.Join(err, l.Release())
	}
	return err
}

// register claims the name in this process, before the file is touched.
func (l *osLock) register() error {
	locks.mu.Lock()
	defer locks.mu.Unlock()
	for _, o := range locks.list {
		if o.name == l.name && os.SameFile(o.fs.info, l.fs.info) {
			return &LockedError{Name: l.name, Holder: o.holder}
		}
	}
	locks.list = append(locks.list, l)
	return nil
}

func (l *osLock) unregister() {
	locks.mu.Lock()
	defer locks.mu.Unlock()
	for i, o := range locks.list {
		if o == l {
			locks.list = append(locks.list[:i:i], locks.list[i+1:]...)
			return
		}
	}
}

// claim says which file the lock is on, and fails when it is already locked in
// this process under another name (a hard link, a directory mounted twice).
func (l *osLock) claim(info fs.FileInfo) error {
	locks.mu.Lock()
	defer locks.mu.Unlock()
	for _, o := range locks.list {
		if o != l && o.info != nil && os.SameFile(o.info, info) {
			return &LockedError{Name: l.name, Holder: o.holder}
		}
	}
	l.info = info
	return nil
}

// lockedHere is an error if this process has a lock on the file, which must
// then not be opened: closing it again would drop the lock.
func lockedHere(info fs.FileInfo) error {
	locks.mu.Lock()
	defer locks.mu.Unlock()
	for _, l := range locks.list {
		if l.info != nil && os.SameFile(l.info, info) {
			return &LockedError{Name: l.name, Holder: l.holder}
		}
	}
	return nil
}

// take takes the kernel's lock. When the directory is removed and made again
// between opening and locking, the lock is on a file that nobody will look at
// again; then it is tried anew.
func (l *osLock) take() error {
	err := errReplaced
	for i := 0; i < openTries && err == errReplaced; i++ {
		err = l.takeOnce()
	}
	return err
}

func (l *osLock) takeOnce() (err error) {
	dir, base, err := l.fs.at(l.name)
	if err != nil {
		return err
	}
	f, err := l.open(dir, base)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	switch held, err := lockFile(f); {
	case err != nil:
		return err
	case held:
		return &LockedError{Name: l.name, Holder: readHolder(f)}
	}
	if err := l.confirm(dir, base); err != nil {
		return err
	}
	// The name is a courtesy to people. A full disk must not keep anyone out.
	_, _ = f.WriteAt(appendHolder(nil, l.holder), 0)
	if !l.fs.local {
		_ = syncFile(f) // other machines see it then
	}
	locks.mu.Lock()
	l.file = f
	locks.mu.Unlock()
	return nil
}

// confirm says whether the file that was locked still has the name.
func (l *osLock) confirm(dir *os.Root, base string) error {
	now, err := dir.Lstat(base)
	if err != nil {
		return replaced(err)
	}
	if !os.SameFile(now, l.info) {
		return errReplaced
	}
	return nil
}

// open opens the lock file, making it if need be, and claims it before it is
// opened. It is opened for writing: without that NFS grants no exclusive lock.
func (l *osLock) open(dir *os.Root, base string) (*os.File, error) {
	info, err := dir.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		var f *os.File
		f, err = dir.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return l.claimed(f)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		info, err = dir.Lstat(base) // another made it this moment
	}
	if err != nil {
		return nil, replaced(err)
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	if err := l.claim(info); err != nil {
		return nil, err
	}
	return openAs(dir, base, os.O_RDWR, info)
}

// claimed claims a file that was just made, which nobody can have locked.
func (l *osLock) claimed(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil {
		err = l.claim(info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// lockFile is a file in which this process has locks, or is about to.
type lockFile struct {
	fs    *osFS
	name  string
	info  fs.FileInfo // of the file; nil until it is known; lockFiles.mu
	text  string      // what was last written into it; lockFiles.mu
	locks *osLocks    // that it is of
}

// lockFiles are all lock files of this process. POSIX record locks belong to the
// process: a second one on the same byte is granted, and closing any other
// descriptor of the file drops them all, without a word. So both are prevented
// here. No disk is touched under mu: a lock on a dead network disk must not
// stop the others.
var lockFiles struct {
	mu   sync.Mutex
	list []*lockFile
}

// register claims the name in this process, before the file is touched.
func (l *lockFile) register(locks *osLocks) error {
	lockFiles.mu.Lock()
	defer lockFiles.mu.Unlock()
	for _, o := range lockFiles.list {
		if o.name == l.name && os.SameFile(o.fs.info, l.fs.info) {
			return &LockedError{Name: l.name, Holder: o.text}
		}
	}
	l.locks = locks
	lockFiles.list = append(lockFiles.list, l)
	return nil
}

func (l *lockFile) unregister() {
	lockFiles.mu.Lock()
	defer lockFiles.mu.Unlock()
	lockFiles.list = slices.DeleteFunc(lockFiles.list, func(o *lockFile) bool { return o == l })
}

// claim says which file it is, and fails when that is already open in this
// process under another name (a hard link, a directory mounted twice).
func (l *lockFile) claim(info fs.FileInfo) error {
	lockFiles.mu.Lock()
	defer lockFiles.mu.Unlock()
	for _, o := range lockFiles.list {
		if o != l && o.info != nil && os.SameFile(o.info, info) {
			return &LockedError{Name: l.name, Holder: o.text}
		}
	}
	l.info = info
	return nil
}

// setText remembers what others in this process are told.
func (l *lockFile) setText(text string) {
	lockFiles.mu.Lock()
	defer lockFiles.mu.Unlock()
	l.text = text
}

// lockedHere is an error if this process has locks in the file, which must then
// not be opened: closing it again would drop them.
func lockedHere(info fs.FileInfo) error {
	lockFiles.mu.Lock()
	defer lockFiles.mu.Unlock()
	for _, l := range lockFiles.list {
		if l.info != nil && os.SameFile(l.info, info) {
			return &LockedError{Name: l.name, Holder: l.text}
		}
	}
	return nil
}

// closeLocks closes the locks that were opened through d.
func closeLocks(d *osFS) error {
	lockFiles.mu.Lock()
	var open []*osLocks
	for _, l := range lockFiles.list {
		if l.fs == d {
			open = append(open, l.locks)
		}
	}
	lockFiles.mu.Unlock()
	var err error
	for _, l := range open {
		err = errors.Join(err, l.Close())
	}
	return err
}

// open opens the file, making it if need be. When the directory is removed and
// made again meanwhile, locks would be on a file that nobody will look at again;
// then it is tried anew. It is opened for writing: without that NFS grants no
// exclusive lock.
func (l *lockFile) open() (f *os.File, err error) {
	err = errReplaced
	for i := 0; i < openTries && err == errReplaced; i++ {
		f, err = l.openOnce()
	}
	return f, err
}

func (l *lockFile) openOnce() (*os.File, error) {
	dir, base, err := l.fs.at(l.name)
	if err != nil {
		return nil, err
	}
	f, err := openOrMake(dir, base, l.claim)
	if err != nil {
		return nil, err
	}
	if err := l.confirm(dir, base); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// confirm says whether the file that was opened still has the name.
func (l *lockFile) confirm(dir *os.Root, base string) error {
	now, err := dir.Lstat(base)
	if err != nil {
		return replaced(err)
	}
	if !os.SameFile(now, l.info) {
		return errReplaced
	}
	return nil
}

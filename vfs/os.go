package vfs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// DirOptions say what OpenDir should make of a directory. The zero value is
// the careful one.
type DirOptions struct {
	// Trust accepts a directory that others may write or that belongs to
	// another user: a shared directory, or a network disk that maps users.
	// Default: false, they are refused with an *UntrustedError. Nothing is
	// checked on Windows, where access lists say who may do what.
	Trust bool

	// Network says whether the disk is a network disk. Default: NetworkAuto,
	// the system is asked.
	Network Network

	// Existing has a directory that is missing be fs.ErrNotExist. Default: it is made.
	Existing bool
}

// Network says where a directory is.
type Network int

const (
	NetworkAuto  Network = iota // ask the system; what it does not know counts as a network disk
	NetworkNever                // a disk of this machine, whatever the system says
	NetworkYes                  // a network disk: nothing is mapped
)

// OpenDir opens a directory, and makes it with mode 0700 if it is missing, unless it has to exist.
// A path that is a file is ErrNotDir.
func OpenDir(path string, o DirOptions) (FS, error) {
	path, err := filepath.Abs(path) // the working directory may change
	if err != nil {
		return nil, pathError("open", path, err)
	}
	if !o.Existing {
		if err := makeDir(path); err != nil {
			return nil, pathError("mkdir", path, notDir(err))
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, pathError("open", path, notDir(err))
	}
	d := &osFS{path: path, root: root, subs: make(map[string]osDir)}
	if err := d.examine(o); err != nil {
		root.Close()
		return nil, pathError("open", path, err)
	}
	return d, nil
}

// osFS is a directory of the operating system. It is reached through a handle
// (os.Root), so what happens to the path afterwards does not lead elsewhere.
type osFS struct {
	path  string // absolute, for messages
	root  *os.Root
	info  fs.FileInfo // of the directory
	local bool

	mu     sync.Mutex
	subs   map[string]osDir // directories in it that were used; mu
	stale  []*os.Root       // replaced while others may be using them; mu
	closed bool             // mu
}

// examine looks at the opened directory itself, not at its path, which might
// by now be another.
func (d *osFS) examine(o DirOptions) error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	if d.info, err = f.Stat(); err != nil {
		return err
	}
	if !o.Trust {
		if err := checkTrust(d.path, d.info); err != nil {
			return err
		}
	}
	switch o.Network {
	case NetworkNever:
		d.local = true
	case NetworkAuto:
		d.local = isLocal(f)
	}
	return nil
}

func (d *osFS) Local() bool { return d.local }

func (d *osFS) Free() (int64, error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return 0, d.fail("statfs", ".", err)
	}
	defer dir.Close()
	n, err := freeBytes(dir)
	if err != nil {
		return 0, d.fail("statfs", ".", err)
	}
	return n, nil
}

func (d *osFS) Create(name string) (File, error) {
	dir, base, err := d.at(name)
	if err != nil {
		return nil, d.fail("create", name, err)
	}
	f, err := dir.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, d.fail("create", name, err)
	}
	return &osFile{File: f, local: d.local}, nil
}

func (d *osFS) Open(name string) (File, error) { return d.open(name, os.O_RDONLY) }

func (d *osFS) OpenWrite(name string) (File, error) { return d.open(name, os.O_RDWR) }

func (d *osFS) open(name string, flag int) (File, error) {
	dir, base, err := d.at(name)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	f, err := openRegular(dir, base, flag)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	if flag == os.O_RDWR && !d.local {
		forgetPages(f)
	}
	return &osFile{File: f, local: d.local}, nil
}

func (d *osFS) Remove(name string) error {
	dir, base, err := d.at(name)
	if err == nil {
		err = dir.Remove(base)
	}
	if err == nil && dir == d.root {
		d.forgetSub(base)
	}
	return d.fail("remove", name, err)
}

func (d *osFS) Rename(from, to string) error {
	return d.fail("rename", from, d.rename(from, to))
}

func (d *osFS) rename(from, to string) error {
	fromDir, fromBase, err := d.at(from)
	if err != nil {
		return err
	}
	toDir, toBase, err := d.at(to)
	if err != nil {
		return err
	}
	if fromDir == toDir {
		return fromDir.Rename(fromBase, toBase)
	}
	return d.root.Rename(from, to)
}

func (d *osFS) Mkdir(name string) error {
	dir, base, err := d.at(name)
	if err == nil {
		err = dir.Mkdir(base, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		var info fs.FileInfo
		if info, err = dir.Lstat(base); err == nil && !info.IsDir() {
			err = ErrNotDir
		}
	}
	return d.fail("mkdir", name, err)
}

func (d *osFS) Stat(name string) (Info, error) {
	if name == "." {
		info, err := d.root.Stat(name)
		if err != nil {
			return Info{}, d.fail("stat", name, err)
		}
		return infoOf(info, name), nil
	}
	dir, base, err := d.at(name)
	if err != nil {
		return Info{}, d.fail("stat", name, err)
	}
	info, err := dir.Lstat(base)
	if err != nil {
		return Info{}, d.fail("stat", name, err)
	}
	return infoOf(info, base), nil
}

func (d *osFS) List(dir string) ([]Info, error) {
	list, err := d.list(dir)
	if err != nil {
		return nil, d.fail("list", dir, err)
	}
	return list, nil
}

func (d *osFS) list(name string) ([]Info, error) {
	dir, err := d.dir(name)
	if err != nil {
		return nil, err
	}
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if err1 := f.Close(); err == nil {
		err = err1
	}
	if err != nil {
		return nil, err
	}
	list := make([]Info, 0, len(names))
	for _, base := range names {
		info, err := dir.Lstat(base)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since the names were read
		}
		if err != nil {
			return nil, err
		}
		list = append(list, infoOf(info, base))
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func (d *osFS) SyncDir(name string) error {
	dir, err := d.dir(name)
	if err == nil {
		err = syncDir(dir)
	}
	return d.fail("syncdir", name, err)
}

func (d *osFS) Close() error {
	err := closeLocks(d)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return err
	}
	d.closed = true
	for _, sub := range d.subs {
		d.stale = append(d.stale, sub.root)
	}
	d.subs = nil
	for _, r := range append(d.stale, d.root) {
		if err1 := r.Close(); err == nil && err1 != nil {
			err = d.fail("close", ".", err1)
		}
	}
	d.stale = nil
	return err
}

func (d *osFS) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// fail gives an error its operation and the path; nil stays nil.
func (d *osFS) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return pathError(op, filepath.Join(d.path, filepath.FromSlash(name)), err)
}

func infoOf(info fs.FileInfo, name string) Info {
	return Info{
		Name: name, Size: info.Size(), ModTime: info.ModTime(),
		Regular: info.Mode().IsRegular(), Dir: info.IsDir(),
	}
}

// notDir makes the system's ways of saying that a path is no directory one.
func notDir(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return ErrNotDir
	}
	return err
}

package vfs

import (
	"io/fs"
	"os"
)

// osDir is a directory in the directory.
type osDir struct {
	root *os.Root
	info fs.FileInfo
}

// dir is the directory called name, "." or one in it.
func (d *osFS) dir(name string) (*os.Root, error) {
	if name == "." {
		return d.root, nil
	}
	parent, base, err := splitName(name)
	if err != nil || parent != "" {
		return nil, fs.ErrInvalid
	}
	return d.sub(base)
}

// at is the directory that a name is in, and the name in it.
func (d *osFS) at(name string) (*os.Root, string, error) {
	dir, base, err := splitName(name)
	if err != nil || dir == "" {
		return d.root, base, err
	}
	root, err := d.sub(dir)
	return root, base, err
}

// sub opens a directory in the directory. os.Root would follow a link there as
// long as it stays inside; here the name must be a directory itself. The
// handle is kept, but the name is looked at each time, for the directory might
// have been removed and made again.
func (d *osFS) sub(name string) (*os.Root, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, ErrNotDir
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, os.ErrClosed
	}
	had, ok := d.subs[name]
	if ok && os.SameFile(had.info, info) {
		return had.root, nil
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(opened, info) {
		err = ErrNotDir // became a link, or another directory, this moment
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	if ok {
		d.stale = append(d.stale, had.root)
	}
	d.subs[name] = osDir{root, info}
	return root, nil
}

// forgetSub gives up the handle of a directory that was removed. Servers give the
// number of one to the next that is made, which then looks the same.
func (d *osFS) forgetSub(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if had, ok := d.subs[name]; ok {
		d.stale = append(d.stale, had.root)
		delete(d.subs, name)
	}
}

package storefs

import (
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-diskcache/diskcache"
)

// ReadDir returns what is in a directory, ordered by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := f.isDir("readdir", name)
	if err != nil {
		return nil, err
	}
	if !dir {
		if _, err := f.Stat(name); err != nil {
			return nil, err
		}
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotDir}
	}
	return f.list(name)
}

// list is ReadDir of what is known to be a directory.
func (f *FS) list(name string) ([]fs.DirEntry, error) {
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	dirs := make(map[string]bool) // by name: is it a directory?
	for from, more := "", true; more; {
		var err error
		if from, more, err = f.listFiles(prefix, from, dirs); err != nil {
			return nil, pathError("readdir", name, err)
		}
	}
	entries := make([]fs.DirEntry, 0, len(dirs))
	for _, e := range slices.Sorted(maps.Keys(dirs)) {
		entries = append(entries, entry{f, prefix + e, dirs[e]})
	}
	return entries, nil
}

// listFiles notes what is in a directory from a key on, up to the first directory in it, and returns
// the key from which to go on behind that: what lies in it need not be walked.
func (f *FS) listFiles(prefix, from string, dirs map[string]bool) (next string, more bool, err error) {
	for key, err := range f.store.Scan(diskcache.Range{Order: diskcache.ByKey, Prefix: prefix, From: from}) {
		if err != nil {
			return "", false, err
		}
		if !isFile(key) {
			continue
		}
		name, _, dir := strings.Cut(key[len(prefix):], "/")
		dirs[name] = dir // a directory comes after the file that it hides
		if dir {
			return prefix + name + "0", true, nil // the byte after the slash
		}
	}
	return "", false, nil
}

// entry is a file or a directory in one. What is known of it is asked when somebody wants to know.
type entry struct {
	fsys *FS
	path string
	dir  bool
}

func (e entry) Name() string               { return path.Base(e.path) }
func (e entry) IsDir() bool                { return e.dir }
func (e entry) Info() (fs.FileInfo, error) { return e.fsys.Stat(e.path) }
func (e entry) String() string             { return fs.FormatDirEntry(e) }

func (e entry) Type() fs.FileMode {
	if e.dir {
		return fs.ModeDir
	}
	return 0
}

// directory is an open directory. It is listed when it is first read.
type directory struct {
	fsys   *FS
	name   string
	listed bool
	left   []fs.DirEntry // what was not yet read
}

func (d *directory) Stat() (fs.FileInfo, error) { return dirInfo(d.name), nil }
func (d *directory) Close() error               { return nil }

func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errIsDir}
}

// ReadDir returns the next n entries, all that are left with an n of zero or less.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.listed {
		all, err := d.fsys.list(d.name)
		if err != nil {
			return nil, err
		}
		d.left, d.listed = all, true
	}
	if n <= 0 {
		n = len(d.left)
	} else if len(d.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.left))
	read := d.left[:n:n]
	d.left = d.left[n:]
	return read, nil
}

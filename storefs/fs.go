package storefs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"

	"github.com/go-diskcache/diskcache"
)

// FS is a Store as a file system. It has the methods of fs.FS, fs.StatFS, fs.ReadFileFS and
// fs.ReadDirFS, which may be called by any number of goroutines at once.
type FS struct{ store diskcache.Store }

// New returns s as a file system.
func New(s diskcache.Store) *FS { return &FS{s} }

// Open opens a file or a directory. Its errors are *fs.PathErrors: fs.ErrInvalid, fs.ErrNotExist,
// and those of the store. A file is an io.Seeker and an io.ReaderAt, too.
func (f *FS) Open(name string) (fs.File, error) {
	dir, err := f.isDir("open", name)
	if err != nil {
		return nil, err
	}
	if dir {
		return &directory{fsys: f, name: name}, nil
	}
	r, it, err := f.reader(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &file{r, itemInfo(it)}, nil
}

// Stat returns what is known of a file or a directory.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	dir, err := f.isDir("stat", name)
	if err != nil {
		return nil, err
	}
	if dir {
		return dirInfo(name), nil
	}
	r, it, err := f.reader(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	if err := r.Close(); err != nil {
		return nil, pathError("stat", name, err)
	}
	return itemInfo(it), nil
}

// ReadFile returns what a file holds, which is the caller's.
func (f *FS) ReadFile(name string) ([]byte, error) {
	dir, err := f.isDir("readfile", name)
	if err != nil {
		return nil, err
	}
	if dir {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: errIsDir}
	}
	v, err := f.store.Get(name)
	if err != nil {
		return nil, pathError("readfile", name, err)
	}
	return v, nil
}

var (
	errIsDir  = errors.New("it is a directory")
	errNotDir = errors.New("it is not a directory")
)

// isDir reports whether a path is a directory: whether a file is below it. The root is always one.
func (f *FS) isDir(op, name string) (bool, error) {
	if !fs.ValidPath(name) {
		return false, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return true, nil
	}
	for key, err := range f.store.Scan(diskcache.Range{Order: diskcache.ByKey, Prefix: name + "/"}) {
		if err != nil {
			return false, pathError(op, name, err)
		}
		if isFile(key) {
			return true, nil
		}
	}
	return false, nil
}

// isFile reports whether a key is the path of a file, or of a directory that hides it.
func isFile(key string) bool { return fs.ValidPath(key) && key != "." }

// content is what a file reads from.
type content interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// reader opens a value, as a stream where the store has these.
func (f *FS) reader(key string) (content, diskcache.Item, error) {
	type streams interface {
		ReaderItem(key string) (diskcache.Reader, diskcache.Item, error)
	}
	if s, ok := f.store.(streams); ok {
		return s.ReaderItem(key)
	}
	it, err := f.store.Item(key)
	return inMemory{bytes.NewReader(it.Value)}, it, err
}

// inMemory is a value as a stream.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// pathError is an error of the store as one of a file system.
func pathError(op, name string, err error) error {
	if errors.Is(err, diskcache.ErrNotFound) {
		err = fs.ErrNotExist
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

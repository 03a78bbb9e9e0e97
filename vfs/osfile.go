package vfs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
)

// osFile is a file of the operating system. ReadAt, WriteAt and Close are
// those of os.File.
type osFile struct {
	*os.File
	local bool
}

func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, pathError("size", f.Name(), err)
	}
	return info.Size(), nil
}

func (f *osFile) Sync() error {
	if err := syncFile(f.File); err != nil {
		return pathError("sync", f.Name(), err)
	}
	return nil
}

func (f *osFile) Map(size int64) (Mapping, error) {
	if !f.local || strconv.IntSize < 64 {
		return nil, pathError("map", f.Name(), errors.ErrUnsupported)
	}
	if size <= 0 {
		return nil, pathError("map", f.Name(), fs.ErrInvalid)
	}
	m, err := mapFile(f.File, size)
	if err != nil {
		return nil, pathError("map", f.Name(), err)
	}
	return m, nil
}

// openTries bounds how often a name is looked at anew because another process
// replaced the file between the looking and the opening.
const openTries = 8

// openRegular opens a file that must be there, and must be a regular one. The
// name is looked at first, so that a device or a pipe is not even opened (to
// open one can do things).
//
// SMB shows the name of what was removed until nobody has it open, and says that
// there is nothing to who opens it.
func openRegular(dir *os.Root, base string, flag int) (*os.File, error) {
	return openSeen(dir, base, flag, dir.Lstat)
}

// openSeen opens the file that look shows.
func openSeen(dir *os.Root, base string, flag int, look func(string) (fs.FileInfo, error)) (f *os.File, err error) {
	for range openTries {
		var info fs.FileInfo
		info, err = look(base)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, ErrNotRegular
		}
		if err := lockedHere(info); err != nil {
			return nil, err
		}
		f, err = openAs(dir, base, flag, info)
		if err != errReplaced && !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if err == errReplaced {
		err = ErrNotRegular
	}
	return nil, err
}

// openOrMake opens a regular file for reading and writing, and makes it, empty,
// if it is missing. What claim refuses is not opened; of a file that was just
// made it is asked afterwards, when nobody else can know it yet. The error
// errReplaced says to try again.
func openOrMake(dir *os.Root, base string, claim func(fs.FileInfo) error) (*os.File, error) {
	info, err := dir.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		var f *os.File
		f, err = dir.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return claimed(f, claim)
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
	if err := claim(info); err != nil {
		return nil, err
	}
	f, err := openAs(dir, base, os.O_RDWR, info)
	if err != nil {
		return nil, replaced(err)
	}
	return f, nil
}

func claimed(f *os.File, claim func(fs.FileInfo) error) (*os.File, error) {
	info, err := f.Stat()
	if err == nil {
		err = claim(info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errReplaced: the name is another file than it was a moment ago.
var errReplaced = errors.New("file was replaced")

// openAs opens the file that was looked at, and no other: the name might have
// become a link, which os.Root follows as long as it stays in the directory, or
// a pipe, for which it does not wait.
func openAs(dir *os.Root, base string, flag int, info fs.FileInfo) (*os.File, error) {
	f, err := dir.OpenFile(base, flag|openFlags, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = errReplaced
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// replaced makes errReplaced of the error for a name that was just there.
func replaced(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errReplaced
	}
	return err
}

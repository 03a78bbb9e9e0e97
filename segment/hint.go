package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// ErrHint is wrapped by the error of a hint that cannot be used.
var ErrHint = errors.New("segment: unusable hint")

// Publish gives a file that is whole its name, by calling rename, or does not. nil: at once.
type Publish func(rename func() error) error

// WriteHint writes the hint of a segment that is synced up to h.Length, and
// returns how long it is; 0 after an error.
func WriteHint(fsys vfs.FS, h *codec.Hint, publish Publish) (int64, error) {
	return writeHint(fsys, h.SegmentID, codec.AppendHint(nil, h), publish)
}

func writeHint(fsys vfs.FS, id uint64, b []byte, publish Publish) (int64, error) {
	if err := writeFile(fsys, codec.HintName(id), b, publish); err != nil {
		return 0, err
	}
	return int64(len(b)), nil
}

// ReadHint reads and verifies the hint of segment id. An absent one is
// fs.ErrNotExist, one that does not verify wraps ErrHint.
func ReadHint(fsys vfs.FS, id uint64) (codec.Hint, error) {
	b, err := ReadFile(fsys, codec.HintName(id))
	if err != nil {
		return codec.Hint{}, err
	}
	h, err := codec.ParseHint(b)
	if err == nil && h.SegmentID != id {
		err = fmt.Errorf("belongs to segment %016x", h.SegmentID)
	}
	if err != nil {
		return codec.Hint{}, fmt.Errorf("%w: %s: %w", ErrHint, codec.HintName(id), err)
	}
	return h, nil
}

// ReadFile reads a whole file of at most 2 GiB.
func ReadFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > 1<<31-1 {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes is too long", size)}
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	return b, nil
}

// writeFile writes a small file so that it is there whole or not at all: under
// a temporary name, synced, renamed, and the directory synced.
//
// That name may be there already, left behind by a process that died; it goes. Or
// another process writes the same file this moment, which does not know that this one
// lives, and may take its file for left behind in turn: then the file is written once
// more under a name that nobody else has. (SMB has names that are gone for who creates
// and not for who removes, as long as somebody has them open.)
func writeFile(fsys vfs.FS, name string, b []byte, publish Publish) error {
	tmp := codec.TempName(name, 0)
	err := writeAs(fsys, tmp, name, b, publish)
	if errors.Is(err, fs.ErrExist) {
		_ = fsys.Remove(tmp)
	}
	if errors.Is(err, fs.ErrExist) || vfs.IsGone(err) {
		err = writeAs(fsys, codec.TempName(name, rand.Uint64()), name, b, publish)
	}
	return err
}

// writeAs is writeFile under a temporary name.
func writeAs(fsys vfs.FS, tmp, name string, b []byte, publish Publish) error {
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		rename := func() error { return fsys.Rename(tmp, name) }
		if publish == nil {
			err = rename()
		} else {
			err = publish(rename)
		}
	}
	if err != nil {
		return errors.Join(err, ignoreAbsent(fsys.Remove(tmp)))
	}
	return fsys.SyncDir(".")
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

package engine

import (
	"io/fs"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// How files of others are looked at. Network disks show what they remember, for a while: the
// size of a file to who asks by its name, and that a name was not there to who asks again. So a
// size is asked of a file that was opened for it, and a name is not asked for before it can be
// known to be there.

// lengthOf returns how long the file of a segment is, as far as it may be. SMB asks the server
// for whom may write only.
func (e *Engine) lengthOf(id uint64) (int64, error) {
	open := e.fsys.Open
	if e.board.file != nil {
		open = e.fsys.OpenWrite
	}
	f, err := open(codec.SegmentName(id))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Size()
	return min(size, e.layout.MaxFile()), err
}

// holdsNothing reports whether a segment that was listed with a size has at most its header.
func (e *Engine) holdsNothing(id uint64, size int64) (bool, error) {
	if size > codec.SegmentHeaderLen || e.board.file == nil {
		return size <= codec.SegmentHeaderLen, nil
	}
	size, err := e.lengthOf(id)
	return size <= codec.SegmentHeaderLen, ignoreGone(err)
}

// makeValuesDir makes the directory of large values before anybody looks for one.
func (e *Engine) makeValuesDir() error { return e.fsys.Mkdir(codec.ValuesDir) }

// readHint reads the hint of a segment. One that another process writes to has none yet.
func (e *Engine) readHint(id uint64) (codec.Hint, error) {
	if owner := e.board.ownerOf(id); owner != nobody && owner != e.board.me() {
		return codec.Hint{}, &fs.PathError{Op: "open", Path: codec.HintName(id), Err: fs.ErrNotExist}
	}
	return segment.ReadHint(e.fsys, id)
}

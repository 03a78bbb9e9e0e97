package lease

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

const dir = codec.LeasesDir

// locks are the leases of one process.
type locks struct {
	*life
	fs vfs.FS

	mu      sync.Mutex     // held over the disk: one call at a time
	held    map[int]uint64 // number of the lease by which a lock is held
	watches watches
	closed  bool
}

// open begins the life of a process.
func open(fsys vfs.FS, o Options) (*locks, error) {
	if err := fsys.Mkdir(dir); err != nil {
		return nil, err
	}
	life, err := begin(fsys, rand.Uint64()|1, o)
	if err != nil {
		return nil, err
	}
	return &locks{life: life, fs: fsys, held: make(map[int]uint64), watches: newWatches(fsys, o.Now)}, nil
}

func (l *locks) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// do calls f unless the locks are closed or lost, or the numbers are none.
func (l *locks) do(op string, from, to int, f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.check(from, to)
	if err == nil {
		err = f()
	}
	if err == nil {
		err = l.check(from, to) // what was found out in time
	}
	if err != nil {
		return &fs.PathError{Op: op, Path: dir, Err: fmt.Errorf("lock %d: %w", from, err)}
	}
	return nil
}

func (l *locks) check(from, to int) error {
	switch {
	case l.closed:
		return fs.ErrClosed
	case from < 0 || to > vfs.MaxLocks || from > to:
		return fs.ErrInvalid
	case l.overdue():
		return vfs.ErrLocksLost
	}
	return nil
}

func (l *locks) TryLock(i int) (ok bool, err error) {
	err = l.do("lock", i, i+1, func() error {
		if _, has := l.held[i]; has {
			return nil
		}
		n, err := l.take(i)
		if err == nil && n > 0 {
			l.held[i], ok = n, true
		}
		return err
	})
	return ok && err == nil, err
}

func (l *locks) Unlock(i int) error {
	l.mu.Lock()
	held := l.held[i] > 0 && !l.closed
	l.mu.Unlock()
	if !held {
		return nil
	}
	return l.do("unlock", i, i+1, func() error {
		n := l.held[i]
		delete(l.held, i)
		return l.free(i, n)
	})
}

func (l *locks) Taken(from, to int) (first int, ok bool, err error) {
	err = l.do("taken", from, to, func() error {
		rows, err := l.list()
		if err != nil {
			return err
		}
		for _, i := range slices.Sorted(maps.Keys(rows.last)) {
			if _, own := l.held[i]; own || i < from || i >= to {
				continue
			}
			if ok, err = l.isHeld(i, rows); ok || err != nil {
				first = i
				return err
			}
		}
		return nil
	})
	return first, ok && err == nil, err
}

// Close gives up all locks. What cannot be given up others take over after a while.
func (l *locks) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	l.end()
	if l.overdue() {
		return nil // they are others' by now
	}
	var errs []error
	for i, n := range l.held {
		errs = append(errs, l.free(i, n))
	}
	clear(l.held)
	return errors.Join(append(errs, gone(l.fs.Remove(codec.BeatName(l.nonce))))...)
}

// gone is err, unless it says that there is no such file.
func gone(err error) error {
	if vfs.IsGone(err) {
		return nil
	}
	return err
}

func (l *locks) SetText(i int, text string) {
	if i < 0 || i >= vfs.MaxLocks || l.overdue() {
		return
	}
	name := codec.TextName(uint16(i))
	f, err := l.fs.Create(name)
	if errors.Is(err, fs.ErrExist) {
		f, err = l.fs.OpenWrite(name)
	}
	if err != nil {
		return // it is a courtesy
	}
	defer f.Close()
	if _, err := f.WriteAt(append([]byte(vfs.CleanText(text)), '\n'), 0); err == nil {
		_ = f.Sync()
	}
}

func (l *locks) Text(i int) string {
	if i < 0 || i >= vfs.MaxLocks {
		return ""
	}
	b, err := readSome(l.fs, codec.TextName(uint16(i)), textLen)
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return vfs.CleanText(string(line))
}

// textLen is more than any text has.
const textLen = 512

// readSome returns the beginning of a file.
func readSome(fsys vfs.FS, name string, most int) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, most)
	n, err := f.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:n], err
}

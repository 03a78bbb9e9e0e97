package vfs

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
)

// A lock is a record lock of the kernel on one byte far behind anything that
// is in the file: lock i is on byte lockOffset+i. Only the kernel says who holds
// it: it is gone with its process however that ends, and no process number is
// ever compared. The bytes are far behind because on Windows and SMB nobody else
// can read what is locked, and the texts at the front are there to be read.
const lockOffset = 1 << 30

// osLocks is a lock file that this process has open.
type osLocks struct {
	lockFile
	mu   sync.Mutex
	file *os.File     // nil once closed; mu
	held map[int]bool // the kernel grants its process a lock again and again; mu
}

func (d *osFS) Locks(name string) (Locks, error) {
	l := &osLocks{lockFile: lockFile{fs: d, name: name}, held: make(map[int]bool)}
	if err := l.register(l); err != nil {
		return nil, d.fail("lock", name, err)
	}
	f, err := l.open()
	if err != nil {
		l.unregister()
		return nil, d.fail("lock", name, err)
	}
	l.mu.Lock()
	l.file = f
	l.mu.Unlock()
	if d.isClosed() { // meanwhile; Close may have looked before this one was there
		l.Close()
		return nil, d.fail("lock", name, os.ErrClosed)
	}
	return l, nil
}

func (l *osLocks) TryLock(i int) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(i, i+1); err != nil {
		return false, l.fail("lock", i, err)
	}
	if l.held[i] {
		return false, nil
	}
	held, err := lockByte(l.file, i)
	if err != nil {
		return false, l.fail("lock", i, err)
	}
	if held {
		return false, nil
	}
	l.held[i] = true
	return true, nil
}

func (l *osLocks) Unlock(i int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || !l.held[i] {
		return nil
	}
	if err := unlockByte(l.file, i); err != nil {
		return l.fail("unlock", i, err)
	}
	delete(l.held, i)
	return nil
}

func (l *osLocks) Taken(from, to int) (int, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(from, to); err != nil {
		return 0, false, l.fail("taken", from, err)
	}
	i, ok, err := firstOfOthers(from, to, slices.Sorted(maps.Keys(l.held)), l.probe)
	if err != nil {
		return 0, false, l.fail("taken", from, err)
	}
	return i, ok, nil
}

// firstOfOthers asks about what is between one's own locks, which are sorted: SMB
// and Windows name these, too.
func firstOfOthers(from, to int, own []int, probe prober) (int, bool, error) {
	for _, i := range own {
		if i < from || i >= to {
			continue
		}
		if first, ok, err := firstTaken(from, i, probe); ok || err != nil {
			return first, ok, err
		}
		from = i + 1
	}
	return firstTaken(from, to, probe)
}

// prober says whether another process holds a lock in [from, to): n of them from
// at on, or, if that is all of the range, perhaps fewer and elsewhere in it.
type prober func(from, to int) (at, n int, held bool, err error)

// firstTaken asks the system, which names any of the locks in a range and not
// the first, or does not even say which, only that there is one (SMB, Windows).
// So it asks again about what is before, and parts a range that was named as a
// whole.
func firstTaken(from, to int, probe prober) (int, bool, error) {
	if from >= to {
		return 0, false, nil
	}
	at, n, held, err := probe(from, to)
	if !held || err != nil {
		return 0, false, err
	}
	if n == to-from && n > 1 {
		middle := from + n/2
		if i, ok, err := firstTaken(from, middle, probe); ok || err != nil {
			return i, ok, err
		}
		return firstTaken(middle, to, probe)
	}
	if i, ok, err := firstTaken(from, at, probe); ok || err != nil {
		return i, ok, err
	}
	return at, true, nil
}

// check says whether the locks are open and the numbers are some.
func (l *osLocks) check(from, to int) error {
	switch {
	case l.file == nil:
		return os.ErrClosed
	case !areLocks(from, to):
		return fs.ErrInvalid
	}
	return nil
}

// areLocks says whether all in [from, to) are numbers of locks.
func areLocks(from, to int) bool { return from >= 0 && to <= MaxLocks && from <= to }

func (l *osLocks) fail(op string, i int, err error) error {
	return l.fs.fail(op, l.name, fmt.Errorf("lock %d: %w", i, err))
}

func (l *osLocks) SetText(i int, text string) {
	if i < 0 || i >= maxTexts {
		return
	}
	l.setText(CleanText(text))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return
	}
	_, _ = l.file.WriteAt(appendText(nil, text), int64(i)*textLen)
	if !l.fs.local {
		_ = syncFile(l.file) // other machines see it then
	}
}

func (l *osLocks) Text(i int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || i < 0 || i >= maxTexts {
		return ""
	}
	b := make([]byte, textLen)
	n, _ := l.file.ReadAt(b, int64(i)*textLen)
	return parseText(b[:n])
}

func (l *osLocks) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	// Closing drops the locks. Only then may others in this process try.
	err := l.file.Close()
	l.file = nil
	clear(l.held)
	l.unregister()
	return l.fs.fail("unlock", l.name, err)
}

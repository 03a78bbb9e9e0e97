package lease

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/go-diskcache/diskcache/vfs"
)

// Promise wraps a directory that nobody else writes to. All locks are granted.
func Promise(fsys vfs.FS) vfs.FS { return promised{fsys} }

type promised struct{ vfs.FS }

func (p promised) Locks(string) (vfs.Locks, error) { return &granted{held: make(map[int]bool)}, nil }

// Page is not there: others may read, from anywhere.
func (p promised) Page(name string, _ int) (vfs.Page, error) {
	return nil, &fs.PathError{Op: "page", Path: name, Err: errors.ErrUnsupported}
}

func (p promised) Local() bool { return false }

// granted are locks that nobody else wants.
type granted struct {
	mu   sync.Mutex
	held map[int]bool
}

func (g *granted) TryLock(i int) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held[i] {
		return false, nil
	}
	g.held[i] = true
	return true, nil
}

func (g *granted) Unlock(i int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.held, i)
	return nil
}

func (g *granted) Taken(int, int) (int, bool, error) { return 0, false, nil }

func (g *granted) SetText(int, string) {}

func (g *granted) Text(int) string { return "" }

func (g *granted) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.held)
	return nil
}

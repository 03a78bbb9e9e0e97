package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-diskcache/diskcache/vfs"
)

// modelDisk is where a model test keeps its directory.
type modelDisk interface {
	open(t *rapid.T) vfs.FS
	kill(t *rapid.T) // go on with what the death of the process leaves

	// spare returns the files that may be lost at no cost: hints and the
	// snapshot. damage replaces what one of them holds; nil removes it.
	spare(t *rapid.T) []string
	damage(t *rapid.T, name string, change func([]byte) []byte)
}

func isSpare(name string) bool {
	return strings.HasSuffix(name, ".hint") || strings.HasSuffix(name, ".snap")
}

// memDisk is a directory in memory.
type memDisk struct{ mem *vfs.Mem }

func newMemDisk() *memDisk {
	m := vfs.NewMem()
	m.NoTrace = true
	return &memDisk{m}
}

func (d *memDisk) open(*rapid.T) vfs.FS { return d.mem }

func (d *memDisk) kill(*rapid.T) { d.mem = d.mem.Clone() }

func (d *memDisk) spare(*rapid.T) (names []string) {
	for _, name := range d.mem.Names() {
		if isSpare(name) {
			names = append(names, name)
		}
	}
	return names
}

func (d *memDisk) damage(t *rapid.T, name string, change func([]byte) []byte) {
	b := change(d.mem.ReadFile(name))
	if b != nil {
		d.mem.WriteFile(name, b)
	} else if err := d.mem.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// osDisk is a directory of the system, which moves on to a copy when the process
// that uses it is to have died.
type osDisk struct {
	root string
	dir  string
	n    int
}

func newOSDisk(t *rapid.T, tb testing.TB) *osDisk {
	root, err := os.MkdirTemp(tb.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return &osDisk{root: root, dir: filepath.Join(root, "0")}
}

func (d *osDisk) open(t *rapid.T) vfs.FS {
	fsys, err := vfs.OpenDir(d.dir, vfs.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

func (d *osDisk) kill(t *rapid.T) {
	d.n++
	to := filepath.Join(d.root, string(rune('0'+d.n%10))+strings.Repeat("x", d.n/10))
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the background may still be at work
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(d.dir, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	d.dir = to
}

func (d *osDisk) spare(t *rapid.T) (names []string) {
	list, err := os.ReadDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if isSpare(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func (d *osDisk) damage(t *rapid.T, name string, change func([]byte) []byte) {
	path := filepath.Join(d.dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b = change(b); b == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

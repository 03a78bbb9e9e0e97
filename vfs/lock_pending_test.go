package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestLockPending: while one goroutine is about to open a lock file, and has perhaps
// made it, no other in the process goes near it,
// whichever FS it has the directory from.
func TestLockPending(t *testing.T) {
	dir := t.TempDir()
	var first [2]FS
	for i := range first {
		d, err := OpenDir(dir, DirOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		first[i] = d
	}
	l := &lockFile{fs: first[0].(*osFS), name: "lock", text: "the first"}
	if err := l.register(nil); err != nil {
		t.Fatal(err)
	}
	for _, d := range first {
		_, err := d.Locks("lock")
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Holder != "the first" {
			t.Errorf("not refused: %v", err)
		}
		if _, err := d.Stat("lock"); err == nil {
			t.Error("the file was touched")
		}
	}
	l.unregister()
	if _, err := first[1].Locks("lock"); err != nil {
		t.Error(err)
	}
}

// TestLockReplaced: a lock file that lost its name is none.
func TestLockReplaced(t *testing.T) {
	path := t.TempDir()
	fs, err := OpenDir(path, DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	d := fs.(*osFS)
	l := &lockFile{fs: d, name: "lock"}
	f, err := l.open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := l.confirm(d.root, "lock"); err != nil {
		t.Error(err)
	}
	lock := filepath.Join(path, "lock")
	if err := os.Rename(lock, lock+"x"); err != nil {
		t.Fatal(err)
	}
	if err := l.confirm(d.root, "lock"); err != errReplaced {
		t.Error("it is gone:", err)
	}
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.confirm(d.root, "lock"); err != errReplaced {
		t.Error("it is another:", err)
	}
}

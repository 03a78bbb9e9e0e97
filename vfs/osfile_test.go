//go:build unix && !aix && !solaris

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenAs: what takes the place of a file between looking and opening is
// not opened in its stead.
func TestOpenAs(t *testing.T) {
	for name, replace := range map[string]func(at string) error{
		"link":  func(at string) error { return os.Symlink("secret", at) },
		"away":  func(at string) error { return os.Symlink("/etc/passwd", at) },
		"pipe":  func(at string) error { return syscall.Mkfifo(at, 0o600) },
		"file":  func(at string) error { return os.WriteFile(at, nil, 0o600) },
		"dir":   func(at string) error { return os.Mkdir(at, 0o700) },
		"gone":  func(string) error { return nil },
		"never": nil,
	} {
		path := t.TempDir()
		at := filepath.Join(path, "f")
		os.WriteFile(filepath.Join(path, "secret"), nil, 0o600)
		os.WriteFile(at, nil, 0o600)
		root, err := os.OpenRoot(path)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		info, err := root.Lstat("f")
		if err != nil {
			t.Fatal(err)
		}
		if replace != nil {
			os.Rename(at, at+"x") // so that the inode is not used again
			if err := replace(at); err != nil {
				t.Fatal(err)
			}
		}
		f, err := openAs(root, "f", os.O_RDONLY, info)
		if (err == nil) != (name == "never") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			f.Close()
		}
	}
}

// TestOpenSeen: a name that is shown for longer than there is anything to open, as SMB does, is
// that of no file, and one that is another file each time is that of no regular one.
func TestOpenSeen(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"other", "replaced"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	looks := 0
	look := func(string) (fs.FileInfo, error) {
		looks++
		return root.Lstat("other")
	}
	for name, want := range map[string]error{"pending": fs.ErrNotExist, "replaced": ErrNotRegular} {
		looks = 0
		f, err := openSeen(root, name, os.O_RDONLY, look)
		if f != nil || !errors.Is(err, want) || looks != openTries {
			t.Errorf("%s: %v, %v after %d looks", name, f, err, looks)
		}
	}
}

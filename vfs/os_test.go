package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

func TestOpenDirMakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 { // the second time it is there
		d, err := vfs.OpenDir(path, vfs.DirOptions{})
		require.NoError(t, err)
		require.NoError(t, d.Mkdir("values"))
		if _, err := d.Stat("f"); err != nil {
			f, err := d.Create("f")
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		require.NoError(t, d.Close())
	}
}

func TestOpenDirNotDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{file, filepath.Join(file, "below")} {
		_, err := vfs.OpenDir(path, vfs.DirOptions{})
		require.ErrorIs(t, err, vfs.ErrNotDir)
		require.Contains(t, err.Error(), file)
	}
}

// TestOpenDirRelative: what the working directory becomes does not matter.
func TestOpenDirRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	d, err := vfs.OpenDir("cache", vfs.DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	here, err := os.Getwd()
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	f, err := d.Create("f")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = os.Stat(filepath.Join(here, "cache", "f"))
	require.NoError(t, err)
}

func TestNetwork(t *testing.T) {
	for network, local := range map[vfs.Network]bool{vfs.NetworkNever: true, vfs.NetworkYes: false} {
		d := openDir(t, vfs.DirOptions{Network: network})
		require.Equal(t, local, d.Local())
		f, err := d.Create("f")
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("hello"), 0)
		require.NoError(t, err)
		if !local {
			_, err = f.Map(5)
			require.ErrorIs(t, err, errors.ErrUnsupported, "nothing of a network disk is mapped")
		}
		require.NoError(t, f.Close())
	}
}

func TestDirClose(t *testing.T) {
	path := t.TempDir()
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	require.NoError(t, d.Mkdir("sub"))
	f, err := d.Create("sub/f")
	require.NoError(t, err)
	l, err := take(d, "me", 0)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.NoError(t, l.Close())

	_, err = f.WriteAt([]byte("x"), 0)
	require.NoError(t, err, "files stay open")
	require.NoError(t, f.Close())
	for _, name := range []string{"f", "sub/f", "new", "sub/new"} {
		_, err = d.Open(name)
		require.ErrorIs(t, err, fs.ErrClosed)
		_, err = d.Create(name)
		require.ErrorIs(t, err, fs.ErrClosed)
		_, err = d.Locks(name)
		require.ErrorIs(t, err, fs.ErrClosed)
		_, err = d.Page(name, 8)
		require.ErrorIs(t, err, fs.ErrClosed)
	}
	_, err = d.List(".")
	require.ErrorIs(t, err, fs.ErrClosed)

	d, err = vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	_, err = take(d, "the next", 0)
	require.NoError(t, err, "closing released it")
	require.NoError(t, d.Close())
}

// TestReplaceWhileOpening: a file that others replace all the time can always
// be opened, and is always a whole one.
func TestReplaceWhileOpening(t *testing.T) {
	d := openDir(t, vfs.DirOptions{})
	replace := func() {
		f, err := d.Create("new")
		require.NoError(t, err)
		_, err = f.WriteAt([]byte(strings.Repeat("x", 100)), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, d.Rename("new", "f"))
	}
	replace()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			f, err := d.Open("f")
			if err != nil {
				t.Error(err)
				return
			}
			if n, err := f.Size(); n != 100 || err != nil {
				t.Error(n, err)
			}
			f.Close()
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
			replace()
		}
	}
}

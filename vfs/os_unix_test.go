//go:build unix && !aix && !solaris

package vfs_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/go-diskcache/diskcache/vfs"
)

func TestModes(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.Mkdir("values"))
	f, err := d.Create("values/f")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	l, err := take(d, "me", 0)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	p, err := d.Page("page", 8)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	for name, mode := range map[string]os.FileMode{"..": 0o700, ".": 0o700, "values": 0o700, "values/f": 0o600, "lock": 0o600, "page": 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
}

func TestTrust(t *testing.T) {
	for _, mode := range []os.FileMode{0o700, 0o750, 0o755, 0o770, 0o702, 0o777 | os.ModeSticky} {
		path := t.TempDir()
		require.NoError(t, os.Chmod(path, mode))
		d, err := vfs.OpenDir(path, vfs.DirOptions{})
		if mode&0o022 == 0 {
			require.NoError(t, err, mode)
			require.NoError(t, d.Close())
			continue
		}
		require.ErrorIs(t, err, vfs.ErrUntrusted, mode)
		var untrusted *vfs.UntrustedError
		require.True(t, errors.As(err, &untrusted))
		require.Equal(t, path, untrusted.Path)
		require.Equal(t, mode|os.ModeDir, untrusted.Mode)
		require.Equal(t, os.Geteuid(), untrusted.UID)
		d, err = vfs.OpenDir(path, vfs.DirOptions{Trust: true})
		require.NoError(t, err)
		require.NoError(t, d.Close())
	}
}

func TestTrustOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	path := t.TempDir()
	require.NoError(t, os.Chown(path, 12345, -1))
	_, err := vfs.OpenDir(path, vfs.DirOptions{})
	var untrusted *vfs.UntrustedError
	require.True(t, errors.As(err, &untrusted), "%v", err)
	require.Equal(t, 12345, untrusted.UID)
}

// TestSpecialFiles: nothing but a regular file is opened, whatever it leads to.
func TestSpecialFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	missing := filepath.Join(filepath.Dir(outside), "missing")
	path := t.TempDir()
	at := func(name string) string { return filepath.Join(path, name) }
	require.NoError(t, os.WriteFile(at("file"), []byte("text"), 0o600))
	require.NoError(t, os.Symlink("file", at("inside")))
	require.NoError(t, os.Symlink(outside, at("outside")))
	require.NoError(t, os.Symlink(missing, at("dangling")))
	require.NoError(t, os.Symlink("/dev/zero", at("zero")))
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o600))
	socket, err := net.Listen("unix", at("socket"))
	require.NoError(t, err)
	defer socket.Close()

	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	for _, name := range []string{"inside", "outside", "dangling", "zero", "pipe", "socket"} {
		_, err := d.Open(name)
		require.ErrorIs(t, err, vfs.ErrNotRegular, name)
		_, err = d.Locks(name)
		require.ErrorIs(t, err, vfs.ErrNotRegular, name)
		_, err = d.Page(name, 8)
		require.ErrorIs(t, err, vfs.ErrNotRegular, name)
		_, err = d.Create(name)
		require.ErrorIs(t, err, os.ErrExist, name)
		require.ErrorIs(t, d.Mkdir(name), vfs.ErrNotDir, name)
		info, err := d.Stat(name)
		require.NoError(t, err)
		require.False(t, info.Regular || info.Dir, name)
	}
	list, err := d.List(".")
	require.NoError(t, err)
	require.Len(t, list, 7, "they are listed")

	require.NoError(t, d.Remove("outside"))
	require.NoError(t, d.Remove("inside"))
	require.FileExists(t, outside, "only the link was removed")
	require.FileExists(t, at("file"))
	require.NoFileExists(t, missing)
	b, err := os.ReadFile(outside)
	require.NoError(t, err)
	require.Equal(t, "secret", string(b), "no holder was written through a link")
}

// TestLinkedSubdirectory: a link in place of a directory leads nowhere, also
// when it stays inside, and also when it takes the place of one that was used.
func TestLinkedSubdirectory(t *testing.T) {
	outside := t.TempDir()
	path := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "f"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(path, "real"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path, "real", "f"), nil, 0o600))
	values := filepath.Join(path, "values")
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	for _, target := range []string{"real", outside} {
		require.NoError(t, d.Mkdir("values"))
		f, err := d.Create("values/mine")
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, os.RemoveAll(values))
		require.NoError(t, os.Symlink(target, values))

		_, err = d.Open("values/f")
		require.ErrorIs(t, err, vfs.ErrNotDir)
		_, err = d.Create("values/new")
		require.ErrorIs(t, err, vfs.ErrNotDir)
		_, err = d.List("values")
		require.ErrorIs(t, err, vfs.ErrNotDir)
		_, err = d.Stat("values/f")
		require.ErrorIs(t, err, vfs.ErrNotDir)
		require.ErrorIs(t, d.Remove("values/f"), vfs.ErrNotDir)
		require.ErrorIs(t, d.Rename("values/f", "f"), vfs.ErrNotDir)
		require.ErrorIs(t, d.Rename("real/f", "values/g"), vfs.ErrNotDir)
		require.ErrorIs(t, d.SyncDir("values"), vfs.ErrNotDir)
		require.ErrorIs(t, d.Mkdir("values"), vfs.ErrNotDir)
		require.NoError(t, os.Remove(values))
	}
}

// TestSwapWhileOpening: a name that becomes a link and back all the time never
// leads to what the link points to.
func TestSwapWhileOpening(t *testing.T) {
	path := t.TempDir()
	at := func(name string) string { return filepath.Join(path, name) }
	require.NoError(t, os.WriteFile(at("secret"), []byte("secret"), 0o600))
	require.NoError(t, os.WriteFile(at("f"), []byte("public"), 0o600))
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if i%2 == 0 {
				os.Symlink("secret", at("tmp"))
			} else {
				os.WriteFile(at("tmp"), []byte("public"), 0o600)
			}
			os.Rename(at("tmp"), at("f"))
		}
	})
	b := make([]byte, 6)
	for range 3000 {
		f, err := d.Open("f")
		if err != nil {
			require.ErrorIs(t, err, vfs.ErrNotRegular)
			continue
		}
		if n, _ := f.ReadAt(b, 0); n > 0 && string(b[:n]) == "secret" {
			t.Error("read through a link")
		}
		f.Close()
	}
	close(stop)
	wg.Wait()
}

// TestMovedDirectory: the directory is a handle, not a path.
func TestMovedDirectory(t *testing.T) {
	parent := t.TempDir()
	path, moved := filepath.Join(parent, "cache"), filepath.Join(parent, "moved")
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, os.Rename(path, moved))
	require.NoError(t, os.Mkdir(path, 0o700))
	f, err := d.Create("f")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.FileExists(t, filepath.Join(moved, "f"))
	require.NoFileExists(t, filepath.Join(path, "f"))
}

// TestDescriptors: none is inherited by children, and none stays open.
func TestDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/fd")
	}
	path := t.TempDir()
	before := descriptors(t, path)
	require.Empty(t, before)
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	require.NoError(t, d.Mkdir("values"))
	f, err := d.Create("values/f")
	require.NoError(t, err)
	g, err := d.Open("values/f")
	require.NoError(t, err)
	_, err = take(d, "me", 0)
	require.NoError(t, err)
	p, err := d.Page("page", 8)
	require.NoError(t, err)
	_, err = d.List("values")
	require.NoError(t, err)
	require.NoError(t, d.SyncDir("values"))
	for range 3 { // what is refused is closed again
		_, err = d.Locks("lock")
		require.Error(t, err)
		_, err = d.Page("lock", 8)
		require.Error(t, err)
		_, err = d.Open("values")
		require.Error(t, err)
	}
	during := descriptors(t, path)
	require.Len(t, during, 5, "root, values, f twice, lock, none of the page: %v", during)
	for fd, name := range during {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.NotZero(t, flags&unix.FD_CLOEXEC, name)
	}
	require.NoError(t, f.Close())
	require.NoError(t, g.Close())
	require.NoError(t, p.Close())
	require.NoError(t, d.Close())
	require.Empty(t, descriptors(t, path))
}

// TestDescriptorsRefused: nor does one stay open when another process has the
// lock, again and again.
func TestDescriptorsRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/fd")
	}
	path := t.TempDir()
	d := openAt(t, path)
	start(t, path, "hold")
	for range 3 {
		_, err := take(d, "me", 0)
		require.ErrorIs(t, err, vfs.ErrLocked)
	}
	require.Len(t, descriptors(t, path), 1, "the directory")
}

// descriptors are those of this process that lead below path.
func descriptors(t *testing.T, path string) map[int]string {
	t.Helper()
	found := make(map[int]string)
	for fd := range 1024 {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(fd)))
		if err == nil && len(name) >= len(path) && name[:len(path)] == path {
			found[fd] = name
		}
	}
	return found
}

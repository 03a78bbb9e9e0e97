package vfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// The test binary runs itself: with childEnv set it is another process that
// uses the directory of that name, in the way that childRole says.
const (
	childEnv  = "VFS_TEST_CHILD"
	childRole = "VFS_TEST_ROLE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir, os.Getenv(childRole)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is the main function of the other process.
func child(dir, role string) error {
	if role == "sit" { // until standard input ends
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	d, err := vfs.OpenDir(dir, vfs.DirOptions{})
	if err != nil {
		return err
	}
	switch role {
	case "hold": // until standard input ends
		if _, err := d.Lock("lock", "the child"); err != nil {
			return err
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return nil // without releasing
	case "hold with child": // that outlives us
		if _, err := d.Lock("lock", "the child"); err != nil {
			return err
		}
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childRole+"=sit")
		c.Stdin = os.Stdin
		if err := c.Start(); err != nil {
			return err
		}
		fmt.Println("ready")
		select {}
	case "try":
		l, err := d.Lock("lock", "one who tries")
		var locked *vfs.LockedError
		if errors.As(err, &locked) {
			fmt.Println("locked by", locked.Holder)
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("free")
		return l.Release()
	case "count":
		return count(d)
	}
	return fmt.Errorf("no role %q", role)
}

// command is a child that was not started yet.
func command(dir, role string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	// A race detector waits a second before its process may end.
	c.Env = append(os.Environ(), childEnv+"="+dir, childRole+"="+role, "GORACE=atexit_sleep_ms=0")
	return c
}

// start starts a child and waits until it is ready.
func start(t *testing.T, dir, role string) (c *exec.Cmd, stdin io.Closer) {
	t.Helper()
	c = command(dir, role)
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		in.Close()
		c.Process.Kill()
		c.Wait()
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	require.Equal(t, "ready\n", line)
	return c, in
}

// try is what another process says about the lock.
func try(t *testing.T, dir string) string {
	t.Helper()
	out, err := command(dir, "try").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func openAt(t *testing.T, path string) vfs.FS {
	t.Helper()
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// TestLockProcesses: who comes second is told at once, and by whom.
func TestLockProcesses(t *testing.T) {
	dir := t.TempDir()
	d := openAt(t, dir)
	c, stdin := start(t, dir, "hold")
	begin := time.Now()
	_, err := d.Lock("lock", "me")
	require.Less(t, time.Since(begin), time.Second)
	var locked *vfs.LockedError
	require.True(t, errors.As(err, &locked), "%v", err)
	require.Equal(t, "the child", locked.Holder)
	require.Equal(t, "lock", locked.Name)

	_, err = d.Lock("another", "me")
	require.NoError(t, err)

	require.NoError(t, stdin.Close())
	require.NoError(t, c.Wait(), "it ends without releasing")
	l, err := d.Lock("lock", "me")
	require.NoError(t, err)
	require.Equal(t, "locked by me\n", try(t, dir))
	require.NoError(t, l.Release())
	require.Equal(t, "free\n", try(t, dir))
	l, err = d.Lock("lock", "me again")
	require.NoError(t, err)
	require.Equal(t, "locked by me again\n", try(t, dir))
	require.NoError(t, d.Close())
	require.Equal(t, "free\n", try(t, dir), "closing releases")
	require.NoError(t, l.Release())
}

func TestHolder(t *testing.T) {
	require.Regexp(t, `^pid \d+ on host \S+ since 2030-01-02T03:04:05Z$`, vfs.Holder(time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)))
}

// TestLockStopped: one that hangs keeps the lock, and keeps nobody waiting.
func TestLockStopped(t *testing.T) {
	dir := t.TempDir()
	c, _ := start(t, dir, "hold")
	if err := stop(c.Process); err != nil {
		t.Skip(err)
	}
	begin := time.Now()
	_, err := openAt(t, dir).Lock("lock", "me")
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.Less(t, time.Since(begin), time.Second)
}

// TestLockKilled: the lock of a process that was killed is free as soon as the
// process is gone, also when a child of it lives on.
func TestLockKilled(t *testing.T) {
	for _, role := range []string{"hold", "hold with child"} {
		dir := t.TempDir()
		d := openAt(t, dir)
		c, _ := start(t, dir, role)
		_, err := d.Lock("lock", "me")
		require.ErrorIs(t, err, vfs.ErrLocked)
		require.NoError(t, c.Process.Kill())
		c.Wait()
		l, err := d.Lock("lock", "me")
		require.NoError(t, err, role)
		require.NoError(t, l.Release())
	}
}

// TestLockTextIgnored: only the kernel says who has the lock.
func TestLockTextIgnored(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00", "pid 1 on host x", "pid " + strconv.Itoa(os.Getppid()) + "\n"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(text), 0o600))
		require.Equal(t, "free\n", try(t, dir))
		l, err := openAt(t, dir).Lock("lock", "me")
		require.NoError(t, err)
		require.Equal(t, "locked by me\n", try(t, dir))
		require.NoError(t, l.Release())
	}
}

// TestLockTextUnreadable: whatever replaces the holder's text while it holds
// the lock, the others are told that it is locked.
func TestLockTextUnreadable(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, "hold")
	d := openAt(t, dir)
	for text, want := range map[string]string{"": "", "\xff\x00\x1b": "", "torn": "torn"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(text), 0o600))
		_, err := d.Lock("lock", "me")
		var locked *vfs.LockedError
		require.True(t, errors.As(err, &locked), "%v", err)
		require.Equal(t, want, locked.Holder)
	}
}

// TestLockNotDropped: the kernel drops a process's lock when it closes any
// descriptor of the file. Nothing that can be asked of a directory does that.
func TestLockNotDropped(t *testing.T) {
	dir := t.TempDir()
	d, again := openAt(t, dir), openAt(t, dir)
	_, err := d.Lock("lock", "me")
	require.NoError(t, err)
	require.NoError(t, os.Link(filepath.Join(dir, "lock"), filepath.Join(dir, "link")))
	for _, d := range []vfs.FS{d, again} {
		for _, name := range []string{"lock", "link"} {
			_, err := d.Lock(name, "me too")
			require.ErrorIs(t, err, vfs.ErrLocked)
			_, err = d.Open(name)
			require.ErrorIs(t, err, vfs.ErrLocked)
			_, err = d.Create(name)
			require.Error(t, err)
		}
		_, err := d.List(".")
		require.NoError(t, err)
		require.Equal(t, "locked by me\n", try(t, dir))
	}
	require.NoError(t, again.Close())
	require.Equal(t, "locked by me\n", try(t, dir))
}

// TestLockFailedDoesNotRemain: a lock that was refused leaves nothing behind
// that would refuse the next.
func TestLockFailedDoesNotRemain(t *testing.T) {
	dir := t.TempDir()
	d := openAt(t, dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "lock"), 0o700))
	_, err := d.Lock("lock", "me")
	require.ErrorIs(t, err, vfs.ErrNotRegular)
	require.NoError(t, d.Remove("lock"))
	l, err := d.Lock("lock", "me")
	require.NoError(t, err)
	require.NoError(t, l.Release())
}

// TestLockDirectoryMadeAnew: the lock is on a directory that is gone; the new
// one of that name is another.
func TestLockDirectoryMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	_, err := openAt(t, dir).Lock("lock", "me")
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	_, err = openAt(t, dir).Lock("lock", "me, in the new one")
	require.NoError(t, err)
	require.Equal(t, "locked by me, in the new one\n", try(t, dir))
}

const countEach = 200

// count adds to a number in a file, under the lock each time.
func count(d vfs.FS) error {
	for range countEach {
		var l vfs.Lock
		for {
			var err error
			if l, err = d.Lock("lock", "counting"); err == nil {
				break
			}
			if !errors.Is(err, vfs.ErrLocked) {
				return err
			}
		}
		n, err := number(d)
		if err != nil {
			return err
		}
		if err := d.Remove("n" + strconv.Itoa(n)); err != nil {
			return err
		}
		f, err := d.Create("n" + strconv.Itoa(n+1))
		if err != nil {
			return err
		}
		if err := errors.Join(f.Close(), l.Release()); err != nil {
			return err
		}
	}
	return nil
}

// number is in the name of the one file that begins with n.
func number(d vfs.FS) (int, error) {
	list, err := d.List(".")
	if err != nil {
		return 0, err
	}
	for _, info := range list {
		if n, err := strconv.Atoi(info.Name[1:]); err == nil {
			return n, nil
		}
	}
	return 0, errors.New("no number")
}

// TestLockCount: processes that count together count right.
func TestLockCount(t *testing.T) {
	dir := t.TempDir()
	d := openAt(t, dir)
	f, err := d.Create("n0")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	const processes = 4
	var all []*exec.Cmd
	for range processes {
		c := command(dir, "count")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		require.NoError(t, c.Start())
		all = append(all, c)
	}
	for _, c := range all {
		require.NoError(t, c.Wait())
	}
	n, err := number(d)
	require.NoError(t, err)
	require.Equal(t, processes*countEach, n)
}

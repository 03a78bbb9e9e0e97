package vfs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestLockProcesses: who comes second is told at once, and by whom.
func TestLockProcesses(t *testing.T) {
	dir := t.TempDir()
	d := openAt(t, dir)
	c, stdin := start(t, dir, "hold")
	begin := time.Now()
	l, err := d.Locks("lock")
	require.NoError(t, err)
	got, err := l.TryLock(0)
	require.NoError(t, err)
	require.False(t, got)
	require.Less(t, time.Since(begin), time.Second)
	require.Equal(t, "the child", l.Text(0))
	requireLock(t, l, 1, true)
	requireLock(t, l, 7, false)
	requireLock(t, l, 8, true)

	require.NoError(t, stdin.Close())
	require.NoError(t, c.Wait(), "it ends without releasing")
	requireLock(t, l, 0, true)
	l.SetText(0, "me")
	require.NoError(t, l.Unlock(1))
	require.Equal(t, "locked by me\n", try(t, dir), "another lock was given free")
	require.NoError(t, l.Unlock(0))
	require.Equal(t, "free\n", try(t, dir))
	requireLock(t, l, 0, true)
	require.NoError(t, l.Close())
	require.Equal(t, "free\n", try(t, dir))
	l, err = take(d, "me again", 0)
	require.NoError(t, err)
	require.Equal(t, "locked by me again\n", try(t, dir))
	require.NoError(t, d.Close())
	require.Equal(t, "free\n", try(t, dir), "closing releases")
	require.NoError(t, l.Close())
}

func requireLock(t *testing.T, l vfs.Locks, i int, want bool) {
	t.Helper()
	got, err := l.TryLock(i)
	require.NoError(t, err)
	require.Equal(t, want, got, "lock %d", i)
}

// TestLockTaken: the first lock of another process in any range is found, and
// none of one's own.
func TestLockTaken(t *testing.T) {
	dir := t.TempDir()
	l, err := openAt(t, dir).Locks("lock")
	require.NoError(t, err)
	for _, i := range []int{2, 4, 8, 299, vfs.MaxLocks - 2} {
		requireLock(t, l, i, true)
	}
	c, _ := start(t, dir, "hold")
	ends := []int{0, 1, 2, 5, 6, 7, 8, 9, 299, 300, 301, vfs.MaxLocks - 2, vfs.MaxLocks - 1, vfs.MaxLocks}
	for _, from := range ends {
		for _, to := range ends {
			if to < from {
				continue
			}
			want := slices.IndexFunc(held, func(i int) bool { return from <= i && i < to })
			i, ok, err := l.Taken(from, to)
			require.NoError(t, err)
			require.Equal(t, want >= 0, ok, "%d to %d: %d", from, to, i)
			if ok {
				require.Equal(t, held[want], i, "%d to %d", from, to)
			}
		}
	}
	requireLock(t, l, 1, true)
	requireLock(t, l, 5, false)
	require.NoError(t, c.Process.Kill())
	c.Wait()
	_, ok, err := l.Taken(0, vfs.MaxLocks)
	require.NoError(t, err)
	require.False(t, ok)
	requireLock(t, l, 5, true)
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
	_, err := take(openAt(t, dir), "me", 0)
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.Less(t, time.Since(begin), time.Second)
}

// TestLockKilled: the lock of a process that was killed is free as soon as the
// process is gone, also when a child of it lives on, with another program or as
// a copy of it.
func TestLockKilled(t *testing.T) {
	roles := []string{"hold", "hold with child"}
	if runtime.GOOS == "linux" {
		roles = append(roles, "hold with forked child")
	}
	for _, role := range roles {
		dir := t.TempDir()
		d := openAt(t, dir)
		c, _ := start(t, dir, role)
		_, err := take(d, "me", 0)
		require.ErrorIs(t, err, vfs.ErrLocked)
		require.NoError(t, c.Process.Kill())
		c.Wait()
		l, err := take(d, "me", held...)
		require.NoError(t, err, role)
		require.NoError(t, l.Close())
	}
}

// TestLockTextIgnored: only the kernel says who has the lock.
func TestLockTextIgnored(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00", "pid 1 on host x", "pid " + strconv.Itoa(os.Getppid()) + "\n"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(text), 0o600))
		require.Equal(t, "free\n", try(t, dir))
		l, err := take(openAt(t, dir), "me", 0)
		require.NoError(t, err)
		require.Equal(t, "locked by me\n", try(t, dir))
		require.NoError(t, l.Close())
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
		_, err := take(d, "me", 0)
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
	_, err := take(d, "me", 0)
	require.NoError(t, err)
	require.NoError(t, os.Link(filepath.Join(dir, "lock"), filepath.Join(dir, "link")))
	for _, d := range []vfs.FS{d, again} {
		for _, name := range []string{"lock", "link"} {
			_, err := d.Locks(name)
			require.ErrorIs(t, err, vfs.ErrLocked)
			_, err = d.Page(name, 8)
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
	_, err := d.Locks("lock")
	require.ErrorIs(t, err, vfs.ErrNotRegular)
	require.NoError(t, d.Remove("lock"))
	l, err := d.Locks("lock")
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// TestLockDirectoryMadeAnew: the lock is on a directory that is gone; the new
// one of that name is another.
func TestLockDirectoryMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	_, err := take(openAt(t, dir), "me", 0)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(dir))
	_, err = take(openAt(t, dir), "me, in the new one", 0)
	require.NoError(t, err)
	require.Equal(t, "locked by me, in the new one\n", try(t, dir))
}

const countEach = 200

// count adds to a number in a file, under the lock each time.
func count(d vfs.FS) error {
	l, err := d.Locks("lock")
	if err != nil {
		return err
	}
	for range countEach {
		for {
			ok, err := l.TryLock(7)
			if err != nil {
				return err
			}
			if ok {
				break
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
		if err := errors.Join(f.Close(), l.Unlock(7)); err != nil {
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

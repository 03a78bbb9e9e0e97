package vfstest

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// locks opens a lock file.
func locks(t *testing.T, d vfs.FS, name string) vfs.Locks {
	t.Helper()
	l, err := d.Locks(name)
	require.NoError(t, err)
	return l
}

func requireTry(t *testing.T, l vfs.Locks, i int, want bool) {
	t.Helper()
	got, err := l.TryLock(i)
	require.NoError(t, err)
	require.Equal(t, want, got, "lock %d", i)
}

// requireOpen expects the lock file to be open in this process already, and that
// who comes second is told by whom.
func requireOpen(t *testing.T, d vfs.FS, name, holder string) {
	t.Helper()
	_, err := d.Locks(name)
	require.ErrorIs(t, err, vfs.ErrLocked)
	var locked *vfs.LockedError
	require.True(t, errors.As(err, &locked))
	require.Equal(t, name, locked.Name)
	require.Equal(t, holder, locked.Holder)
	require.Contains(t, err.Error(), holder)
}

func testLock(t *testing.T, d vfs.FS) {
	l := locks(t, d, "lock")
	requireTry(t, l, 0, true)
	l.SetText(0, "me, since today")
	requireTry(t, l, 0, false)
	requireTry(t, l, 1, true)
	requireTry(t, l, vfs.MaxLocks-1, true)
	requireOpen(t, d, "lock", "me, since today")
	requireOpen(t, d, "lock", "me, since today") // having failed does not drop it

	info, err := d.Stat("lock")
	require.NoError(t, err)
	require.True(t, info.Regular, "it is a file that people can look at")
	_, err = d.Open("lock")
	require.ErrorIs(t, err, vfs.ErrLocked, "closing it would drop the locks")
	requireTry(t, l, 0, false)

	require.NoError(t, l.Unlock(1))
	require.NoError(t, l.Unlock(1), "again: nothing")
	require.NoError(t, l.Unlock(2), "was never held")
	requireTry(t, l, 0, false)
	requireTry(t, l, 1, true)

	other := locks(t, d, "other")
	requireTry(t, other, 0, true)
	require.NoError(t, other.Close())
	requireTry(t, l, 0, false)

	require.NoError(t, l.Close())
	again := locks(t, d, "lock")
	requireTry(t, again, 0, true)
	require.NoError(t, l.Close(), "again: nothing")
	require.NoError(t, l.Unlock(0), "nor this")
	requireTry(t, again, 0, false)
	_, err = l.TryLock(5)
	require.ErrorIs(t, err, fs.ErrClosed)
	_, _, err = l.Taken(0, 5)
	require.ErrorIs(t, err, fs.ErrClosed)
	for _, i := range []int{-1, vfs.MaxLocks} {
		_, err = again.TryLock(i)
		require.ErrorIs(t, err, fs.ErrInvalid)
		require.NoError(t, again.Unlock(i))
	}
	require.NoError(t, again.Close())

	require.NoError(t, d.Mkdir("sub"))
	_, err = d.Locks("sub")
	require.ErrorIs(t, err, vfs.ErrNotRegular)
	l = locks(t, d, "sub/lock")
	requireTry(t, l, 0, true)
	requireOpen(t, d, "sub/lock", "")
	require.NoError(t, l.Close())
}

// testLockTaken: one's own locks are nobody else's.
func testLockTaken(t *testing.T, d vfs.FS) {
	l := locks(t, d, "lock")
	for _, i := range []int{0, 1, 2, 7, vfs.MaxLocks - 1} {
		requireTry(t, l, i, true)
	}
	for _, r := range [][2]int{{0, vfs.MaxLocks}, {0, 1}, {1, 5}, {3, 3}, {0, 0}, {vfs.MaxLocks, vfs.MaxLocks}} {
		_, ok, err := l.Taken(r[0], r[1])
		require.NoError(t, err)
		require.False(t, ok)
	}
	requireTry(t, l, 0, false)
	requireTry(t, l, 3, true)
	for _, r := range [][2]int{{-1, 1}, {0, vfs.MaxLocks + 1}, {2, 1}} {
		_, _, err := l.Taken(r[0], r[1])
		require.ErrorIs(t, err, fs.ErrInvalid)
	}
	require.NoError(t, l.Close())
}

// testLockText: whatever is in the file keeps nobody out, and whatever is
// written about a lock does no harm to who reads it.
func testLockText(t *testing.T, d vfs.FS) {
	for i, text := range []string{"", "pid 1\n", "pid 1 without an end", strings.Repeat("\xff\x00\x1b[2J", 1000)} {
		name := "lock" + strings.Repeat("x", i)
		write(t, d, name, text)
		l := locks(t, d, name)
		requireTry(t, l, 0, true)
		require.NotContains(t, l.Text(0), "\x1b")
		l.SetText(0, "me")
		require.Equal(t, "me", l.Text(0))
		require.NoError(t, l.Close())
		require.Empty(t, l.Text(0))
		l.SetText(0, "too late")
		require.True(t, strings.HasPrefix(read(t, d, name), "me\n"), "%q", read(t, d, name))
	}
	l := locks(t, d, "lock")
	for text, want := range map[string]string{
		"":                        "",
		"a\nb\x00c\x1b[31m":       "abc[31m",
		strings.Repeat("x", 1000): strings.Repeat("x", 255),
		strings.Repeat("é", 1000): strings.Repeat("é", 127),
		"\xff\xfe ok ":            "ok",
	} {
		l.SetText(0, "before")
		l.SetText(0, text)
		require.Equal(t, want, l.Text(0))
		requireOpen(t, d, "lock", want)
	}
	for i := range 256 {
		l.SetText(i, strings.Repeat(string(rune('a'+i%26)), 300))
	}
	for i := range 256 {
		require.Equal(t, strings.Repeat(string(rune('a'+i%26)), 255), l.Text(i), "each has its own place")
	}
	for _, i := range []int{-1, 256, vfs.MaxLocks} {
		l.SetText(i, "nowhere")
		require.Empty(t, l.Text(i))
	}
	require.NoError(t, l.Close())
}

// testLockRace: of many that try, one has it, and each gets it in the end; the
// numbers do not disturb one another.
func testLockRace(t *testing.T, d vfs.FS) {
	l := locks(t, d, "lock")
	var holders [2]atomic.Int32
	var taken atomic.Int32
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			i := g % len(holders)
			for got := 0; got < 20; {
				ok, err := l.TryLock(i)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					continue
				}
				if n := holders[i].Add(1); n != 1 {
					t.Errorf("%d holders", n)
				}
				holders[i].Add(-1)
				taken.Add(1)
				got++
				if err := l.Unlock(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 160, taken.Load())
	require.NoError(t, l.Close())
}

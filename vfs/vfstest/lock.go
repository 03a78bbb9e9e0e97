package vfstest

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// requireHeld expects the lock to be held by holder.
func requireHeld(t *testing.T, d vfs.FS, name, holder string) {
	t.Helper()
	_, err := d.Lock(name, "another")
	require.ErrorIs(t, err, vfs.ErrLocked)
	var locked *vfs.LockedError
	require.True(t, errors.As(err, &locked))
	require.Equal(t, name, locked.Name)
	require.Equal(t, holder, locked.Holder)
	require.Contains(t, err.Error(), holder)
}

func testLock(t *testing.T, d vfs.FS) {
	l, err := d.Lock("lock", "me, since today")
	require.NoError(t, err)
	requireHeld(t, d, "lock", "me, since today")
	requireHeld(t, d, "lock", "me, since today") // having failed does not drop it

	info, err := d.Stat("lock")
	require.NoError(t, err)
	require.True(t, info.Regular, "it is a file that people can look at")
	_, err = d.Open("lock")
	require.ErrorIs(t, err, vfs.ErrLocked, "closing it would drop the lock")
	requireHeld(t, d, "lock", "me, since today")

	other, err := d.Lock("other", "me too")
	require.NoError(t, err, "another name is another lock")
	require.NoError(t, other.Release())
	requireHeld(t, d, "lock", "me, since today")

	require.NoError(t, l.Release())
	l2, err := d.Lock("lock", "the next")
	require.NoError(t, err)
	require.NoError(t, l.Release(), "again: nothing")
	requireHeld(t, d, "lock", "the next")
	require.NoError(t, l2.Release())

	require.NoError(t, d.Mkdir("sub"))
	_, err = d.Lock("sub", "me")
	require.ErrorIs(t, err, vfs.ErrNotRegular)
	l, err = d.Lock("sub/lock", "below")
	require.NoError(t, err)
	requireHeld(t, d, "sub/lock", "below")
	require.NoError(t, l.Release())
}

// testLockText: whatever is in the file keeps nobody out, and whatever the
// holder says does no harm to who reads it.
func testLockText(t *testing.T, d vfs.FS) {
	for i, text := range []string{"", "pid 1\n", "pid 1 without an end", strings.Repeat("\xff\x00\x1b[2J", 1000)} {
		name := "lock" + strings.Repeat("x", i)
		write(t, d, name, text)
		l, err := d.Lock(name, "me")
		require.NoError(t, err)
		requireHeld(t, d, name, "me")
		require.NoError(t, l.Release())
		require.True(t, strings.HasPrefix(read(t, d, name), "me\n"), "%q", read(t, d, name))
	}
	for holder, want := range map[string]string{
		"":                        "",
		"a\nb\x00c\x1b[31m":       "abc[31m",
		strings.Repeat("x", 1000): strings.Repeat("x", 255),
		strings.Repeat("é", 1000): strings.Repeat("é", 127),
		"\xff\xfe ok ":            "ok",
	} {
		l, err := d.Lock("lock", holder)
		require.NoError(t, err)
		requireHeld(t, d, "lock", want)
		require.NoError(t, l.Release())
	}
}

// testLockRace: of many that try, one has it, and each gets it in the end.
func testLockRace(t *testing.T, d vfs.FS) {
	var holders, taken atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for got := 0; got < 20; {
				l, err := d.Lock("lock", "me")
				if errors.Is(err, vfs.ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d holders", n)
				}
				holders.Add(-1)
				taken.Add(1)
				got++
				if err := l.Release(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 160, taken.Load())
}

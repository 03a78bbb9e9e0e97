//go:build !plan9

package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// everything calls every operation once, in the order of their constants, and
// stops at the first error.
func everything(d vfs.FS) error {
	f, err := d.Create("f")
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := d.Open("f")
	if err != nil {
		return err
	}
	if _, err := r.ReadAt(make([]byte, 4), 0); err != io.EOF {
		return err
	}
	if _, err := f.WriteAt([]byte("text"), 0); err != nil {
		return err
	}
	if _, err := f.Size(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if _, err := f.Map(4); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	if err := d.Rename("f", "g"); err != nil {
		return err
	}
	if err := d.Remove("g"); err != nil {
		return err
	}
	if err := d.Mkdir("sub"); err != nil {
		return err
	}
	if _, err := d.List("."); err != nil {
		return err
	}
	if _, err := d.Stat("sub"); err != nil {
		return err
	}
	if err := d.SyncDir("."); err != nil {
		return err
	}
	l, err := d.Locks("lock")
	if err != nil {
		return err
	}
	if _, err := l.TryLock(0); err != nil {
		return err
	}
	if _, _, err := l.Taken(0, 1); err != nil {
		return err
	}
	if err := l.Unlock(0); err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	p, err := d.Page("page", 8)
	if err != nil {
		return err
	}
	return p.Close()
}

// TestFaultEveryCall is the loop that the engine's tests run.
func TestFaultEveryCall(t *testing.T) {
	var ops []string
	for n := 1; ; n++ {
		f := vfs.NewFault(vfs.NewMem())
		f.Fail(vfs.Rule{Nth: n, Once: true, Err: syscall.EDOM})
		err := everything(f)
		if f.Fired() == 0 {
			require.NoError(t, err)
			require.Equal(t, n-1, f.Calls(), "one more than there were, with the deferred Close")
			break
		}
		require.Equal(t, 1, f.Fired())
		if n == 21 {
			require.NoError(t, err, "the deferred Close, whose error is not looked at")
			continue
		}
		require.ErrorIs(t, err, syscall.EDOM)
		var path *fs.PathError
		require.True(t, errors.As(err, &path))
		ops = append(ops, path.Op)
	}
	require.Equal(t, []string{"create", "open", "read", "write", "size", "sync", "map", "close", "rename", "remove",
		"mkdir", "list", "stat", "syncdir", "lock", "lock", "taken", "unlock", "close", "page"}, ops)
}

func TestFaultOp(t *testing.T) {
	for i, word := range []string{"create", "open", "read", "write", "size", "sync", "map", "close", "rename", "remove",
		"mkdir", "list", "stat", "syncdir", "lock", "lock", "taken", "unlock", "page"} {
		f := vfs.NewFault(vfs.NewMem())
		f.Fail(vfs.Rule{Op: 1 << i})
		err := everything(f)
		require.ErrorIs(t, err, syscall.EIO)
		require.Contains(t, err.Error(), word)
	}
	require.EqualValues(t, 1<<19-1, vfs.OpAll)
}

func TestFaultCount(t *testing.T) {
	for _, test := range []struct {
		rule vfs.Rule
		want string // of ten calls, those that fail
	}{
		{vfs.Rule{}, "xxxxxxxxxx"},
		{vfs.Rule{Once: true}, "x........."},
		{vfs.Rule{Nth: 1}, "xxxxxxxxxx"},
		{vfs.Rule{Nth: 4}, "...xxxxxxx"},
		{vfs.Rule{Nth: 4, Once: true}, "...x......"},
		{vfs.Rule{Nth: 11}, ".........."},
		{vfs.Rule{Op: vfs.OpStat, Nth: 2, Once: true}, ".x........"},
		{vfs.Rule{Op: vfs.OpList}, ".........."},
		{vfs.Rule{Name: "file"}, "xxxxxxxxxx"},
		{vfs.Rule{Name: "f*"}, "xxxxxxxxxx"},
		{vfs.Rule{Name: "g*"}, ".........."},
		{vfs.Rule{Name: "*/*"}, ".........."},
	} {
		m := vfs.NewMem()
		m.WriteFile("file", nil)
		f := vfs.NewFault(m)
		f.Fail(test.rule)
		got := ""
		for range 10 {
			if _, err := f.Stat("file"); err != nil {
				got += "x"
			} else {
				got += "."
			}
		}
		require.Equal(t, test.want, got, "%+v", test.rule)
		f.Clear()
		_, err := f.Stat("file")
		require.NoError(t, err)
		require.Equal(t, 11, f.Calls())
	}
}

func TestFaultRules(t *testing.T) {
	f := vfs.NewFault(vfs.NewMem())
	f.Fail(vfs.Rule{Op: vfs.OpMkdir, Name: "a", Err: syscall.EACCES})
	f.Fail(vfs.Rule{Op: vfs.OpMkdir, Err: syscall.EROFS})
	require.ErrorIs(t, f.Mkdir("a"), syscall.EACCES, "the first rule decides")
	require.ErrorIs(t, f.Mkdir("b"), syscall.EROFS)

	f = vfs.NewFault(vfs.NewMem())
	f.Fail(vfs.Rule{Op: vfs.OpRename | vfs.OpRemove, Name: "to"})
	require.ErrorIs(t, f.Rename("from", "to"), syscall.EIO, "either name of a rename")
	require.ErrorIs(t, f.Remove("from"), fs.ErrNotExist)
}

func TestFaultShort(t *testing.T) {
	m := vfs.NewMem()
	f := vfs.NewFault(m)
	file, err := f.Create("f")
	require.NoError(t, err)
	f.Fail(vfs.Rule{Op: vfs.OpWrite, Once: true, Short: true, Err: syscall.ENOSPC})
	n, err := file.WriteAt([]byte("abcdef"), 0)
	require.Equal(t, 3, n)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, "abc", string(m.ReadFile("f")))

	f.Fail(vfs.Rule{Op: vfs.OpRead, Once: true, Short: true})
	b := make([]byte, 4)
	n, err = file.ReadAt(b, 0)
	require.Equal(t, 2, n)
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, "ab\x00\x00", string(b))
	n, err = file.ReadAt(b, 0)
	require.Equal(t, 3, n)
	require.Equal(t, io.EOF, err)
}

// TestFaultGivesBack: what fails to close is closed.
func TestFaultGivesBack(t *testing.T) {
	m := vfs.NewMem()
	f := vfs.NewFault(m)
	file, err := f.Create("f")
	require.NoError(t, err)
	l, err := f.Locks("lock")
	require.NoError(t, err)
	ok, err := l.TryLock(0)
	require.NoError(t, err)
	require.True(t, ok)
	f.Fail(vfs.Rule{Op: vfs.OpClose | vfs.OpUnlock})
	require.ErrorIs(t, file.Close(), syscall.EIO)
	require.ErrorIs(t, file.Sync(), fs.ErrClosed)
	require.ErrorIs(t, l.Unlock(0), syscall.EIO)
	next, err := m.Process().Locks("lock")
	require.NoError(t, err)
	ok, err = next.TryLock(0)
	require.NoError(t, err)
	require.True(t, ok)
	require.ErrorIs(t, l.Close(), syscall.EIO)
	_, err = m.Locks("lock")
	require.NoError(t, err)
	require.ErrorIs(t, f.Close(), syscall.EIO)
	_, err = m.Locks("lock")
	require.NoError(t, err)
}

// TestFaultSync: what a failed sync does reaches the Mem at the bottom, and
// nothing is synced when it does not reach one.
func TestFaultSync(t *testing.T) {
	for name, wrap := range map[string]func(vfs.FS) vfs.FS{
		"":      func(d vfs.FS) vfs.FS { return d },
		"fault": func(d vfs.FS) vfs.FS { return vfs.NewFault(d) },
		"retry": func(d vfs.FS) vfs.FS { return vfs.NewRetry(d, vfs.RetryOptions{}) },
	} {
		m := vfs.NewMem()
		f := vfs.NewFault(wrap(m))
		file, err := f.Create("f")
		require.NoError(t, err)
		require.NoError(t, f.SyncDir("."))
		_, err = file.WriteAt([]byte("lost"), 0)
		require.NoError(t, err)
		f.Fail(vfs.Rule{Op: vfs.OpSync, Once: true})
		require.ErrorIs(t, file.Sync(), syscall.EIO)
		require.Equal(t, "lost", string(m.ReadFile("f")), "it can still be read")
		require.Equal(t, []string{"f="}, images(t, m, vfs.CrashOptions{}), name)
		require.NoError(t, file.Sync(), "as if nothing had been")
		require.Equal(t, []string{"f=04"}, images(t, m, vfs.CrashOptions{}), name)
	}
	f := vfs.NewFault(openDir(t, vfs.DirOptions{}))
	file, err := f.Create("f")
	require.NoError(t, err)
	f.Fail(vfs.Rule{Op: vfs.OpSync, Err: fmt.Errorf("no disk: %w", syscall.ENXIO)})
	require.ErrorIs(t, file.Sync(), syscall.ENXIO)
	require.NoError(t, file.Close())
}

//go:build !plan9

package vfs_test

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestRetry: for each operation and each error, how often it is tried when it
// always fails. It is the table in the comment of Retry.
func TestRetry(t *testing.T) {
	const never, always = 1, 3
	for _, test := range []struct {
		op                       string
		mask                     vfs.Op
		interrupted, busy, stale int
		run                      func(d vfs.FS, f vfs.File, l vfs.Locks) error
	}{
		{"open", vfs.OpOpen, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Open("f"); return err }},
		{"stat", vfs.OpStat, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Stat("f"); return err }},
		{"list", vfs.OpList, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.List("."); return err }},
		{"mkdir", vfs.OpMkdir, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.Mkdir("d") }},
		{"locks", vfs.OpLocks, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Locks("m"); return err }},
		{"lock", vfs.OpLock, always, never, never, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { _, err := l.TryLock(0); return err }},
		{"taken", vfs.OpTaken, always, always, never, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { _, _, err := l.Taken(0, 1); return err }},
		{"size", vfs.OpSize, always, always, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { _, err := f.Size(); return err }},
		{"read", vfs.OpRead, always, always, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error {
			_, err := f.ReadAt(make([]byte, 2), 0)
			return err
		}},
		{"remove", vfs.OpRemove, always, always, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.Remove("f") }},
		{"create", vfs.OpCreate, never, always, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Create("g"); return err }},
		{"rename", vfs.OpRename, never, always, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.Rename("f", "g") }},
		{"write", vfs.OpWrite, always, always, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error {
			_, err := f.WriteAt([]byte("xx"), 0)
			return err
		}},
		{"sync", vfs.OpSync, never, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { return f.Sync() }},
		{"syncdir", vfs.OpSyncDir, never, never, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.SyncDir(".") }},
		{"map", vfs.OpMap, never, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { _, err := f.Map(1); return err }},
		{"close", vfs.OpClose, never, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { return f.Close() }},
		{"unlock", vfs.OpUnlock, never, never, never, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { return l.Unlock(0) }},
		{"close locks", vfs.OpClose, never, never, never, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { return l.Close() }},
		{"page", vfs.OpPage, never, never, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Page("p", 8); return err }},
	} {
		for _, e := range []struct {
			err  error
			want int
		}{
			{syscall.EINTR, test.interrupted},
			{syscall.EAGAIN, test.busy},
			{syscall.ESTALE, test.stale},
			{syscall.EIO, never},
			{syscall.ENOSPC, never},
			{fs.ErrNotExist, never},
			{&vfs.LockedError{}, never},
		} {
			fault := vfs.NewFault(vfs.NewMem())
			var slept []time.Duration
			d := vfs.NewRetry(fault, vfs.RetryOptions{Tries: 3, Wait: time.Second, Sleep: func(w time.Duration) { slept = append(slept, w) }})
			f, err := d.Create("f")
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("text"), 0)
			require.NoError(t, err)
			l, err := d.Locks("l")
			require.NoError(t, err)

			fault.Fail(vfs.Rule{Op: test.mask, Err: e.err})
			err = test.run(d, f, l)
			require.ErrorIs(t, err, e.err, test.op)
			require.Equal(t, e.want, fault.Fired(), "%s, %v", test.op, e.err)
			require.Equal(t, []time.Duration{time.Second, 2 * time.Second}[:e.want-1], append([]time.Duration{}, slept...), "it waits longer each time")
			if e.want == never || test.mask == vfs.OpMap {
				continue
			}
			fault.Clear()
			fault.Fail(vfs.Rule{Op: test.mask, Once: true, Err: e.err})
			require.NoError(t, test.run(d, f, l), "%s, %v, the second try is good", test.op, e.err)
		}
	}
}

// twice does an operation and then says that it was interrupted.
type twice struct{ vfs.FS }

func (d twice) Remove(name string) error {
	if err := d.FS.Remove(name); err != nil {
		return err
	}
	return &fs.PathError{Op: "remove", Path: name, Err: syscall.EINTR}
}

func TestRetryRemoved(t *testing.T) {
	m := vfs.NewMem()
	m.WriteFile("f", nil)
	d := vfs.NewRetry(twice{m}, vfs.RetryOptions{Sleep: func(time.Duration) {}})
	require.NoError(t, d.Remove("f"), "the first try did it")
	require.ErrorIs(t, d.Remove("f"), fs.ErrNotExist, "it was not there before")
}

// TestRetryProgress: a read goes on where it was, a write that wrote something
// is not repeated.
func TestRetryProgress(t *testing.T) {
	m := vfs.NewMem()
	m.WriteFile("f", []byte("abcdefgh"))
	fault := vfs.NewFault(m)
	d := vfs.NewRetry(fault, vfs.RetryOptions{Sleep: func(time.Duration) {}})
	f, err := d.Open("f")
	require.NoError(t, err)
	fault.Fail(vfs.Rule{Op: vfs.OpRead, Once: true, Short: true, Err: syscall.EINTR})
	b := make([]byte, 8)
	n, err := f.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, 8, n)
	require.Equal(t, "abcdefgh", string(b))
	require.Equal(t, 1, fault.Fired())

	g, err := d.Create("g")
	require.NoError(t, err)
	fault.Fail(vfs.Rule{Op: vfs.OpWrite, Once: true, Short: true, Err: syscall.EINTR})
	n, err = g.WriteAt([]byte("abcdefgh"), 0)
	require.ErrorIs(t, err, syscall.EINTR)
	require.Equal(t, 4, n)
	require.Equal(t, "abcd", string(m.ReadFile("g")))
}

func TestRetryDefaults(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	fault.Fail(vfs.Rule{Err: syscall.EINTR})
	begin := time.Now()
	require.ErrorIs(t, vfs.NewRetry(fault, vfs.RetryOptions{}).Mkdir("d"), syscall.EINTR)
	require.Equal(t, 4, fault.Fired())
	require.GreaterOrEqual(t, time.Since(begin), 35*time.Millisecond)
}

func TestErrnos(t *testing.T) {
	wrap := func(err error) error { return errors.Join(&fs.PathError{Op: "read", Path: "f", Err: err}) }
	require.True(t, vfs.IsGone(wrap(syscall.ENOENT)))
	require.True(t, vfs.IsGone(wrap(syscall.ESTALE)))
	require.False(t, vfs.IsGone(wrap(syscall.EIO)))
	require.False(t, vfs.IsGone(nil))
	require.True(t, vfs.IsNoSpace(wrap(syscall.ENOSPC)))
	require.False(t, vfs.IsNoSpace(wrap(syscall.EIO)))
	require.False(t, vfs.IsNoSpace(nil))
}

//go:build !plan9

package vfs_test

import (
	"errors"
	"io/fs"
	"runtime"
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
		op                             string
		mask                           vfs.Op
		interrupted, busy, stale, away int
		run                            func(d vfs.FS, f vfs.File, l vfs.Locks) error
	}{
		{"open", vfs.OpOpen, always, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Open("f"); return err }},
		{"stat", vfs.OpStat, always, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Stat("f"); return err }},
		{"list", vfs.OpList, always, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.List("."); return err }},
		{"mkdir", vfs.OpMkdir, always, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.Mkdir("d") }},
		{"locks", vfs.OpLocks, always, always, always, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Locks("m"); return err }},
		{"lock", vfs.OpLock, always, never, never, always, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { _, err := l.TryLock(0); return err }},
		{"taken", vfs.OpTaken, always, always, never, always, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { _, _, err := l.Taken(0, 1); return err }},
		{"size", vfs.OpSize, always, always, never, always, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { _, err := f.Size(); return err }},
		{"read", vfs.OpRead, always, always, never, always, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error {
			_, err := f.ReadAt(make([]byte, 2), 0)
			return err
		}},
		{"remove", vfs.OpRemove, always, always, never, always, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.Remove("f") }},
		{"create", vfs.OpCreate, never, always, never, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Create("g"); return err }},
		{"rename", vfs.OpRename, never, always, never, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.Rename("f", "g") }},
		{"write", vfs.OpWrite, always, always, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error {
			_, err := f.WriteAt([]byte("xx"), 0)
			return err
		}},
		{"sync", vfs.OpSync, never, never, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { return f.Sync() }},
		{"syncdir", vfs.OpSyncDir, never, never, never, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { return d.SyncDir(".") }},
		{"map", vfs.OpMap, never, never, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { _, err := f.Map(1); return err }},
		{"close", vfs.OpClose, never, never, never, never, func(_ vfs.FS, f vfs.File, _ vfs.Locks) error { return f.Close() }},
		{"unlock", vfs.OpUnlock, never, never, never, never, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { return l.Unlock(0) }},
		{"close locks", vfs.OpClose, never, never, never, never, func(_ vfs.FS, _ vfs.File, l vfs.Locks) error { return l.Close() }},
		{"page", vfs.OpPage, never, never, never, never, func(d vfs.FS, _ vfs.File, _ vfs.Locks) error { _, err := d.Page("p", 8); return err }},
	} {
		for _, e := range []struct {
			err  error
			want int
		}{
			{syscall.EINTR, test.interrupted},
			{syscall.EAGAIN, test.busy},
			{syscall.ESTALE, test.stale},
			{syscall.EIO, test.away},
			{syscall.ETIMEDOUT, test.away},
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

// TestRetryWithin: who has waited for the server for long is not made to wait again.
func TestRetryWithin(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, test := range []struct {
		err  error
		took time.Duration // each try
		want int
	}{
		{syscall.EIO, time.Second, 3},
		{syscall.EIO, time.Second / 2, 4},
		{syscall.EIO, 2 * time.Second, 2},
		{syscall.EIO, 3 * time.Second, 1},
		{syscall.EINTR, 3 * time.Second, 4},
	} {
		fault := vfs.NewFault(vfs.NewMem())
		fault.Fail(vfs.Rule{Err: test.err})
		d := vfs.NewRetry(slow{fault, func() { now = now.Add(test.took) }}, vfs.RetryOptions{
			Sleep: func(time.Duration) {}, Now: func() time.Time { return now },
			Within: 3*time.Second - 1,
		})
		_, err := d.Stat("f")
		require.ErrorIs(t, err, test.err)
		require.Equal(t, test.want, fault.Fired(), "%v, %v", test.err, test.took)
	}
}

// slow takes time.
type slow struct {
	vfs.FS
	wait func()
}

func (d slow) Stat(name string) (vfs.Info, error) {
	d.wait()
	return d.FS.Stat(name)
}

// TestRetryMeaning: what network disks say of files and of locks that are gone is
// what it is on local disks, and tells its name once.
func TestRetryMeaning(t *testing.T) {
	for _, errno := range []error{syscall.ESTALE, syscall.EBADF} {
		fault := vfs.NewFault(vfs.NewMem())
		d := vfs.NewRetry(fault, vfs.RetryOptions{Sleep: func(time.Duration) {}})
		f, err := d.Create("f")
		require.NoError(t, err)
		l, err := d.Locks("l")
		require.NoError(t, err)
		fault.Fail(vfs.Rule{Err: errno})
		var stat, size, lock, taken error
		_, stat = d.Stat("f")
		_, open := d.Open("f")
		_, size = f.Size()
		_, read := f.ReadAt(make([]byte, 1), 0)
		_, write := f.WriteAt([]byte("x"), 0)
		_, list := d.List(".")
		_, lock = l.TryLock(0)
		_, _, taken = l.Taken(0, 1)
		for _, test := range []struct {
			op, name string
			err      error
			is       error // besides
		}{
			{"stat", "f", stat, fs.ErrNotExist},
			{"open", "f", open, fs.ErrNotExist},
			{"size", "f", size, fs.ErrNotExist},
			{"read", "f", read, fs.ErrNotExist},
			{"lock", "l", lock, vfs.ErrLocksLost},
			{"taken", "l", taken, vfs.ErrLocksLost},
			{"unlock", "l", l.Unlock(0), vfs.ErrLocksLost},
			{"write", "f", write, nil},
			{"sync", "f", f.Sync(), nil},
			{"list", ".", list, nil},
		} {
			require.ErrorIs(t, test.err, errno, test.op)
			for _, is := range []error{fs.ErrNotExist, vfs.ErrLocksLost} {
				require.Equal(t, is == test.is, errors.Is(test.err, is), "%s: %v", test.op, test.err)
			}
			require.Equal(t, test.op+" "+test.name+": "+errno.Error(), test.err.Error())
		}
	}
	d := vfs.NewRetry(vfs.NewMem(), vfs.RetryOptions{})
	f, err := d.Create("f")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = f.Size()
	require.NotErrorIs(t, err, fs.ErrNotExist, "it is closed here")
}

// TestRetryServer: what a network disk says when its server comes and goes is what
// the engine knows from local ones.
func TestRetryServer(t *testing.T) {
	each(t, flavours, answers{vfs.AskName: 1, vfs.AskGone: 1}, func(t *testing.T, n *network) {
		tries := 0
		d := vfs.NewRetry(n.a.Process(), vfs.RetryOptions{Sleep: func(time.Duration) { tries++ }})
		b := n.process(n.b)
		b.made("f")
		f, err := d.Open("f")
		require.NoError(t, err)
		b.do(b.Remove("f"))
		_, err = d.Open("f")
		require.ErrorIs(t, err, fs.ErrNotExist)
		n.Restart()
		_, err = f.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = f.Size()
		require.ErrorIs(t, err, fs.ErrNotExist)

		l, err := d.Locks("lock")
		require.NoError(t, err)
		n.Restart()
		_, err = l.TryLock(0)
		require.Equal(t, n.flavour == vfs.SMB, errors.Is(err, vfs.ErrLocksLost), "%v", err)
		require.Equal(t, n.flavour == vfs.SMB, err != nil)

		n.a.CutOff()
		tries = 0
		_, err = d.List(".")
		require.ErrorIs(t, err, syscall.EIO)
		require.Equal(t, 3, tries)
		n.a.Reconnect()
		_, err = d.List(".")
		require.NoError(t, err)
	})
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

// TestRetryRefused: SMB shows the name of what was removed and is open, and does not open it.
func TestRetryRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it says that in other words")
	}
	fault := vfs.NewFault(vfs.NewMem())
	d := vfs.NewRetry(fault, vfs.RetryOptions{Tries: 3, Sleep: func(time.Duration) {}})
	f, err := d.Create("f")
	require.NoError(t, err)
	fault.Fail(vfs.Rule{Err: syscall.EINVAL})
	_, open := d.Open("f")
	require.Equal(t, 3, fault.Fired())
	_, write := d.OpenWrite("f")
	for _, err := range []error{open, write} {
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, err, syscall.EINVAL)
	}
	_, err = d.Stat("f")
	require.NotErrorIs(t, err, fs.ErrNotExist)
	_, err = f.ReadAt(make([]byte, 1), 0)
	require.NotErrorIs(t, err, fs.ErrNotExist)
	fault.Clear()
	require.NoError(t, f.Close())
}

package engine

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// cutting is the directory of a host that is cut off when it has written to the state file, and has
// not synced that.
type cutting struct {
	vfs.FS
	host *vfs.Host
	left atomic.Int64 // so many writes before
}

func (c *cutting) OpenWrite(name string) (vfs.File, error) {
	f, err := c.FS.OpenWrite(name)
	if err != nil || name != codec.StateName {
		return f, err
	}
	return &cuttingFile{f, c}, nil
}

type cuttingFile struct {
	vfs.File
	c *cutting
}

func (f *cuttingFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	if f.c.left.Add(-1) == 0 {
		f.c.host.CutOff()
	}
	return n, err
}

// TestShareLateWrite: what a host that was cut off had still to write to the state file comes when
// others have written there. Nothing that they have acknowledged is hidden by it.
func TestShareLateWrite(t *testing.T) {
	for _, f := range []vfs.Flavour{vfs.NFS4, vfs.SMB} {
		for write := range int64(4) {
			for more := range 3 {
				t.Run(fmt.Sprint(f, " ", write, " ", more), func(t *testing.T) { lateWrite(t, f, write+1, more) })
			}
		}
	}
}

// lateWrite cuts a host off at a write to the state file; others go on, and open and give up the
// directory some times more before that write comes.
func lateWrite(t *testing.T, f vfs.Flavour, write int64, more int) {
	srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Choose: func(vfs.Question, int) int { return 0 }})
	open := func(host string, fresh time.Duration) *Engine {
		e, err := Open(asMounted(srv.Host(host)), Options{Freshness: fresh})
		require.NoError(t, err)
		return e
	}
	host := srv.Host("a")
	ap := host.Process()
	late := &cutting{FS: vfs.NewRetry(ap, vfs.RetryOptions{Tries: 1}), host: host}
	b := open("b", time.Hour) // it publishes when it gives the lock up
	c := &counting{t: t}
	require.NoError(t, c.up(b))
	handOn(b)
	a, err := Open(late, Options{Freshness: -1})
	require.NoError(t, err)
	late.left.Store(write)
	for late.left.Load() > 0 {
		_ = c.up(a)
		handOn(a)
	}
	ap.Kill()
	_ = a.Close()
	srv.Tick(time.Minute)
	for range more {
		require.NoError(t, open("d", -1).Close())
	}
	require.NoError(t, c.up(b))
	handOn(b)

	before := srv.Disk().Files()[codec.StateName]
	host.Reconnect()
	srv.Tick(2 * time.Minute)
	require.NotEqual(t, before, srv.Disk().Files()[codec.StateName], "nothing came")

	d := open("d", -1)
	require.NoError(t, c.read(d))
	require.NoError(t, c.read(b))
	require.NoError(t, b.Update(func(*Tx) error { return nil }))
	handOn(b)
	require.NoError(t, c.up(d))
	require.NoError(t, c.up(b))
	handOn(b)
	require.NoError(t, c.read(d))
	require.NoError(t, b.Close())
	require.NoError(t, d.Close())
}

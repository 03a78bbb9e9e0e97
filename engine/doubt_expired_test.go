package engine

import (
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestFailedSetStaysGone: what a set that has failed left in the log does not come to light when what
// was set after it has expired and is removed.
func TestFailedSetStaysGone(t *testing.T) {
	var now atomic.Int64
	now.Store(1_700_000_000_000_000_000)
	o := Options{Sync: SyncAlways, Now: func() time.Time { return time.Unix(0, now.Load()) }}
	mem := vfs.NewMem()
	disk := vfs.NewFault(mem)
	e, err := Open(disk, o)
	require.NoError(t, err)
	disk.Fail(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO, Once: true})
	require.ErrorIs(t, e.Set("k", []byte("failed"), Attrs{}), ErrNotSynced)
	disk.Clear()
	require.NoError(t, e.Set("k", []byte("v"), Attrs{Expires: now.Load() + 1}))
	now.Add(int64(time.Hour))
	_, err = e.Expire()
	require.NoError(t, err)
	f, err := Open(mem.Clone(), o)
	require.NoError(t, err)
	_, err = f.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, f.Close())
	_ = e.Close() // tells of the sync
}

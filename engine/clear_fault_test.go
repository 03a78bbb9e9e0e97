package engine

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestClearNotSynced: what a failed sync was to cover is written again, and where that is only that
// segments are gone there is nothing to be written. It is told of, and the items stay gone.
func TestClearNotSynced(t *testing.T) {
	for _, mode := range []SyncMode{SyncNever, SyncAlways} {
		disk := vfs.NewFault(vfs.NewMem())
		e, err := Open(disk, Options{Sync: mode})
		require.NoError(t, err)
		require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
		require.NoError(t, e.Sync())
		disk.Fail(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO})
		_, err = e.Clear()
		require.ErrorIs(t, err, ErrNotSynced)
		require.ErrorIs(t, e.Close(), syscall.EIO)
		disk.Clear()
		e, err = Open(disk, Options{Sync: mode})
		require.NoError(t, err)
		_, err = e.Get("k", nil)
		if mode == SyncNever {
			require.ErrorIs(t, err, ErrNotFound)
		}
		require.NoError(t, e.Set("k", []byte("w"), Attrs{}))
		require.NoError(t, e.Close())
	}
}

// TestCompactAfterFailedSync: a sync that has failed, and was told of, is no reason for what comes later
// to fail when the disk is well.
func TestCompactAfterFailedSync(t *testing.T) {
	disk := vfs.NewFault(vfs.NewMem())
	e, err := Open(disk, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
	require.NoError(t, e.Set("k", []byte("w"), Attrs{}))
	disk.Fail(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO})
	require.ErrorIs(t, e.Compact(), ErrNotSynced)
	disk.Clear()
	require.NoError(t, e.Compact())
	v, err := e.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "w", string(v))
	_ = e.Close() // tells of the sync
}

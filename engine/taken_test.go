package engine

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestSegmentNameTaken: the name of a segment that has come to nothing is in nobody's way, also where
// the clock has gone back to when it was begun.
func TestSegmentNameTaken(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	o := Options{Sync: SyncAlways, Now: func() time.Time { return now }}
	disk := vfs.NewFault(vfs.NewMem())
	e, err := Open(disk, o)
	require.NoError(t, err)
	disk.Fail(vfs.Rule{Op: vfs.OpSyncDir, Err: syscall.EIO, Once: true})
	require.ErrorIs(t, e.Set("k", []byte("v"), Attrs{}), ErrNotSynced)
	require.NoError(t, e.Close())
	e, err = Open(disk, o)
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
	require.NoError(t, e.Close())
}

package engine

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestRebuildWithoutFailedCommit: a write that was told to have failed is not found
// when the index is made from the log again.
func TestRebuildWithoutFailedCommit(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	e, err := Open(fault, Options{Sync: SyncAlways})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("old"), Attrs{}))
	fault.Fail(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO, Nth: 1})
	require.ErrorIs(t, e.Set("k", []byte("new"), Attrs{}), ErrNotSynced)
	fault.Clear()

	e.w.mu.Lock()
	_, err = e.rebuild(e.index.Load())
	e.w.mu.Unlock()
	require.NoError(t, err)
	v, err := e.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "old", string(v))
	seg := e.w.active[fresh].Segment
	_ = e.Close() // which tells of the index
	require.ErrorIs(t, e.rescue(seg), ErrClosed)
}

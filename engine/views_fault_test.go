package engine

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestViewsFailingDisk: a view that lacks what could not be read for a while is no view. Of a queue a
// number would be given twice.
func TestViewsFailingDisk(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	opt := Options{NoMap: true}
	e, err := Open(fault, opt)
	require.NoError(t, err)
	const n = 10
	var keys []string
	for range n {
		key, err := e.Push("q", []byte("v"), true, Attrs{})
		require.NoError(t, err)
		keys = append(keys, key)
	}
	e.views.giveUp()
	fault.Fail(vfs.Rule{Op: vfs.OpRead, Err: syscall.EIO})
	_, err = e.QueueLen("q")
	require.ErrorIs(t, err, syscall.EIO)
	for _, err := range e.Scan(Walk{}) {
		require.ErrorIs(t, err, syscall.EIO)
	}
	fault.Clear()
	length, err := e.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, n, length)
	key, err := e.Push("q", []byte("v"), true, Attrs{})
	require.NoError(t, err)
	require.NotContains(t, keys, key)
	require.NoError(t, e.Close())
}

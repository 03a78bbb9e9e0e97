package engine

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestWithdraw: of a commit that could not be synced nothing comes to light when the process has died,
// however its keys were stored again. At first it cannot even be taken out of the file.
func TestWithdraw(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		mem := vfs.NewMem()
		fault := vfs.NewFault(mem)
		e, err := Open(fault, exactly(mem, Options{Sync: SyncAlways}))
		require.NoError(t, err)
		for _, key := range []string{"a", "b"} {
			require.NoError(t, e.Set(key, []byte("1"), Attrs{}))
		}
		fault.Fail(vfs.Rule{Op: vfs.OpSync, Once: true, Err: syscall.EIO})
		if stuck {
			fault.Fail(vfs.Rule{Op: vfs.OpWrite, Nth: 2, Err: syscall.EIO})
		}
		_, err = e.DeleteMany([]string{"a", "b"})
		require.ErrorIs(t, err, ErrNotSynced)
		require.Positive(t, fault.Fired())
		fault.Clear()
		require.NoError(t, e.Set("a", []byte("2"), Attrs{}))

		left := mem.Clone()
		died, err := Open(left, exactly(left, Options{}))
		require.NoError(t, err)
		for key, want := range map[string]string{"a": "2", "b": "1"} {
			for _, e := range []*Engine{e, died} {
				v, err := e.Get(key, nil)
				require.NoError(t, err, key)
				require.Equal(t, want, string(v))
			}
		}
		require.NoError(t, died.Close())
		_ = e.Close() // that a sync has failed
	}
}

// TestWithdrawsNothingElse: a writer that was only refused room goes on where it was, and what it commits
// there is not taken for what was refused.
func TestWithdrawsNothingElse(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	e, err := Open(fault, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("a", []byte("1"), Attrs{}))
	e.w.mu.Lock()
	w := e.w.actives()[0]
	e.w.failed = append(e.w.failed, failed{w, w.Offset(), 100})
	e.w.mu.Unlock()
	fault.Fail(vfs.Rule{Op: vfs.OpSize, Once: true}) // it would be tried again
	for _, key := range []string{"b", "c"} {
		require.NoError(t, e.Set(key, []byte("2"), Attrs{}))
	}
	for key, want := range map[string]string{"a": "1", "b": "2", "c": "2"} {
		v, err := e.Get(key, nil)
		require.NoError(t, err)
		require.Equal(t, want, string(v))
	}
	require.Empty(t, e.w.failed)
	require.NoError(t, e.Close())
}

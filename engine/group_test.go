package engine

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// groupOf commits operations as one group, each a request of its own.
func groupOf(t *testing.T, e *Engine, ops ...func(op *Op) error) []*request {
	t.Helper()
	var group []*request
	for _, prepare := range ops {
		r := &request{ops: make([]Op, 1)}
		require.NoError(t, prepare(&r.ops[0]))
		group = append(group, r)
	}
	e.w.mu.Lock()
	e.commitGroup(group)
	e.w.mu.Unlock()
	for _, r := range group {
		require.NoError(t, r.err)
	}
	return group
}

// TestGroupOneKey: requests of one group that are about the same key see one
// another.
func TestGroupOneKey(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{FileThreshold: 1000})
	require.NoError(t, err)
	set := func(key, value string) func(op *Op) error {
		return func(op *Op) error { return e.prepare(op, key, []byte(value), Attrs{}, false) }
	}
	del := func(key string) func(op *Op) error {
		return func(op *Op) error { return e.prepareDelete(op, key) }
	}
	large := string(make([]byte, 2000))
	group := groupOf(t, e, set("a", "1"), set("b", "1"), set("a", "2"), del("b"), set("c", large), set("c", "3"), del("d"), set("d", "4"), del("a"), set("a", "5"))
	for i, existed := range []bool{false, false, true, true, false, true, false, false, true, false} {
		require.Equal(t, existed, group[i].ops[0].Existed, "operation %d", i)
	}
	check := func() {
		for key, want := range map[string]string{"a": "5", "c": "3", "d": "4"} {
			v, err := e.Get(key, nil)
			require.NoError(t, err, key)
			require.Equal(t, want, string(v))
		}
		_, err = e.Get("b", nil)
		require.ErrorIs(t, err, ErrNotFound)
	}
	check()
	before, err := e.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 3, before.Items)
	require.NoError(t, kill(e))
	e, err = Open(mem, Options{FileThreshold: 1000})
	require.NoError(t, err)
	check()
	after, err := e.Stats()
	require.NoError(t, err)
	require.Equal(t, before.Items, after.Items)
	require.Equal(t, before.LiveBytes, after.LiveBytes, "the accounts are what the log says")
	require.NoError(t, e.Close())
}

// TestRescuedTombstone: a tombstone that is written again, because a sync failed,
// speaks of the time at which it was made. What was set since stays.
func TestRescuedTombstone(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	o := Options{oneStream: true, SegmentSize: 2 << 10}
	e, err := Open(fault, o)
	require.NoError(t, err)
	filler := make([]byte, 1900)
	require.NoError(t, e.Set("k", []byte("old"), Attrs{}))
	require.NoError(t, e.Set("filler", filler, Attrs{}))
	require.NoError(t, e.Set("gone", []byte("old"), Attrs{}))
	require.NoError(t, e.Sync())
	failing := e.w.active[fresh].Segment
	fault.Fail(vfs.Rule{Op: vfs.OpSync, Name: failing.Name(), Err: syscall.EIO})
	for _, key := range []string{"k", "gone"} {
		ok, err := e.Delete(key)
		require.NoError(t, err)
		require.True(t, ok)
	}
	require.NoError(t, e.Set("filler", filler, Attrs{}))
	require.NoError(t, e.Set("k", []byte("new"), Attrs{}))
	require.NotEqual(t, failing, e.w.active[fresh].Segment)
	fault.Clear()
	fault.Fail(vfs.Rule{Op: vfs.OpSync, Name: failing.Name(), Err: syscall.EIO})
	_ = e.Sync() // it fails here, or did so in the background
	fault.Clear()
	require.NoError(t, e.Sync())

	check := func() {
		v, err := e.Get("k", nil)
		require.NoError(t, err)
		require.Equal(t, "new", string(v))
		_, err = e.Get("gone", nil)
		require.ErrorIs(t, err, ErrNotFound)
	}
	check()
	require.NoError(t, kill(e))
	e, err = Open(fault, o)
	require.NoError(t, err)
	check()
	require.NoError(t, e.Close())
}

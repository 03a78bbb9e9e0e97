package engine

import (
	"bytes"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// keysOfWalk returns the keys of a walk.
func keysOfWalk(t *testing.T, e *Engine, w Walk) (keys []string) {
	t.Helper()
	for key, err := range e.Scan(w) {
		require.NoError(t, err)
		keys = append(keys, key)
	}
	return keys
}

func openMem(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Open(vfs.NewMem(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// TestScanBounded: in the order of insertion nothing comes that was inserted after the walk began, and
// a walk that inserts something at each step ends.
func TestScanBounded(t *testing.T) {
	for _, tag := range []string{"", "t"} {
		e := openMem(t, Options{})
		for i := range 20 {
			require.NoError(t, e.Set(fmt.Sprint(i), nil, Attrs{Tag: "t"}))
		}
		var got []string
		for key, err := range e.Scan(Walk{Tag: tag}) {
			require.NoError(t, err)
			require.NoError(t, e.Set("more-"+key, nil, Attrs{Tag: "t"}))
			got = append(got, key)
			require.LessOrEqual(t, len(got), 20)
		}
		require.Len(t, got, 20)
	}
}

// TestViewsDrop: a key is found missing, and is stored before the view lets go of it.
func TestViewsDrop(t *testing.T) {
	e := openMem(t, Options{})
	require.NoError(t, e.Set("k", nil, Attrs{}))
	require.Equal(t, []string{"k"}, keysOfWalk(t, e, Walk{ByKey: true}))
	epoch := e.views.epoch.Load() // and here it is found missing, as it was before
	require.NoError(t, e.Set("k", nil, Attrs{}))
	require.False(t, e.views.drop(byKey, []byte("k"), epoch))
	require.Equal(t, []string{"k"}, keysOfWalk(t, e, Walk{ByKey: true}))
	require.True(t, e.views.drop(byKey, []byte("k"), e.views.epoch.Load()))
	require.Empty(t, keysOfWalk(t, e, Walk{ByKey: true}))
}

// TestViewsBegin: a view that is begun while a commit is applied, which has not seen it, waits for that.
func TestViewsBegin(t *testing.T) {
	e := openMem(t, Options{})
	require.NoError(t, e.Set("before", nil, Attrs{}))
	e.w.mu.Lock()
	seq := e.board.w[wordSeq].Load()
	e.board.w[wordSeq].Store(seq + 1) // as of a commit that is published
	var applied atomic.Bool
	begun := make(chan bool)
	go func() {
		_, err := e.beginView(byKey, false)
		begun <- err == nil && applied.Load()
	}()
	for range 1000 { // time enough for who does not wait
		runtime.Gosched()
	}
	applied.Store(true)
	e.board.w[wordSeq].Store(seq)
	e.w.mu.Unlock()
	require.True(t, <-begun)
	e.views.giveUp()
}

// TestViewsReindex: the index is built anew with what the views were never told of.
func TestViewsReindex(t *testing.T) {
	mem := vfs.NewMem()
	a, err := openAs(mem, Options{SegmentSize: 4096})
	require.NoError(t, err)
	b, err := openAs(mem, Options{SegmentSize: 4096})
	require.NoError(t, err)
	require.NoError(t, a.Set("k", nil, Attrs{}))
	require.Equal(t, []string{"k"}, keysOfWalk(t, b, Walk{}))
	require.Equal(t, []string{"k"}, keysOfWalk(t, b, Walk{ByKey: true}))
	b.w.mu.Lock() // it follows nothing meanwhile
	require.NoError(t, a.Set("l", nil, Attrs{}))
	require.NoError(t, b.reindex())
	b.w.mu.Unlock()
	require.Equal(t, []string{"k", "l"}, keysOfWalk(t, b, Walk{}))
	require.Equal(t, []string{"k", "l"}, keysOfWalk(t, b, Walk{ByKey: true}))
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// TestPullExpired: more expired items than one commit removes are removed by one Pull.
func TestPullExpired(t *testing.T) {
	e := openMem(t, Options{})
	for range 3*mostExpired + 7 {
		_, err := e.Push("q", nil, true, Attrs{Expires: 1})
		require.NoError(t, err)
	}
	_, err := e.Push("q", []byte("alive"), true, Attrs{})
	require.NoError(t, err)
	f, err := e.Peek("q", false)
	require.NoError(t, err)
	require.Equal(t, "alive", string(f.Value))
	n, err := e.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, 3*mostExpired+8, n)
	require.ErrorIs(t, e.Update(func(tx *Tx) error { // which removes some, and passes the others over
		f, err := tx.Pull("q", false)
		require.NoError(t, err)
		require.Equal(t, "alive", string(f.Value))
		n, err := tx.QueueLen("q")
		require.NoError(t, err)
		require.Equal(t, 2*mostExpired+7, n)
		return errRollback
	}), errRollback)
	f, err = e.Pull("q", false)
	require.NoError(t, err)
	require.Equal(t, "alive", string(f.Value))
	left, err := e.Len()
	require.NoError(t, err)
	require.Zero(t, left)
}

// TestPullDamaged: an item that cannot be read does not hold up the queue.
func TestPullDamaged(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{NoMap: true})
	require.NoError(t, err)
	for _, v := range []string{"first-value", "second-value"} {
		_, err = e.Push("q", []byte(v), true, Attrs{})
		require.NoError(t, err)
	}
	seg := e.w.active[fresh].Segment
	f, err := mem.OpenWrite(seg.Name())
	require.NoError(t, err)
	size, err := f.Size()
	require.NoError(t, err)
	b := make([]byte, size)
	_, err = f.ReadAt(b, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{'F'}, int64(bytes.Index(b, []byte("first-value"))))
	require.NoError(t, err)
	require.NoError(t, f.Close())

	_, err = e.Peek("q", false)
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = e.Pull("q", false)
	require.ErrorIs(t, err, ErrCorrupt)
	got, err := e.Pull("q", false)
	require.NoError(t, err)
	require.Equal(t, "second-value", string(got.Value))
	_ = e.Close() // it tells of the damage
}

// TestViewsFollowDrop: another process drops what has expired, without a word of which keys these
// were. A queue is not counted with them.
func TestViewsFollowDrop(t *testing.T) {
	var now atomic.Int64
	now.Store(crashClock.UnixNano())
	opt := Options{SegmentSize: 4096, Now: func() time.Time { return time.Unix(0, now.Load()) }}
	mem := vfs.NewMem()
	a, err := openAs(mem, opt)
	require.NoError(t, err)
	b, err := openAs(mem, opt)
	require.NoError(t, err)
	const n = 200
	for range n {
		now.Add(1000)
		_, err := a.Push("q", make([]byte, 50), true, Attrs{Expires: crashClock.Add(time.Minute).UnixNano()})
		require.NoError(t, err)
	}
	require.NoError(t, a.Set("stays", nil, Attrs{})) // else it is as after a Clear
	for _, e := range []*Engine{a, b} {
		got, err := e.QueueLen("q")
		require.NoError(t, err)
		require.Equal(t, n, got)
	}
	now.Add(int64(time.Hour))
	require.NoError(t, a.Compact())
	for _, e := range []*Engine{a, b} {
		got, err := e.QueueLen("q")
		require.NoError(t, err)
		left, err := e.Len()
		require.NoError(t, err)
		require.Less(t, left, n)
		require.Equal(t, left-1, got)
	}
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

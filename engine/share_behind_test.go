package engine

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// endWriters ends the segments that a process writes to, and seals them.
func endWriters(t *testing.T, e *Engine) {
	t.Helper()
	require.NoError(t, e.enter(e.life))
	for i, w := range e.w.active {
		if w != nil {
			e.bg.seal(w)
			e.w.active[i] = nil
		}
	}
	e.leave()
	require.NoError(t, e.sealRest())
}

// TestShareOwnFileGoes: a segment that a process writes to may go as that process builds its index
// anew, and what dropped it before that is read. It is not written to any more, nor does what it
// held come back.
func TestShareOwnFileGoes(t *testing.T) {
	mem := vfs.NewMem()
	a, ap := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	require.NoError(t, a.Set("k", nil, Attrs{}))
	own := a.ownSegments()[0]
	require.NoError(t, b.Set("b", nil, Attrs{})) // from now on b has the writer lock
	a.w.mu.Lock()
	reads := b.log.Acquire(0) // so that the file stays
	_, err := b.Clear()
	require.NoError(t, err)
	drop := b.ownSegments()[0].Name()
	gone := false
	ap.onOpen = func(name string) {
		if name == drop && !gone {
			gone = true
			reads.Release(0)
			assert.NoError(t, b.syncDropped(false))
			_, err := b.Clear()
			assert.NoError(t, err)
		}
	}
	require.NoError(t, a.reindex())
	require.True(t, gone)
	_, err = mem.Process().Stat(own.Name())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, a.follow())
	a.w.mu.Unlock()
	_, err = a.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, a.Set("x", nil, Attrs{}))
	_, err = b.Get("x", nil)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareGravesEndBehind: what waits for a segment to be on the disk does not wait for ever
// where that segment went before the process followed: its index was built anew without it.
func TestShareGravesEndBehind(t *testing.T) { inModes(t, testShareGravesEndBehind) }

func testShareGravesEndBehind(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	require.NoError(t, a.Set("k", nil, Attrs{}))
	require.NoError(t, b.catchUp())
	_, err := a.Clear()
	require.NoError(t, err)
	agreeOnCounts(t, a, b)
	require.NotEmpty(t, b.graves.ids()) // it does not know that the drop is on the disk
	b.w.mu.Lock()
	require.NoError(t, a.Set("between", nil, Attrs{}))
	endWriters(t, a)
	require.NoError(t, a.Set("later", nil, Attrs{}))
	_, err = a.Clear() // nothing is left of what b is to follow
	require.NoError(t, err)
	b.w.mu.Unlock()
	for range 2 {
		for _, e := range []*Engine{a, b} {
			require.NoError(t, e.Set("last", nil, Attrs{}))
			agreeOnCounts(t, a, b)
			require.NoError(t, e.Sync())
			require.NoError(t, e.syncDropped(false))
		}
	}
	require.Empty(t, b.graves.ids())
	require.Empty(t, a.graves.ids())
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareComesAsHintIsNamed: a process may come, and drop a segment, in the moment in which one
// that was alone until then gives the hint of it its name. No hint is left of what is gone.
func TestShareComesAsHintIsNamed(t *testing.T) {
	mem := vfs.NewMem()
	a, ap := openIn(t, mem, Options{})
	require.NoError(t, a.Set("k", nil, Attrs{}))
	own := a.ownSegments()[0]
	var b *Engine
	ap.onRename = func(from string) {
		if b != nil || !strings.Contains(from, ".hint") {
			return
		}
		var err error
		b, err = openAs(mem, Options{LockTimeout: 50 * time.Millisecond})
		if assert.NoError(t, err) {
			_, _ = b.Clear() // unless it has to wait
		}
	}
	endWriters(t, a)
	require.NotNil(t, b)
	_, err := b.Clear()
	require.NoError(t, err)
	for _, name := range []string{own.Name(), codec.HintName(own.ID)} {
		_, err = mem.Process().Stat(name)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareLosesValueFile: a large value is written before the record that names it. Where the
// locks were lost in between others may have removed it: then it is not named.
func TestShareLosesValueFile(t *testing.T) {
	onServers(t, 2, func(t *testing.T, srv *vfs.Server, _ uint64) {
		opt := Options{Freshness: -1, FileThreshold: 1000}
		retry := vfs.RetryOptions{Tries: 2, Sleep: srv.Tick}
		h := srv.Host("a")
		a, err := Open(vfs.NewRetry(h.Process(), retry), opt)
		require.NoError(t, err)
		b, err := Open(vfs.NewRetry(srv.Host("b").Process(), retry), opt)
		require.NoError(t, err)
		r := &request{done: make(chan struct{}, 1)}
		r.ops = r.one[:]
		value := make([]byte, 3000)
		require.NoError(t, a.prepare(&r.ops[0], "k", value, Attrs{}, false))
		h.CutOff()
		srv.Restart()
		srv.Tick(2 * time.Minute)
		if err := b.Set("b", nil, Attrs{}); err != nil { // its locks may be lost, too
			require.NoError(t, b.Set("b", nil, Attrs{}))
		}
		require.NoError(t, b.enter(b.life))
		require.NoError(t, b.inherit())
		b.leave()
		require.Eventually(t, func() bool { return valueFiles(srv.Disk()) == 0 }, time.Minute, time.Millisecond)
		h.Reconnect()
		for range 3 {
			if err = a.commit(r); err == nil {
				break
			}
			r.err = nil
		}
		require.ErrorIs(t, err, ErrLockLost)
		require.NoError(t, a.Set("k", value, Attrs{}))
		got, err := b.Get("k", nil)
		require.NoError(t, err)
		require.Equal(t, value, got)
		_ = b.Close() // which returns what the background met meanwhile
		_ = a.Close()
	})
}

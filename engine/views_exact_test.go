package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// meddler is a cache in which something is done at each look at certain keys, after the view was asked
// and before the index is. It stops where nobody else could do it either.
type meddler struct {
	*Engine
	at    map[string]func()
	busy  atomic.Bool
	looks int
}

func newMeddler(t *testing.T, o Options) *meddler {
	m := &meddler{}
	o.Hash = func(key string) uint64 {
		m.meddle(key)
		return xxhash.Sum64String(key)
	}
	m.Engine = openMem(t, o)
	return m
}

func (m *meddler) meddle(key string) {
	do := m.at[key]
	if do == nil || !m.busy.CompareAndSwap(false, true) {
		return
	}
	defer m.busy.Store(false)
	m.looks++
	if m.w.mu.TryLock() {
		m.w.mu.Unlock()
		do()
	}
}

// alternate has the first item of the queue q be another one at each look at it: a, then z.
// Behind it there is always b.
func (m *meddler) alternate(t *testing.T) {
	a, z := formatQueueKey("q", firstNumber-1), formatQueueKey("q", firstNumber-2)
	_, err := m.Push("q", []byte("b"), true, Attrs{})
	require.NoError(t, err)
	require.NoError(t, m.Set(a, []byte("a"), Attrs{}))
	replace := func(key, other, value string) func() {
		return func() {
			require.NoError(t, m.Update(func(tx *Tx) error {
				if _, err := tx.Delete(key); err != nil {
					return err
				}
				return tx.Set(other, []byte(value), Attrs{})
			}))
		}
	}
	m.at = map[string]func(){a: replace(a, z, "z"), z: replace(z, a, "a")}
}

// TestQueueOvertaken: the end of a queue is never what was not at that end, however often who looks is
// overtaken.
func TestQueueOvertaken(t *testing.T) {
	for name, look := range map[string]func(e *Engine) (Found, error){
		"Peek":    func(e *Engine) (Found, error) { return e.Peek("q", false) },
		"QueueAt": func(e *Engine) (Found, error) { return e.QueueAt("q", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeddler(t, Options{})
			m.alternate(t)
			f, err := look(m.Engine)
			require.NoError(t, err)
			require.Contains(t, []string{"a", "z"}, string(f.Value))
			require.Less(t, m.looks, 2*freeTries+3)
		})
	}
}

// TestQueueReplaced: the first item is replaced between the look at the view and that at the index,
// and is not the first any more.
func TestQueueReplaced(t *testing.T) {
	for name, look := range map[string]func(e *Engine) (Found, error){
		"Peek":    func(e *Engine) (Found, error) { return e.Peek("q", false) },
		"QueueAt": func(e *Engine) (Found, error) { return e.QueueAt("q", 0) },
	} {
		m := newMeddler(t, Options{})
		key, err := m.Push("q", []byte("first"), true, Attrs{})
		require.NoError(t, err)
		m.at = map[string]func(){key: func() {
			m.at = nil
			require.NoError(t, m.Update(func(tx *Tx) error {
				if _, err := tx.Push("q", []byte("new first"), false, Attrs{}); err != nil {
					return err
				}
				return tx.Set(key, []byte("never first"), Attrs{})
			}))
		}}
		f, err := look(m.Engine)
		require.NoError(t, err)
		require.Equal(t, "new first", string(f.Value), name)
	}
}

// TestQueueLenOvertaken: a queue is counted exactly, and without an error, however often a commit
// comes between a look at what is gone and the taking out of it; and what has come back is looked
// at no more often than that.
func TestQueueLenOvertaken(t *testing.T) {
	m := newMeddler(t, Options{})
	_, err := m.Push("q", nil, true, Attrs{})
	require.NoError(t, err)
	gone := formatQueueKey("q", firstNumber+7)
	loosen := func() {
		n, err := m.QueueLen("q")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		m.views.mu.Lock() // as after it was given up
		m.views.built[byQueue].set.Add(appendQueue(nil, "q", firstNumber+7))
		m.views.loose.Add(1)
		m.views.mu.Unlock()
	}
	loosen()
	m.at = map[string]func(){gone: func() { require.NoError(t, m.Set("other", nil, Attrs{})) }}
	n, err := m.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Greater(t, m.looks, maxLookups)

	loosen()
	m.looks = 0
	m.at[gone] = func() {
		if m.looks == 1 {
			require.NoError(t, m.Set("other", nil, Attrs{}))
		} else {
			require.NoError(t, m.Set(gone, nil, Attrs{}))
		}
	}
	n, err = m.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, 2, m.looks)
}

// TestQueueLenFailingDisk: a queue of which cannot be told what is there has no length.
func TestQueueLenFailingDisk(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	e, err := Open(fault, Options{NoMap: true})
	require.NoError(t, err)
	_, err = e.Push("q", []byte("v"), true, Attrs{})
	require.NoError(t, err)
	n, err := e.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	e.views.loose.Add(1)
	fault.Fail(vfs.Rule{Op: vfs.OpRead, Err: syscall.EIO})
	_, err = e.QueueLen("q")
	require.ErrorIs(t, err, syscall.EIO)
	fault.Clear()
	n, err = e.QueueLen("q")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, e.Close())
}

// TestPeekPages: what is first is of one moment, also if many are passed over before it is found, and at
// whichever point of that another process changes it.
func TestPeekPages(t *testing.T) {
	for at := 1; ; at++ {
		mem := vfs.NewMem()
		opt := Options{Now: func() time.Time { return crashClock }, Freshness: -1}
		w, err := openAs(mem, opt)
		require.NoError(t, err)
		first, err := w.Push("q", []byte("expired"), true, Attrs{Expires: 1})
		require.NoError(t, err)
		second, err := w.Push("q", []byte("b"), true, Attrs{})
		require.NoError(t, err)
		_, err = w.Push("q", []byte("never first"), true, Attrs{})
		require.NoError(t, err)

		calls := 0
		change := func() {
			require.NoError(t, w.Set(first, []byte("a"), Attrs{}))
			_, err := w.Delete(second)
			require.NoError(t, err)
		}
		opt.ReadOnly = true
		opt.Now = func() time.Time {
			if calls++; calls == at {
				change()
			}
			return crashClock
		}
		calls = 1 << 30 // not yet
		r, err := openAs(mem, opt)
		require.NoError(t, err)
		_, err = r.QueueLen("q")
		require.NoError(t, err)
		calls = 0
		f, err := r.Peek("q", false)
		require.NoError(t, err)
		require.Contains(t, []string{"a", "b"}, string(f.Value), "changed at %d", at)
		met := calls >= at
		calls = 1 << 30
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
		if !met {
			require.Greater(t, at, 3)
			return
		}
	}
}

// TestQueueHalfApplied: who looks while a commit of several changes is being applied does not take for
// the first item what is so only in between. The item "new" always has another one before it.
func TestQueueHalfApplied(t *testing.T) {
	e := openMem(t, Options{})
	_, err := e.Push("q", []byte("expired"), true, Attrs{Expires: 1})
	require.NoError(t, err)
	key, err := e.Push("q", []byte("old"), true, Attrs{})
	require.NoError(t, err)
	before := formatQueueKey("q", firstNumber-1)
	turn := func(value string, change func(tx *Tx) error) error {
		return e.Update(func(tx *Tx) error {
			err := tx.Set(key, []byte(value), Attrs{})
			for i := 0; i < 300 && err == nil; i++ { // to apply them takes a while
				err = tx.Set(fmt.Sprint(i), nil, Attrs{})
			}
			return errors.Join(err, change(tx))
		})
	}
	var done atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		defer done.Store(true)
		for range 200 {
			err := turn("new", func(tx *Tx) error { return tx.Set(before, []byte("before"), Attrs{}) })
			if err == nil {
				err = turn("old", func(tx *Tx) error {
					_, err := tx.Delete(before)
					return err
				})
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for !done.Load() {
		f, err := e.Peek("q", false)
		require.NoError(t, err)
		assert.NotEqual(t, "new", string(f.Value))
	}
	all.Wait()
}

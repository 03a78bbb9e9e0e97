package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// inUpdate opens two processes and calls fn while a transaction of the first is under way.
func inUpdate(t *testing.T, newMem func() *vfs.Mem, o Options, fn func(a, b *Engine)) {
	t.Helper()
	mem := newMem()
	o.Holder = "the first one"
	a, err := openAs(mem, o)
	require.NoError(t, err)
	o.Holder = "the second one"
	b, err := openAs(mem, o)
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	require.NoError(t, a.Update(func(tx *Tx) error {
		require.NoError(t, tx.Set("k", []byte("2"), Attrs{}))
		fn(a, b)
		return nil
	}))
	require.NoError(t, a.Close())
	if err := b.Close(); err != nil {
		require.ErrorIs(t, err, ErrClosed)
	}
}

// TestShareTimeout: who waits in vain for another process is told which it is.
func TestShareTimeout(t *testing.T) { inModes(t, testShareTimeout) }

func testShareTimeout(t *testing.T, newMem func() *vfs.Mem) {
	inUpdate(t, newMem, Options{LockTimeout: 10 * time.Millisecond}, func(a, b *Engine) {
		for name, do := range map[string]func() error{
			"Set":    func() error { return b.Set("k", nil, Attrs{}) },
			"Delete": func() error { _, err := b.Delete("k"); return err },
			"Update": func() error { return b.Update(func(*Tx) error { return errors.New("not to be called") }) },
		} {
			err := do()
			require.ErrorIs(t, err, ErrTimeout, name)
			require.ErrorContains(t, err, "the first one", name)
		}
	})
}

// TestShareUpdateContext: a transaction waits for other processes as long as its context
// says, not as long as LockTimeout does.
func TestShareUpdateContext(t *testing.T) { inModes(t, testShareUpdateContext) }

func testShareUpdateContext(t *testing.T, newMem func() *vfs.Mem) {
	inUpdate(t, newMem, Options{}, func(a, b *Engine) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		err := b.UpdateContext(ctx, func(*Tx) error { return errors.New("not to be called") })
		require.ErrorIs(t, err, ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		ctx, cancel = context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, b.UpdateContext(ctx, func(*Tx) error { return nil }), context.Canceled)
	})
}

// TestShareReadsDoNotWait: who reads does not wait for the transactions of other processes,
// nor of its own, and sees nothing of them before they are committed.
func TestShareReadsDoNotWait(t *testing.T) { inModes(t, testShareReadsDoNotWait) }

func testShareReadsDoNotWait(t *testing.T, newMem func() *vfs.Mem) {
	inUpdate(t, newMem, Options{}, func(a, b *Engine) {
		for _, e := range []*Engine{a, b} {
			v, err := e.Get("k", nil)
			require.NoError(t, err)
			require.Equal(t, "1", string(v))
			n, err := e.Len()
			require.NoError(t, err)
			require.Equal(t, 1, n)
			for kv, err := range e.Items() {
				require.NoError(t, err)
				require.Equal(t, "1", string(kv.Value))
			}
		}
	})
}

// TestShareLockIsHandedOn: a process that commits all the time lets another one in.
func TestShareLockIsHandedOn(t *testing.T) { inModes(t, testShareLockIsHandedOn) }

func testShareLockIsHandedOn(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, err := openAs(mem, Options{})
	require.NoError(t, err)
	b, err := openAs(mem, Options{LockTimeout: 2 * time.Second})
	require.NoError(t, err)
	quit, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-quit:
				done <- nil
				return
			default:
				if err := a.Set("busy", []byte("1"), Attrs{}); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	for range 3 {
		assert.NoError(t, b.Set("k", []byte("1"), Attrs{}))
	}
	close(quit)
	require.NoError(t, <-done)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// TestShareCloseWhileWaiting: Close does not wait for other processes, and ends who does.
func TestShareCloseWhileWaiting(t *testing.T) { inModes(t, testShareCloseWhileWaiting) }

func testShareCloseWhileWaiting(t *testing.T, newMem func() *vfs.Mem) {
	for name, update := range map[string]func(*Engine) error{
		"Update": func(e *Engine) error { return e.Update(func(*Tx) error { return nil }) },
		"UpdateContext": func(e *Engine) error {
			return e.UpdateContext(context.Background(), func(*Tx) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inUpdate(t, newMem, Options{}, func(a, b *Engine) {
				waits := make(chan error, 1)
				go func() { waits <- update(b) }()
				waitUntilWanted(t, a)
				require.NoError(t, b.Close())
				require.ErrorIs(t, <-waits, ErrClosed)
			})
		})
	}
}

// TestShareClosed: after Close of one of several processes all its calls say that it is
// closed. None of them touches the page, which is not there any more.
func TestShareClosed(t *testing.T) { inModes(t, testShareClosed) }

func testShareClosed(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, err := openAs(mem, Options{FileThreshold: 1000})
	require.NoError(t, err)
	b, err := openAs(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	used := a.DiskUsage()
	require.NoError(t, a.Close())
	require.NoError(t, b.Set("k", []byte("2"), Attrs{}))
	require.Nil(t, a.board.w)
	for name, do := range map[string]func() error{
		"Get":     func() error { _, err := a.Get("k", nil); return err },
		"Item":    func() error { _, err := a.Item("k"); return err },
		"Set":     func() error { return a.Set("k", nil, Attrs{}) },
		"file":    func() error { return a.Set("k", make([]byte, 2000), Attrs{}) },
		"Delete":  func() error { _, err := a.Delete("k"); return err },
		"Update":  func() error { return a.Update(func(*Tx) error { return nil }) },
		"Context": func() error { return a.UpdateContext(context.Background(), func(*Tx) error { return nil }) },
		"Compact": a.Compact,
		"Sync":    a.Sync,
		"Close":   a.Close,
		"Clear":   func() error { _, err := a.Clear(); return err },
		"Expire":  func() error { _, err := a.Expire(); return err },
		"Cull":    func() error { _, err := a.EvictTag("t"); return err },
		"Check":   func() error { _, err := a.Check(false); return err },
		"Len":     func() error { _, err := a.Len(); return err },
		"Stats":   func() error { _, err := a.Stats(); return err },
		"Items": func() error {
			for _, err := range a.Items() {
				return err
			}
			return nil
		},
	} {
		require.ErrorIs(t, do(), ErrClosed, name)
	}
	require.GreaterOrEqual(t, a.DiskUsage(), used)
	require.NoError(t, b.Close())
}

// forkedNow says that this process is a child.
type forkedNow struct{}

func (forkedNow) Forked() bool { return true }

// TestShareForked: a forked child has copies of the memory and none of the locks. It is
// told so, and changes nothing.
func TestShareForked(t *testing.T) {
	mem := vfs.NewMem()
	a, err := Open(mem.Process(), Options{FileThreshold: 1000})
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	parent := a.guard
	a.reclaiming.stop() // a child has no goroutines
	before := mem.Files()
	a.guard = forkedNow{}
	for name, do := range map[string]func() error{
		"Get":    func() error { _, err := a.Get("k", nil); return err },
		"Set":    func() error { return a.Set("k", nil, Attrs{}) },
		"file":   func() error { return a.Set("k", make([]byte, 2000), Attrs{}) },
		"Update": func() error { return a.Update(func(*Tx) error { return nil }) },
		"Sync":   a.Sync,
		"Clear":  func() error { _, err := a.Clear(); return err },
		"Len":    func() error { _, err := a.Len(); return err },
		"Close":  a.Close,
	} {
		require.ErrorIs(t, do(), ErrForked, name)
	}
	require.Equal(t, before, mem.Files())
	a.guard = parent
	a.reclaiming.start(a)
	require.NoError(t, a.Close())
}

// TestShareLockIsGivenUp: who has had the lock for a while gives it up when he has committed
// and another process wants it, and keeps it when none does.
func TestShareLockIsGivenUp(t *testing.T) {
	for _, wanted := range []uint64{0, 1} {
		e, err := Open(vfs.NewMem().Process(), Options{})
		require.NoError(t, err)
		require.NoError(t, e.enter(e.life))
		e.dir.ticks.Stop()
		e.dir.since = time.Time{}
		e.board.w[wordWant].Store(wanted)
		e.leave()
		e.w.mu.Lock()
		require.Equal(t, wanted == 0, e.dir.held)
		e.w.mu.Unlock()
		require.NoError(t, e.Close())
	}
}

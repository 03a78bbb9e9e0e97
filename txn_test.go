package diskcache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func mustBegin(t *testing.T, c *Cache) Txn {
	t.Helper()
	h, err := c.Begin(context.Background())
	require.NoError(t, err)
	return h
}

func TestHandleCommits(t *testing.T) {
	c := mustOpen(t, t.TempDir(), nil)
	h := mustBegin(t, c)
	require.NoError(t, h.Set("a", []byte("1")))
	ok, err := c.Has("a") // readers do not wait
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, h.Commit())
	require.NoError(t, h.Rollback())
	v, err := c.Get("a")
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	require.ErrorIs(t, h.Commit(), ErrTxDone)
	require.ErrorIs(t, h.Set("a", nil), ErrTxDone)
	_, err = h.Begin()
	require.ErrorIs(t, err, ErrTxDone)

	h = mustBegin(t, c)
	_, err = h.Delete("a")
	require.NoError(t, err)
	require.NoError(t, h.Rollback())
	_, err = h.Get("a")
	require.ErrorIs(t, err, ErrTxDone)
	ok, err = c.Has("a")
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, c.Close())
}

func TestHandlesJoin(t *testing.T) {
	c := mustOpen(t, t.TempDir(), nil)
	outer := mustBegin(t, c)
	require.NoError(t, outer.Set("a", []byte("1")))
	inner, err := outer.Begin()
	require.NoError(t, err)
	_, err = inner.Incr("a", 1)
	require.NoError(t, err)
	require.NoError(t, inner.Commit())
	require.ErrorIs(t, inner.Set("b", nil), ErrTxDone)
	require.ErrorIs(t, inner.Commit(), ErrTxDone)
	require.NoError(t, inner.Rollback())
	_, err = outer.Incr("a", 1)
	require.NoError(t, err)
	require.NoError(t, outer.Commit())
	v, err := c.Get("a")
	require.NoError(t, err)
	require.Equal(t, "3", string(v))

	outer = mustBegin(t, c)
	inner, err = outer.Begin()
	require.NoError(t, err)
	innermost, err := inner.Begin()
	require.NoError(t, err)
	_, err = innermost.Incr("a", 1)
	require.NoError(t, err)
	require.NoError(t, innermost.Rollback())
	require.ErrorIs(t, inner.Commit(), ErrTxRolledBack)
	require.ErrorIs(t, outer.Set("b", nil), ErrTxRolledBack)
	require.ErrorIs(t, outer.Commit(), ErrTxRolledBack)
	require.ErrorIs(t, outer.Commit(), ErrTxDone)
	v, err = c.Get("a")
	require.NoError(t, err)
	require.Equal(t, "3", string(v))
	require.NoError(t, c.Close())
}

// TestHandleIsBusy uses a transaction while it is in use: within the clock of a read that
// another goroutine has begun.
func TestHandleIsBusy(t *testing.T) {
	var h Txn
	var met []error
	c := mustOpen(t, t.TempDir(), &Options{Now: func() time.Time {
		if h != nil {
			busy := h
			h = nil
			_, err := busy.Get("k")
			_, berr := busy.Begin()
			met = append(met, err, berr, busy.Commit(), busy.Rollback())
		}
		return time.Unix(1_700_000_000, 0)
	}})
	require.NoError(t, c.Set("k", nil, TTL(time.Hour)))
	own := mustBegin(t, c)
	h = own
	_, err := own.Get("k")
	require.NoError(t, err)
	require.Len(t, met, 4)
	for _, err := range met {
		require.ErrorIs(t, err, ErrTxBusy)
	}
	require.NoError(t, own.Commit())
	require.NoError(t, c.Close())
}

// TestHandleOfAnyGoroutine uses a transaction by several, one after the other.
func TestHandleOfAnyGoroutine(t *testing.T) {
	c := mustOpen(t, t.TempDir(), nil)
	h := mustBegin(t, c)
	var wg sync.WaitGroup
	var errs []error
	for range 10 {
		wg.Go(func() { _, err := h.Incr("n", 1); errs = append(errs, err) })
		wg.Wait()
	}
	wg.Go(func() { errs = append(errs, h.Commit()) })
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	n, err := c.Incr("n", 0)
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
	require.NoError(t, c.Close())
}

func TestBeginWaits(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	h := mustBegin(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.Begin(ctx)
	require.ErrorIs(t, err, ErrTimeout)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, c.UpdateContext(ctx, func(*Tx) error { return nil }), ErrTimeout)
	set := make(chan error)
	go func() { set <- c.Set("a", []byte("2")) }()
	require.NoError(t, h.Set("a", []byte("1")))
	require.NoError(t, h.Commit())
	require.NoError(t, <-set)
	v, err := c.Get("a")
	require.NoError(t, err)
	require.Equal(t, "2", string(v))
	require.NoError(t, c.Close())
}

// TestCloseEndsHandle closes a cache while a transaction of it is open, and one of another
// Cache of the directory waits.
func TestCloseEndsHandle(t *testing.T) {
	dir := t.TempDir()
	c, other := mustOpen(t, dir, &Options{FileThreshold: 10}), mustOpen(t, dir, nil)
	h := mustBegin(t, c)
	inner, err := h.Begin()
	require.NoError(t, err)
	require.NoError(t, inner.Set("a", long(1)))
	began := make(chan error)
	go func() {
		h, err := other.Begin(context.Background())
		if err == nil {
			err = h.Commit()
		}
		began <- err
	}()
	require.NoError(t, c.Close())
	require.NoError(t, <-began)
	for _, h := range []Txn{h, inner} {
		require.ErrorIs(t, h.Set("a", nil), ErrTxDone)
		require.ErrorIs(t, h.Commit(), ErrTxDone)
		require.NoError(t, h.Rollback())
	}
	_, err = c.Begin(context.Background())
	require.ErrorIs(t, err, ErrClosed)
	ok, err := other.Has("a")
	require.NoError(t, err)
	require.False(t, ok)
	problems, err := other.Check(false)
	require.NoError(t, err)
	require.Empty(t, problems) // no file of the value is left
	require.NoError(t, other.Close())
}

func init() {
	children["handle"] = func(dir string) int {
		c, err := Open(dir, &Options{FileThreshold: 10})
		if err == nil {
			var h Txn
			if h, err = c.Begin(context.Background()); err == nil {
				err = errors.Join(h.Set("a", []byte("2")), h.Set("b", long(3)))
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		os.Stdout.WriteString("open")
		select {}
	}
}

// TestHandleOfTheDead kills a process that has a transaction open: nothing of it is left, and
// nobody waits for it.
func TestHandleOfTheDead(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{FileThreshold: 10})
	require.NoError(t, c.Set("a", []byte("1")))
	p := exec.Command(os.Args[0], dir)
	p.Env = append(os.Environ(), childEnv+"=handle")
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	_, err = out.Read(make([]byte, 4))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Begin(ctx)
	require.ErrorIs(t, err, ErrTimeout)
	require.NoError(t, p.Process.Kill())
	_ = p.Wait()
	n, err := c.Incr("a", 1)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	ok, err := c.Has("b")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, c.Close())
}

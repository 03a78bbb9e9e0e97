package diskcache

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// waitFor waits in a goroutine, and returns where to learn of the outcome.
func waitFor(c *Cache, key string, version uint64) <-chan error {
	out := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // to fail, not to hang
		defer cancel()
		out <- c.Wait(ctx, key, version)
	}()
	return out
}

func versionOf(t *testing.T, c *Cache, key string) uint64 {
	t.Helper()
	it, err := c.Item(key)
	if errors.Is(err, ErrNotFound) {
		return 0
	}
	require.NoError(t, err)
	return it.Version
}

// TestWait waits for each way in which a key may change, while another one does all the time.
func TestWait(t *testing.T) {
	c := mustOpen(t, t.TempDir(), nil)
	require.NoError(t, c.Set("there", nil, Tag("t")))
	require.NoError(t, c.Wait(context.Background(), "there", 0)) // it is so already
	require.NoError(t, c.Wait(context.Background(), "none", 7))
	for _, change := range []func() error{
		func() error { return c.Set("k", nil) },
		func() error { _, err := c.Incr("k2", 1); return err },
		func() error { _, err := c.Touch("k"); return err },
		func() error { return c.Update(func(tx *Tx) error { return tx.Set("k", nil) }) },
		func() error { _, err := c.Delete("k"); return err },
		func() error { return c.SetMany([]KeyValue{{Key: "k"}, {Key: "k2"}}) },
		func() error { _, err := c.Clear(); return err },
		func() error { return c.Set("k", nil, Tag("t")) },
		func() error { _, err := c.EvictTag("t"); return err },
	} {
		before := versionOf(t, c, "k")
		changed := waitFor(c, "k", before)
		require.NoError(t, c.Set("other", nil))
		require.NoError(t, change())
		if versionOf(t, c, "k") == before { // it was about k2
			require.Empty(t, changed)
			require.NoError(t, c.Set("k", nil))
		}
		require.NoError(t, <-changed)
	}
	require.NoError(t, c.Close())
}

func TestWaitEnds(t *testing.T) {
	dir := t.TempDir()
	c, other := mustOpen(t, dir, nil), mustOpen(t, dir, nil)
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan error)
	go func() { out <- c.Wait(ctx, "k", 0) }()
	cancel()
	require.ErrorIs(t, <-out, context.Canceled)
	waits := waitFor(c, "k", 0)
	require.NoError(t, c.Close()) // the directory stays open
	require.ErrorIs(t, <-waits, ErrClosed)
	require.ErrorIs(t, c.Wait(context.Background(), "k", 0), ErrClosed)
	waits = waitFor(other, "k", 0)
	require.NoError(t, other.Close())
	require.ErrorIs(t, <-waits, ErrClosed)
}

// TestWaitExpires waits for the end of an item, by the clock of the machine, in a bubble in
// which it goes by itself.
func TestWaitExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustOpen(t, t.TempDir(), &Options{ManualCompaction: true})
		begin := time.Now()
		require.NoError(t, c.Set("k", nil, TTL(90*time.Second)))
		require.NoError(t, c.Wait(context.Background(), "k", versionOf(t, c, "k")))
		require.Equal(t, 90*time.Second, time.Since(begin).Truncate(time.Second))
		require.NoError(t, c.Close())
	})
}

// TestWaitExpiresByGivenClock sets the clock that was given.
func TestWaitExpiresByGivenClock(t *testing.T) {
	var now atomic.Int64
	now.Store(1_700_000_000_000_000_000)
	c := mustOpen(t, t.TempDir(), &Options{Now: func() time.Time { return time.Unix(0, now.Load()) }})
	require.NoError(t, c.Set("k", nil, TTL(time.Hour)))
	out := waitFor(c, "k", versionOf(t, c, "k"))
	now.Add(int64(2 * time.Hour))
	require.NoError(t, <-out)
	require.NoError(t, c.Close())
}

func init() {
	children["answer"] = func(dir string) int {
		c, err := Open(dir, &Options{Network: Network(len(os.Args) - 2), Freshness: -1})
		for i := 0; err == nil && i < answers; i++ {
			var it Item
			if err = c.Wait(context.Background(), "ask"+itoa(i), 0); err == nil {
				if it, err = c.Item("ask" + itoa(i)); err == nil {
					err = c.Set("answer"+itoa(i), it.Value)
				}
			}
		}
		if err != nil || c.Close() != nil {
			return 1
		}
		return 0
	}
}

const answers = 100

// TestWaitForProcess plays ball with another process: each waits for the other.
func TestWaitForProcess(t *testing.T) {
	for _, network := range []Network{NetworkNever, NetworkYes} {
		dir := t.TempDir()
		o := &Options{Network: network, Freshness: -1}
		c := mustOpen(t, dir, o)
		p := exec.Command(os.Args[0], append([]string{dir}, make([]string, network)...)...)
		p.Env = append(os.Environ(), childEnv+"=answer")
		p.Stderr = os.Stderr
		require.NoError(t, p.Start())
		for i := range answers {
			require.NoError(t, c.Set("ask"+itoa(i), []byte(itoa(i))))
			require.NoError(t, c.Wait(context.Background(), "answer"+itoa(i), 0))
			v, err := c.Get("answer" + itoa(i))
			require.NoError(t, err)
			require.Equal(t, itoa(i), string(v))
			if network == NetworkYes && i == 3 {
				break // it takes its time there
			}
		}
		if network == NetworkYes {
			require.NoError(t, p.Process.Kill())
			_ = p.Wait()
		} else {
			require.NoError(t, p.Wait())
		}
		require.NoError(t, c.Close())
	}
}

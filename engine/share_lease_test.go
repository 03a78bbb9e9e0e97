package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/lease"
	"github.com/go-diskcache/diskcache/vfs"
)

// leaseTime is the time that leases go by. It passes when a test says so, and all who live beat.
type leaseTime struct {
	srv *vfs.Server

	mu    sync.Mutex
	now   time.Time
	beats []*beating
}

type beating struct {
	beat    func()
	stopped bool
}

func (c *leaseTime) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *leaseTime) every(_ time.Duration, f func()) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &beating{beat: f}
	c.beats = append(c.beats, b)
	return func() { c.stop(b) }
}

func (c *leaseTime) stop(b *beating) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.stopped = true
}

// pass lets time pass.
func (c *leaseTime) pass(d time.Duration) {
	for ; d > 0; d -= lease.Beat {
		c.mu.Lock()
		c.now = c.now.Add(min(d, lease.Beat))
		beats := slices.DeleteFunc(slices.Clone(c.beats), func(b *beating) bool { return b.stopped })
		c.mu.Unlock()
		c.srv.Tick(min(d, lease.Beat))
		for _, b := range beats {
			b.beat()
		}
	}
}

// passUntil lets time pass until something is done.
func (c *leaseTime) passUntil(do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(5 * time.Millisecond): // that is looked at meanwhile
			c.pass(lease.Beat)
		}
	}
}

// with gives a directory leases that go by this time.
func (c *leaseTime) with(fsys vfs.FS) vfs.FS {
	return lease.New(fsys, lease.Options{Now: c.Now, Every: c.every})
}

// onLockless runs a test on network disks of each kind that give no locks.
func onLockless(t *testing.T, seeds uint64, test func(t *testing.T, c *leaseTime, seed uint64)) {
	if testing.Short() {
		seeds = min(seeds, 2)
	}
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%v %d", f, seed), func(t *testing.T) {
				t.Parallel()
				srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed, NoLocks: true})
				test(t, &leaseTime{srv: srv, now: time.Unix(1700000000, 0)}, seed)
			})
		}
	}
}

// TestLeaseAskedFor: a disk without locks is refused, and the error says what there is instead.
func TestLeaseAskedFor(t *testing.T) {
	onLockless(t, 1, func(t *testing.T, c *leaseTime, _ uint64) {
		for range 2 {
			_, err := Open(vfs.NewRetry(c.srv.Host("a").Process(), vfs.RetryOptions{}), Options{})
			require.ErrorIs(t, err, ErrNoLocks)
			require.ErrorContains(t, err, "Options.Locking")
		}
		for _, l := range []Locking{LockingLeasefile, LockingNone} {
			e, err := Open(asMounted(c.srv.Host("a")), Options{Locking: l})
			require.NoError(t, err)
			require.NoError(t, e.Set("k", []byte{byte(l)}, Attrs{}))
			require.NoError(t, e.Close())
			e, err = Open(asMounted(c.srv.Host("b")), Options{Locking: l})
			require.NoError(t, err)
			v, err := e.Get("k", nil)
			require.NoError(t, err)
			require.Equal(t, []byte{byte(l)}, v)
			require.NoError(t, e.Close())
		}
	})
	_, err := Open(vfs.NewMem(), Options{Locking: LockingNone + 1})
	require.ErrorIs(t, err, ErrOption)
}

// TestLeaseModel: operations of several processes, one after the other, are those of one map.
func TestLeaseModel(t *testing.T) {
	onLockless(t, 10, func(t *testing.T, c *leaseTime, seed uint64) {
		hosts := []*vfs.Host{c.srv.Host("a"), c.srv.Host("a"), c.srv.Host("b")}
		procs := anyOrder(t, seed, 150, func(i int) vfs.FS { return c.with(asMounted(hosts[i])) }, true)
		for _, e := range procs {
			require.NoError(t, e.Close())
		}
	})
}

// TestLeaseLost: what happens to hosts, and their leases, loses nothing and counts nothing twice.
func TestLeaseLost(t *testing.T) {
	onLockless(t, 20, func(t *testing.T, c *leaseTime, seed uint64) {
		losesLocks(t, c.srv, seed, c.with, c.pass)
	})
}

// TestLeaseHolderStops: who is stopped in a transaction for so long that another takes its lease
// over has not committed it, and is told.
func TestLeaseHolderStops(t *testing.T) {
	onLockless(t, 10, func(t *testing.T, lt *leaseTime, _ uint64) {
		opt := Options{Freshness: -1}
		a, err := Open(lt.with(asMounted(lt.srv.Host("a"))), opt)
		require.NoError(t, err)
		beats := lt.beats[0]
		b, err := Open(lt.with(asMounted(lt.srv.Host("b"))), opt)
		require.NoError(t, err)
		c := &counting{t: t}
		require.NoError(t, c.up(a))
		require.NoError(t, c.up(b))

		began := lt.Now()
		err = a.Update(func(tx *Tx) error {
			lt.stop(beats)
			v, err := tx.Get("n", nil)
			require.NoError(t, err)
			require.Equal(t, "2", string(v))
			require.NoError(t, lt.passUntil(func() error { return c.up(b) }))
			return tx.Set("n", []byte("lost"), Attrs{})
		})
		require.ErrorIs(t, err, ErrLockLost)
		require.GreaterOrEqual(t, lt.Now().Sub(began), lease.Wait)
		require.NoError(t, c.read(b))
		require.NoError(t, lt.passUntil(func() error { return c.up(a) }), "it goes on by itself")
		require.NoError(t, c.up(b))
		require.NoError(t, c.read(a))
		_ = a.Close() // which returns what the background met meanwhile
		require.NoError(t, lt.passUntil(b.Close))
	})
}

// TestLeaseHolderDies: what a process had that was killed another takes over, with what it has
// committed.
func TestLeaseHolderDies(t *testing.T) {
	onLockless(t, 10, func(t *testing.T, lt *leaseTime, _ uint64) {
		opt := Options{Freshness: -1}
		ap := lt.srv.Host("a").Process()
		a, err := Open(lt.with(vfs.NewRetry(ap, vfs.RetryOptions{})), opt)
		require.NoError(t, err)
		b, err := Open(lt.with(asMounted(lt.srv.Host("b"))), opt)
		require.NoError(t, err)
		c := &counting{t: t}
		require.NoError(t, c.up(b))
		require.NoError(t, c.up(a))
		require.Error(t, a.Update(func(tx *Tx) error {
			require.NoError(t, tx.Set("n", []byte("lost"), Attrs{}))
			ap.Kill()
			return errors.New("it is dead")
		}))
		_ = a.Close()
		began := lt.Now()
		require.NoError(t, lt.passUntil(func() error { return c.up(b) }))
		require.GreaterOrEqual(t, lt.Now().Sub(began), lease.Wait-lease.Beat)
		require.NoError(t, lt.passUntil(b.Close))
	})
}

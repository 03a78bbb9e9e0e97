package engine

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareMixedLocking: processes that are kept apart by different means refuse each other, by an
// error that says so, and find what the other has left once that is closed.
func TestShareMixedLocking(t *testing.T) {
	all := []Locking{LockingFcntl, LockingLeasefile, LockingNone}
	disks := map[string]func() func() vfs.FS{
		"local": func() func() vfs.FS {
			mem := vfs.NewMem()
			return func() vfs.FS { return mem.Process() }
		},
		"network": func() func() vfs.FS {
			srv := vfs.NewServer(vfs.ServerOptions{Flavour: vfs.NFS4})
			return func() vfs.FS { return asMounted(srv.Host("a")) }
		},
	}
	for name, newDisk := range disks {
		for _, a := range all {
			for _, b := range all {
				if a == b {
					continue
				}
				t.Run(fmt.Sprint(name, " ", a, " ", b), func(t *testing.T) {
					disk := newDisk()
					refusesLocking(t, disk, a, b)
					refusesLocking(t, disk, b, a)
				})
			}
		}
	}
}

// refusesLocking has a process try to open what another has by another Locking.
func refusesLocking(t *testing.T, disk func() vfs.FS, has, comes Locking) {
	opt := Options{LockTimeout: 50 * time.Millisecond, Freshness: -1}
	with := func(l Locking) Options {
		o := opt
		o.Locking = l
		return o
	}
	e, err := Open(disk(), with(has))
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte{byte(has)}, Attrs{}))
	for range 2 {
		_, err = Open(disk(), with(comes))
		var locked *LockedError
		require.ErrorAs(t, err, &locked)
		require.ErrorIs(t, err, ErrOption)
		require.ErrorContains(t, err, fmt.Sprintf("with %v, not %v", has, comes))
	}
	require.NoError(t, e.Set("more", []byte{byte(has)}, Attrs{}))
	require.NoError(t, e.Close())
	e, err = Open(disk(), with(comes))
	require.NoError(t, err)
	for _, key := range []string{"k", "more"} {
		v, err := e.Get(key, nil)
		require.NoError(t, err)
		require.Equal(t, []byte{byte(has)}, v)
	}
	require.NoError(t, e.Close())
}

// TestShareLockingOfTheDead: what a process had that was killed another takes over with another
// Locking, by leases when they have not been kept up for long. A promise nobody can see broken.
func TestShareLockingOfTheDead(t *testing.T) {
	for has, wait := range map[Locking]bool{LockingFcntl: false, LockingLeasefile: true, LockingNone: false} {
		for _, comes := range []Locking{LockingFcntl, LockingLeasefile, LockingNone} {
			if has == comes {
				continue
			}
			t.Run(fmt.Sprint(has, " ", comes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := vfs.NewServer(vfs.ServerOptions{Flavour: vfs.NFS4, Now: time.Now})
					p := srv.Host("a").Process()
					e, err := Open(vfs.NewRetry(p, vfs.RetryOptions{}), Options{Locking: has})
					require.NoError(t, err)
					require.NoError(t, e.Set("k", []byte("1"), Attrs{}))
					p.Kill()
					_ = e.Close()
					srv.Tick(time.Second)
					began := time.Now()
					e, err = Open(asMounted(srv.Host("b")), Options{Locking: comes})
					if has == LockingNone {
						require.ErrorIs(t, err, ErrLocked)
						e, err = Open(asMounted(srv.Host("b")), Options{Locking: has})
						require.NoError(t, err)
						require.NoError(t, e.Close())
						e, err = Open(asMounted(srv.Host("b")), Options{Locking: comes})
					}
					require.NoError(t, err)
					require.Equal(t, wait, time.Since(began) > 10*time.Second)
					_, err = e.Get("k", nil)
					require.NoError(t, err)
					require.NoError(t, e.Close())
				})
			})
		}
	}
}

// TestShareComesAsStateIsLocked: who opens the directory waits for the state file for as long as for
// any lock: a server may not know yet that who had it was killed.
func TestShareComesAsStateIsLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := vfs.NewServer(vfs.ServerOptions{Flavour: vfs.NFS4, Now: time.Now, Choose: func(vfs.Question, int) int { return 0 }})
		e, err := Open(asMounted(srv.Host("a")), Options{})
		require.NoError(t, err)
		require.NoError(t, e.Close())
		other, err := asMounted(srv.Host("b")).Locks(codec.LockName)
		require.NoError(t, err)
		for _, lock := range []int{lockFar + 1, lockState} {
			ok, err := other.TryLock(lock)
			require.NoError(t, err)
			require.True(t, ok)
		}
		time.AfterFunc(2*mostPatience, func() { assert.NoError(t, other.Unlock(lockState)) })
		e, err = Open(asMounted(srv.Host("a")), Options{LockTimeout: 4 * mostPatience})
		require.NoError(t, err)
		require.NoError(t, e.Close())
	})
}

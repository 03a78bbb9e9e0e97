package lease

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// onServers runs a test on network disks of each kind that give no locks, in time that passes
// when all wait.
func onServers(t *testing.T, seeds uint64, test func(t *testing.T, srv *vfs.Server, seed uint64)) {
	if testing.Short() {
		seeds = min(seeds, 3)
	}
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%v %d", f, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					test(t, vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed, NoLocks: true, Now: time.Now}), seed)
				})
			})
		}
	}
}

// process is one that has the leases of a directory.
type process struct {
	*vfs.HostProcess
	fs *FS
	l  *locks
}

func newProcess(t *testing.T, h *vfs.Host) *process {
	t.Helper()
	p := &process{HostProcess: h.Process()}
	p.fs = New(vfs.NewRetry(p.HostProcess, vfs.RetryOptions{Tries: 2}), Options{})
	l, err := p.fs.Locks(codec.LockName)
	require.NoError(t, err)
	p.l = l.(*locks)
	return p
}

func (p *process) try(t *testing.T, i int, want bool) {
	t.Helper()
	ok, err := p.l.TryLock(i)
	require.NoError(t, err)
	require.Equal(t, want, ok)
}

// has reports whether the process may write because of a lock.
func (p *process) has(i int) bool { return p.l.held[i] > 0 && !p.l.overdue() }

// TestLocks: a lock has one holder, who gives it up by Unlock, Close, or not at all.
func TestLocks(t *testing.T) {
	onServers(t, 20, func(t *testing.T, srv *vfs.Server, _ uint64) {
		a, b := newProcess(t, srv.Host("a")), newProcess(t, srv.Host("b"))
		a.try(t, 7, true)
		a.try(t, 7, false)
		a.try(t, vfs.MaxLocks-1, true)
		b.try(t, 7, false)
		i, ok, err := b.l.Taken(0, vfs.MaxLocks)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, 7, i)
		_, ok, err = b.l.Taken(8, 100)
		require.NoError(t, err)
		require.False(t, ok)
		_, ok, err = a.l.Taken(0, vfs.MaxLocks)
		require.NoError(t, err)
		require.False(t, ok, "one's own")
		require.NoError(t, a.l.Unlock(7))
		for range 10 {
			b.try(t, 7, true)
			require.NoError(t, b.l.Unlock(7))
			a.try(t, 7, true)
			require.NoError(t, a.l.Unlock(7))
		}
		time.Sleep(Beat) // SMB shows names for a moment that are gone
		infos, err := b.List(dir)
		require.NoError(t, err)
		require.LessOrEqual(t, len(infos), 2+2*kept, "what is left of it does not grow")
		require.NoError(t, a.l.Close())
		b.try(t, vfs.MaxLocks-1, true)
		_, err = a.l.TryLock(1)
		require.ErrorContains(t, err, "closed")
		require.NoError(t, a.l.Unlock(7))
		require.NoError(t, b.fs.Close())
	})
}

// TestKilled: what a process had that was killed others get after a while, and not before.
func TestKilled(t *testing.T) {
	onServers(t, 20, func(t *testing.T, srv *vfs.Server, _ uint64) {
		a, b := newProcess(t, srv.Host("a")), newProcess(t, srv.Host("b"))
		a.try(t, 7, true)
		a.try(t, 8, true)
		a.Kill()
		begin := time.Now()
		for ok := false; !ok; {
			var err error
			ok, err = b.l.TryLock(7)
			require.NoError(t, err)
			require.True(t, !ok || time.Since(begin) >= Wait-Beat, "after %v", time.Since(begin))
			require.Less(t, time.Since(begin), Wait+3*Beat)
			time.Sleep(Beat / 10)
		}
		b.try(t, 8, true) // at once: it is known to be dead
		require.NoError(t, b.l.Close())
		_ = a.l.Close()
	})
}

// TestStopped: a process that is stopped for long writes nothing more when it goes on, although
// nothing has told it.
func TestStopped(t *testing.T) {
	onServers(t, 20, func(t *testing.T, srv *vfs.Server, _ uint64) {
		a, b := newProcess(t, srv.Host("a")), newProcess(t, srv.Host("b"))
		a.try(t, 7, true)
		f, err := a.fs.Create("f")
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("a"), 0)
		require.NoError(t, err)
		a.l.end() // no beat comes any more
		time.Sleep(Hold / 2)
		_, err = f.WriteAt([]byte("a"), 0)
		require.NoError(t, err, "it has it yet")
		b.try(t, 7, false)
		time.Sleep(Wait)
		b.try(t, 7, true)
		_, err = f.WriteAt([]byte("a"), 0)
		require.ErrorIs(t, err, vfs.ErrLocksLost)
		require.ErrorIs(t, f.Sync(), vfs.ErrLocksLost)
		_, err = a.fs.Create("g")
		require.ErrorIs(t, err, vfs.ErrLocksLost)
		require.ErrorIs(t, a.fs.Remove("f"), vfs.ErrLocksLost)
		require.ErrorIs(t, a.fs.Rename("f", "g"), vfs.ErrLocksLost)
		require.ErrorIs(t, a.l.Unlock(7), vfs.ErrLocksLost)
		_, err = a.l.TryLock(8)
		require.ErrorIs(t, err, vfs.ErrLocksLost)
		b.try(t, 8, true)
		a.l.end = func() {}
		require.NoError(t, a.l.Close())
		l, err := a.fs.Locks(codec.LockName) // another life
		require.NoError(t, err)
		ok, err := l.TryLock(8)
		require.NoError(t, err)
		require.False(t, ok)
		require.NoError(t, b.l.Unlock(8))
		ok, err = l.TryLock(8)
		require.NoError(t, err)
		require.True(t, ok)
		_, err = f.WriteAt([]byte("a"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, a.fs.Close())
		require.NoError(t, b.fs.Close())
	})
}

// TestAway: who is cut off loses what it had before others get it, by clocks of their own.
func TestAway(t *testing.T) {
	onServers(t, 20, func(t *testing.T, srv *vfs.Server, _ uint64) {
		hosts := []*vfs.Host{srv.Host("a"), srv.Host("b")}
		a, b := newProcess(t, hosts[0]), newProcess(t, hosts[1])
		a.try(t, 7, true)
		time.Sleep(Wait + Beat/2) // which is nothing to who beats
		b.try(t, 7, false)
		hosts[0].CutOff()
		ended := time.Duration(0)
		begin := time.Now()
		for !b.has(7) {
			if !a.has(7) && ended == 0 {
				ended = time.Since(begin)
			}
			_, err := b.l.TryLock(7)
			require.NoError(t, err)
			require.Less(t, time.Since(begin), Wait+3*Beat)
			time.Sleep(Beat / 10)
		}
		require.Positive(t, ended)
		require.Greater(t, time.Since(begin)-ended, Wait-Hold-2*Beat)
		hosts[0].Reconnect()
		_, err := a.l.TryLock(8)
		require.ErrorIs(t, err, vfs.ErrLocksLost)
		_ = a.l.Close()
		require.NoError(t, b.l.Close())
	})
}

// TestAnything: whatever happens to hosts and processes, a lock has one holder at most that may
// write.
func TestAnything(t *testing.T) {
	onServers(t, 60, func(t *testing.T, srv *vfs.Server, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		hosts := []*vfs.Host{srv.Host("a"), srv.Host("a"), srv.Host("b"), srv.Host("c")}
		procs := make([]*process, len(hosts))
		cut := make(map[*vfs.Host]bool)
		var dead []*process
		defer func() {
			for _, p := range append(dead, procs...) {
				if p != nil {
					_ = p.l.Close()
				}
			}
		}()
		got := 0
		for step := range 400 {
			n, i := rnd.IntN(len(procs)), rnd.IntN(2)
			if p := procs[n]; p == nil || p.l.overdue() {
				if p != nil {
					dead = append(dead, p)
				}
				if procs[n] = nil; cut[hosts[n]] {
					hosts[n].Reconnect()
					delete(cut, hosts[n])
				}
				procs[n] = newProcess(t, hosts[n])
			}
			p := procs[n]
			switch what := rnd.IntN(100); {
			case what < 50:
				ok, err := p.l.TryLock(i)
				require.True(t, err == nil || len(cut) > 0 || p.l.overdue(), "step %d: %v", step, err)
				if ok {
					got++
				}
			case what < 70:
				_ = p.l.Unlock(i)
			case what < 75:
				hosts[n].CutOff()
				cut[hosts[n]] = true
			case what < 85:
				for h := range cut {
					h.Reconnect()
				}
				clear(cut)
			case what < 96:
				time.Sleep(time.Duration(rnd.IntN(15)) * time.Second)
			case what < 97:
				srv.Restart()
			default:
				p.Kill()
				dead = append(dead, p)
				procs[n] = nil
			}
			for i := range 2 {
				var have []int
				for n, p := range procs {
					if p != nil && p.has(i) {
						have = append(have, n)
					}
				}
				require.LessOrEqual(t, len(have), 1, "step %d: lock %d is held by %v", step, i, have)
			}
		}
		require.Greater(t, got, 5)
	})
}

// TestSlow: who was about to take a lock, and did so when all that it had seen was long gone, has
// not got it.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := vfs.NewServer(vfs.ServerOptions{NoLocks: true, Now: time.Now})
		a, b := newProcess(t, srv.Host("a")), newProcess(t, srv.Host("b"))
		a.try(t, 7, true)
		require.NoError(t, a.l.Unlock(7))
		b.l.fs = &creating{FS: b.l.fs, before: func() {
			for range 2 * kept {
				a.try(t, 7, true)
				require.NoError(t, a.l.Unlock(7))
			}
			a.try(t, 7, true)
		}}
		b.try(t, 7, false)
		require.NoError(t, a.l.Unlock(7))
		b.try(t, 7, true)
		a.try(t, 7, false)
		require.NoError(t, a.fs.Close())
		require.NoError(t, b.fs.Close())
	})
}

// creating is a directory in which something happens before the first file is made.
type creating struct {
	vfs.FS
	before func()
}

func (c *creating) Create(name string) (vfs.File, error) {
	if before := c.before; before != nil {
		c.before = nil
		before()
	}
	return c.FS.Create(name)
}

// TestPromise: nobody is asked, and one's own goroutines keep apart.
func TestPromise(t *testing.T) {
	d := Promise(vfs.NewMem())
	require.False(t, d.Local())
	l, err := d.Locks(codec.LockName)
	require.NoError(t, err)
	for _, want := range []bool{true, false} {
		ok, err := l.TryLock(1)
		require.NoError(t, err)
		require.Equal(t, want, ok)
	}
	_, ok, err := l.Taken(0, vfs.MaxLocks)
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, l.Unlock(1))
	ok, err = l.TryLock(1)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, l.Close())
	require.NoError(t, d.Close())
}

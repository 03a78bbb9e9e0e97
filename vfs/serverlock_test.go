//go:build !plan9

package vfs_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestServerLocks: locks are between processes, whatever host they are on.
func TestServerLocks(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		c := n.process(n.a)
		la, lb, lc := a.locks(), b.locks(), c.locks()
		a.lock(la, 1, true)
		b.lock(lb, 1, false)
		c.lock(lc, 1, false)
		b.lock(lb, 2, true)
		i, ok, err := lc.Taken(0, 9)
		c.do(err)
		require.True(t, ok)
		require.Equal(t, 1, i)
		i, ok, err = la.Taken(0, 9)
		a.do(err)
		require.True(t, ok)
		require.Equal(t, 2, i)
		a.do(la.Unlock(1))
		b.lock(lb, 1, true)
		b.do(lb.Close())
		c.lock(lc, 1, true)
		c.do(c.Close())
		a.lock(la, 1, true)
	})
}

// TestServerLockText: others read it once it is written and they have had a lock.
func TestServerLockText(t *testing.T) {
	each(t, flavours, answers{vfs.AskSize: 1, vfs.AskPage: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		la, lb := a.locks(), b.locks()
		la.SetText(3, "first")
		b.lock(lb, 0, true)
		require.Equal(t, "first", lb.Text(3))
		la.SetText(3, "second")
		if n.flavour != vfs.SMB {
			require.Equal(t, "first", lb.Text(3), "it has it open for writing")
		}
		b.do(lb.Unlock(0))
		b.lock(lb, 0, true)
		require.Equal(t, "second", lb.Text(3))
	})
}

// TestServerLockTexts: who writes a text writes back its page, and with it what
// it knows of others' texts.
func TestServerLockTexts(t *testing.T) {
	n := newNetwork(t, vfs.NFS4, answers{vfs.AskWhole: 1, vfs.AskSize: 1, vfs.AskPage: 1})
	a, b := n.both()
	la, lb := a.locks(), b.locks()
	b.lock(lb, 1, true)
	lb.SetText(1, "b")
	a.lock(la, 0, true)
	la.SetText(0, "a")
	lb.SetText(1, "B")
	a.lock(la, 2, true)
	require.Equal(t, "", la.Text(0), "gone")
	require.Equal(t, "B", la.Text(1))
}

// lapse is how long it takes until locks of a host that is away are free.
var lapse = map[vfs.Flavour]time.Duration{vfs.NFS4: 11 * time.Second, vfs.SMB: time.Minute}

// TestServerLockCut: a host that is cut off loses its locks after a while and
// does not learn it; NFSv3 keeps them.
func TestServerLockCut(t *testing.T) {
	each(t, flavours, answers{vfs.AskLost: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		la, lb := a.locks(), b.locks()
		a.lock(la, 0, true)
		f := a.synced("f", "one")
		n.a.CutOff()
		if n.flavour == vfs.NFS3 {
			n.Tick(1000 * time.Hour)
			b.lock(lb, 0, false)
			n.a.Reconnect()
			b.lock(lb, 0, false)
			a.lock(la, 1, true)
			a.write(f, 3, " two")
			a.do(f.Sync())
			return
		}
		n.Tick(lapse[n.flavour] - 1)
		b.lock(lb, 0, false)
		_, ok, err := lb.Taken(0, 1)
		b.do(err)
		require.True(t, ok)
		n.Tick(1)
		_, ok, err = lb.Taken(0, 1)
		b.do(err)
		require.False(t, ok)
		b.lock(lb, 0, true)
		n.a.Reconnect()
		a.write(f, 3, " two")
		if n.flavour == vfs.SMB {
			a.do(f.Sync())
			_, err := la.TryLock(1)
			require.ErrorIs(t, err, syscall.EBADF)
			_, _, err = la.Taken(0, 1)
			require.ErrorIs(t, err, syscall.EBADF)
			require.ErrorIs(t, la.Unlock(0), syscall.EBADF)
			a.do(la.Close())
			a.lock(a.locks(), 0, false)
			return
		}
		require.ErrorIs(t, f.Sync(), syscall.EIO)
		require.Equal(t, "one", b.read("f"))
		a.lock(la, 0, false)
		a.do(la.Unlock(0))
		a.lock(la, 0, false)
		b.lock(lb, 0, false)
		b.do(lb.Unlock(0))
		a.lock(la, 0, true)
		a.do(f.Close())
		f = a.openToWrite("f")
		a.write(f, 3, " what is opened afterwards is well")
		a.do(f.Sync())
	})
}

// TestServerLockLostSilently: with NFSv4 what was open besides the lock file may
// be written as if nothing had happened, which is what real ones do.
func TestServerLockLostSilently(t *testing.T) {
	n := newNetwork(t, vfs.NFS4, nil)
	a, b := n.both()
	la, lb := a.locks(), b.locks()
	a.lock(la, 0, true)
	f := a.synced("f", "one")
	n.a.CutOff()
	n.Tick(time.Minute)
	b.lock(lb, 0, true)
	n.a.Reconnect()
	a.write(f, 3, " two")
	a.do(f.Sync())
	require.Equal(t, "one two", b.read("f"))
	la.SetText(0, "the lock file itself cannot be written")
	require.Empty(t, lb.Text(0))
}

// TestServerLockKept: what nobody wanted is mostly still there.
func TestServerLockKept(t *testing.T) {
	for gone, want := range map[int]bool{0: false, 1: true} {
		n := newNetwork(t, vfs.NFS4, answers{vfs.AskLease: gone})
		a, b := n.both()
		la, lb := a.locks(), b.locks()
		a.lock(la, 0, true)
		n.a.CutOff()
		n.Tick(time.Minute)
		n.a.Reconnect()
		b.lock(lb, 0, want)
	}
}

// TestServerLockLate: a lock that is given up while the host is cut off is free
// once it is not.
func TestServerLockLate(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		la, lb := a.locks(), b.locks()
		a.lock(la, 0, true)
		a.lock(la, 1, true)
		n.a.CutOff()
		require.Error(t, la.Unlock(0))
		a.do(la.Unlock(0))
		b.lock(lb, 0, false)
		n.a.Reconnect()
		b.lock(lb, 0, true)
		b.lock(lb, 1, false)
		n.a.CutOff()
		require.Error(t, la.Close())
		b.lock(lb, 1, false)
		n.a.Reconnect()
		b.lock(lb, 1, true)
	})
}

// TestServerLockRestart: who can be reached keeps its locks over a start of an
// NFS server, and nobody gets one before the grace period is over.
func TestServerLockRestart(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		la, lb := a.locks(), b.locks()
		a.lock(la, 0, true)
		n.Restart()
		if n.flavour == vfs.SMB {
			for _, l := range []vfs.Locks{la, lb} {
				_, err := l.TryLock(5)
				require.ErrorIs(t, err, syscall.EBADF)
				b.do(l.Close())
			}
			b.lock(b.locks(), 0, true)
			return
		}
		b.lock(lb, 0, false)
		a.lock(la, 1, true)

		n.a.CutOff()
		n.Restart()
		n.a.Reconnect()
		b.lock(lb, 0, false)
		n.a.CutOff()
		n.Restart()
		b.lock(lb, 0, true)
		n.a.Reconnect()
		f := a.synced("f", "all is well, it seems")
		a.do(f.Close())
		b.lock(lb, 0, false)
		a.lock(la, 0, false)
	})
}

// TestServerLockHostDies: with NFSv3 the locks of a dead host are free when it
// has been started again, with the others after a while.
func TestServerLockHostDies(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		la, lb := a.locks(), b.locks()
		a.lock(la, 0, true)
		n.a.Kill()
		b.lock(lb, 0, false)
		n.Tick(time.Minute)
		b.lock(lb, 0, n.flavour != vfs.NFS3)
		n.a = n.Host("a")
		a = n.process(n.a)
		a.lock(a.locks(), 0, n.flavour == vfs.NFS3)
	})
}

// TestServerMandatory: on SMB nobody else reads or writes the bytes that are
// locked, and all others of the file.
func TestServerMandatory(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		la := a.locks()
		a.lock(la, 0, true)
		la.SetText(0, "me")
		f := b.open("lock")
		require.Equal(t, "me", b.text(f)[:2])
		_, err := f.ReadAt(make([]byte, 8), 1<<30-4)
		if n.flavour == vfs.SMB {
			require.ErrorIs(t, err, syscall.EACCES)
		} else {
			require.NotErrorIs(t, err, syscall.EACCES)
		}
		_, err = f.ReadAt(make([]byte, 8), 1<<30+1)
		require.NotErrorIs(t, err, syscall.EACCES)
	})
}

//go:build !plan9

package vfs_test

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestServerMissing: a name that a host looked for before it was made stays
// missing, for Stat and Open, until time is over or a listing shows it.
func TestServerMissing(t *testing.T) {
	each(t, flavours, answers{vfs.AskName: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		missing := func(name string) {
			t.Helper()
			_, err := b.Stat(name)
			require.ErrorIs(t, err, fs.ErrNotExist)
			_, err = b.Open(name)
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		for _, name := range []string{"f", "g", "h", "sub", "sub/f"} {
			_, err := b.Stat(name)
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		a.do(a.Mkdir("sub"))
		for _, name := range []string{"f", "g", "h", "sub/f"} {
			a.do(a.synced(name, name).Close())
			missing(name)
		}
		_, err := b.List("sub")
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Equal(t, "f", n.process(n.a).read("f"), "they are there for its own host")

		_, err = b.Create("f")
		require.ErrorIs(t, err, fs.ErrExist, "who makes it is told the truth")
		require.Equal(t, "f", b.read("f"))
		missing("g")
		require.Equal(t, "f g h sub", b.names("."))
		require.Equal(t, "g", b.read("g"))
		require.Equal(t, "sub/f", b.read("sub/f"), "it was the directory that was missing")
		missing("sub/g")
		a.do(a.synced("sub/g", "sub/g").Close())
		missing("sub/g")
		b.names(".")
		missing("sub/g")
		require.Equal(t, "f g", b.names("sub"))
		require.Equal(t, "sub/g", b.read("sub/g"))

		_, err = b.Stat("i")
		require.ErrorIs(t, err, fs.ErrNotExist)
		a.do(a.synced("i", "i").Close())
		missing("i")
		n.Tick(time.Minute)
		require.Equal(t, "i", b.read("i"))
	})
}

// TestServerStillThere: Stat may show what another host has removed or renamed,
// for a while. To open it fails, but with NFSv3 what was renamed can be opened.
func TestServerStillThere(t *testing.T) {
	each(t, flavours, answers{vfs.AskName: 1, vfs.AskSize: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		for _, name := range []string{"f", "g", "h"} {
			a.do(a.synced(name, name).Close())
			require.Equal(t, name, b.read(name))
		}
		a.do(a.Remove("f"))
		a.do(a.Rename("g", "h"))
		for _, name := range []string{"f", "g"} {
			info, err := b.Stat(name)
			b.do(err)
			require.EqualValues(t, 1, info.Size)
		}
		_, err := b.Open("f")
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = b.Stat("f")
		require.ErrorIs(t, err, fs.ErrNotExist, "then it is known")
		if n.flavour == vfs.NFS3 {
			require.Equal(t, "g", b.read("g"))
		} else {
			_, err = b.Open("g")
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		require.Equal(t, "g", b.read("h"), "who replaced it")
		require.Equal(t, "h", b.names("."))
		for _, name := range []string{"f", "g"} {
			_, err = b.Stat(name)
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		a.do(a.Remove("h"))
		_, err = b.Stat("h")
		b.do(err)
		n.Tick(time.Minute)
		_, err = b.Stat("h")
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// TestServerStale: what another host removes is gone for the handles of NFSv3;
// the others keep it, NFSv4 until the server is started again.
func TestServerStale(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		a.do(a.synced("f", "text").Close())
		a.do(a.synced("g", "other").Close())
		h, replaced := b.open("f"), b.open("g")
		require.Equal(t, "text", b.text(h))
		a.do(a.Remove("f"))
		a.do(a.Rename(a.made("new"), "g"))
		stale := func(f vfs.File) {
			t.Helper()
			_, err := f.ReadAt(make([]byte, 4), 0)
			require.ErrorIs(t, err, syscall.ESTALE)
			require.True(t, vfs.IsGone(err))
			_, err = f.Size()
			require.ErrorIs(t, err, syscall.ESTALE)
		}
		if n.flavour == vfs.NFS3 {
			stale(h)
			stale(replaced)
			return
		}
		require.Equal(t, "text", b.text(h))
		require.Equal(t, "other", b.text(replaced))
		n.Restart()
		if n.flavour == vfs.NFS4 {
			stale(h)
			return
		}
		_, err := h.ReadAt(make([]byte, 4), 0)
		require.ErrorIs(t, err, syscall.EBADF)
	})
}

// TestServerStaleCached: what the cache has can be read on.
func TestServerStaleCached(t *testing.T) {
	n := newNetwork(t, vfs.NFS3, answers{vfs.AskSize: 1, vfs.AskPage: 1})
	a, b := n.both()
	a.do(a.synced("f", "text").Close())
	h := b.open("f")
	require.Equal(t, "text", b.text(h))
	a.do(a.Remove("f"))
	require.Equal(t, "text", b.text(h))
	n.Tick(time.Minute)
	_, err := h.Size()
	require.ErrorIs(t, err, syscall.ESTALE)
}

// TestServerStaleOpen: with NFSv3 the name may be said to be stale, once.
func TestServerStaleOpen(t *testing.T) {
	n := newNetwork(t, vfs.NFS3, answers{vfs.AskName: 1, vfs.AskGone: 1})
	a, b := n.both()
	a.do(a.synced("f", "text").Close())
	require.Equal(t, "text", b.read("f"))
	a.do(a.Remove("f"))
	_, err := b.Open("f")
	require.ErrorIs(t, err, syscall.ESTALE)
	_, err = b.Open("f")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestServerSilly: what NFS hosts remove while one of their processes has it open
// has a name for all to see until the last of them closes it.
func TestServerSilly(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		a.do(a.Mkdir("sub"))
		for _, name := range []string{"f", "sub/f"} {
			f := a.synced(name, "text")
			g := n.process(n.a).open(name)
			a.do(a.Remove(name))
			dir := "."
			if name != "f" {
				dir = "sub"
			}
			left := b.names(dir)
			if n.flavour == vfs.SMB {
				continue
			}
			require.True(t, strings.HasPrefix(left, ".nfs"), left)
			require.Error(t, a.Remove(dir), "it is not empty")
			require.ErrorIs(t, a.Remove(strings.TrimPrefix(dir+"/", "./")+strings.Fields(left)[0]), syscall.EBUSY)
			require.Equal(t, "text", a.text(g))
			a.do(f.Close())
			require.Equal(t, left, b.names(dir))
			a.do(g.Close())
			require.NotContains(t, b.names(dir), ".nfs")
		}
		f := a.synced("old", "old")
		err := a.Rename(a.made("new"), "old")
		if n.flavour == vfs.SMB {
			require.ErrorIs(t, err, fs.ErrPermission)
			a.do(f.Close())
			return
		}
		a.do(err)
		require.Equal(t, "old", a.text(f))
		require.Contains(t, b.names("."), ".nfs")
		a.do(f.Close())
		require.Equal(t, "old sub", b.names("."))
		require.Equal(t, "new", b.read("old"))
	})
}

// made makes a file that holds its name.
func (m mount) made(name string) string {
	m.t.Helper()
	m.do(m.synced(name, name).Close())
	return name
}

// TestServerPending: with SMB what is removed while it is open keeps its name, for
// its own host, and perhaps for others; nobody else can open it.
func TestServerPending(t *testing.T) {
	for pending, who := range []string{"b", "a"} {
		n := newNetwork(t, vfs.SMB, answers{vfs.AskPending: 1 - pending})
		a, b := n.both()
		user := map[string]mount{"a": a, "b": b}[who]
		a.made("f")
		f := user.open("f")
		a.do(a.Remove("f"))
		require.Equal(t, "f", b.names("."))
		require.ErrorIs(t, a.Remove("f"), fs.ErrNotExist)
		require.ErrorIs(t, a.Rename("f", "g"), fs.ErrNotExist)
		_, err := a.Create("f")
		require.ErrorIs(t, err, fs.ErrExist)
		_, err = b.Open("f")
		require.Equal(t, who == "a", errors.Is(err, fs.ErrNotExist))
		if who == "b" {
			b.do(err)
			n.Restart()
		} else {
			n.process(n.a).read("f")
			user.do(f.Close())
		}
		require.Empty(t, b.names("."))
		a.made("f")
	}
}

// TestServerPendingClosed: what another host has just closed may keep its name, too,
// until time passes.
func TestServerPendingClosed(t *testing.T) {
	for _, pending := range []int{0, 1} {
		n := newNetwork(t, vfs.SMB, answers{vfs.AskPending: pending})
		a, b := n.both()
		for _, name := range []string{"f", "g"} {
			a.made(name)
			b.do(b.open(name).Close())
		}
		a.do(a.Remove("f"))
		require.Equal(t, []string{"g", "f g"}[pending], b.names("."))
		_, err := b.Open("f")
		require.ErrorIs(t, err, fs.ErrNotExist)
		n.Tick(time.Second)
		require.Equal(t, "g", b.names("."))
		a.do(a.Remove("g"))
		require.Empty(t, b.names("."))
	}
}

// TestServerPendingKilled: what a host had open is not when it is dead.
func TestServerPendingKilled(t *testing.T) {
	n := newNetwork(t, vfs.SMB, nil)
	a, b := n.both()
	a.made("f")
	a.open("f")
	a.do(a.Remove("f"))
	n.a.Kill()
	require.Empty(t, b.names("."))
}

// TestServerExistsStill: SMB may say for a second that a name is there which
// another host has removed, to who makes it.
func TestServerExistsStill(t *testing.T) {
	each(t, flavours, answers{vfs.AskName: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		a.made("f")
		require.Equal(t, "f", b.read("f"))
		a.do(a.Remove("f"))
		f, err := b.Create("f")
		if n.flavour == vfs.SMB {
			require.ErrorIs(t, err, fs.ErrExist)
			n.Tick(time.Second)
			f, err = b.Create("f")
		}
		b.do(err)
		b.do(f.Close())
	})
}

// TestServerSillyLeft: nobody removes the file of a host that died.
func TestServerSillyLeft(t *testing.T) {
	n := newNetwork(t, vfs.NFS4, nil)
	a, b := n.both()
	a.synced("f", "text")
	a.do(a.Remove("f"))
	n.a.Kill()
	n.Tick(time.Hour)
	left := b.names(".")
	require.True(t, strings.HasPrefix(left, ".nfs"))
	b.do(b.Remove(left))
	require.Empty(t, b.names("."))
}

// TestServerDenied: SMB may refuse to replace what another host has open.
func TestServerDenied(t *testing.T) {
	n := newNetwork(t, vfs.SMB, nil)
	a, b := n.both()
	b.made("f")
	h := b.open("f")
	n.answers[vfs.AskDenied] = 1
	require.ErrorIs(t, a.Rename(a.made("g"), "f"), fs.ErrPermission)
	n.answers[vfs.AskDenied] = 0
	a.do(a.Rename("g", "f"))
	require.Equal(t, "f", b.text(h))
	require.Equal(t, "g", b.read("f"))
}

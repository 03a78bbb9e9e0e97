//go:build !plan9

package vfs_test

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestServerCutOff: what needs the server fails, what the cache has is there.
func TestServerCutOff(t *testing.T) {
	for answer, want := range map[int]error{0: syscall.EIO, 1: syscall.ETIMEDOUT} {
		each(t, flavours, answers{vfs.AskSize: 1, vfs.AskPage: 1, vfs.AskName: 1, vfs.AskError: answer}, func(t *testing.T, n *network) {
			a, b := n.both()
			a.made("f")
			a.made("other")
			l := a.locks()
			h, w := a.open("f"), a.synced("w", "old")
			require.Equal(t, "f", a.text(h))
			n.a.CutOff()
			require.Equal(t, "f", a.text(h))
			info, err := a.Stat("f")
			a.do(err)
			require.EqualValues(t, 1, info.Size)
			a.write(w, 3, " and new")
			require.Equal(t, "old and new", a.text(w))

			for what, call := range map[string]func() error{
				"create":  func() error { _, err := a.Create("new"); return err },
				"open":    func() error { _, err := a.Open("f"); return err },
				"remove":  func() error { return a.Remove("f") },
				"rename":  func() error { return a.Rename("f", "g") },
				"mkdir":   func() error { return a.Mkdir("sub") },
				"list":    func() error { _, err := a.List("."); return err },
				"stat":    func() error { _, err := a.Stat("unknown"); return err },
				"syncdir": func() error { return a.SyncDir(".") },
				"free":    func() error { _, err := a.Free(); return err },
				"locks":   func() error { _, err := a.Locks("locks"); return err },
				"lock":    func() error { _, err := l.TryLock(0); return err },
				"taken":   func() error { _, _, err := l.Taken(0, 1); return err },
				"sync":    w.Sync,
			} {
				require.ErrorIs(t, call(), want, what)
			}
			require.Equal(t, "f lock other w", b.names("."), "nothing was done")
			n.Tick(time.Hour)
			_, err = h.ReadAt(make([]byte, 1), 0)
			require.ErrorIs(t, err, want, "nothing is believed for ever")
			n.a.Reconnect()
			require.Equal(t, "f", a.text(h))
		})
	}
}

// TestServerArrives: what fails may have been done.
func TestServerArrives(t *testing.T) {
	each(t, flavours, answers{vfs.AskArrives: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		n.a.CutOff()
		_, err := a.Create("f")
		require.Error(t, err)
		_, err = a.Create("g")
		require.Error(t, err)
		require.Equal(t, "f", b.names("."))
		n.a.Reconnect()
		_, err = a.Create("f")
		require.ErrorIs(t, err, fs.ErrExist)

		la, lb := a.locks(), b.locks()
		n.a.CutOff()
		_, err = la.TryLock(0)
		require.Error(t, err)
		b.lock(lb, 0, false)
		n.a.Reconnect()
		b.lock(lb, 0, true)
	})
}

// TestServerSyncCut: what could not be synced may be written later nevertheless,
// or never.
func TestServerSyncCut(t *testing.T) {
	for dropped, want := range map[int]string{0: "one two", 1: "one"} {
		each(t, flavours, answers{vfs.AskDropped: dropped}, func(t *testing.T, n *network) {
			a, b := n.both()
			f := a.synced("f", "one")
			a.write(f, 3, " two")
			n.a.CutOff()
			require.ErrorIs(t, f.Sync(), syscall.EIO)
			n.a.Reconnect()
			n.Tick(time.Minute)
			require.Equal(t, want, b.read("f"))
			a.do(f.Close())
		})
	}
}

// TestServerReconnect: what was written meanwhile is synced once the host is back.
func TestServerReconnect(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		f := a.synced("f", "one")
		n.a.CutOff()
		a.write(f, 3, " two")
		n.Tick(time.Hour)
		require.Equal(t, "one", b.read("f"))
		n.a.Reconnect()
		a.do(f.Sync())
		require.Equal(t, "one two", b.read("f"))
	})
}

// TestServerCloseCut: closing, too, tells what could not be written.
func TestServerCloseCut(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, _ := n.both()
		f := a.create("f")
		a.write(f, 0, "text")
		n.a.CutOff()
		require.ErrorIs(t, f.Close(), syscall.EIO)
		require.ErrorIs(t, f.Close(), fs.ErrClosed)
	})
}

// TestServerFull: writes to a full server succeed. The sync says it, once.
func TestServerFull(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		n.Disk().Resize(5000)
		f := a.synced("f", "first")
		g := n.process(n.a).open("f")
		a.write(f, 5, strings.Repeat("x", 10_000))
		a.write(f, 10_005, "x")
		require.True(t, vfs.IsNoSpace(f.Sync()))
		a.do(f.Sync())
		a.do(f.Close())
		a.do(g.Close())
		require.Equal(t, "first", b.read("f")[:5])

		f = a.create("closed without sync")
		a.write(f, 0, strings.Repeat("x", 10_000))
		require.True(t, vfs.IsNoSpace(f.Close()))
	})
}

// TestServerCrash: what was synced is there after a crash of the server, whatever
// is lost. NFS hosts that live send the rest again, and what was closed is safe.
func TestServerCrash(t *testing.T) {
	for _, f := range flavours {
		lost := make(map[string]bool)
		for image := range 40 {
			n := newNetwork(t, f, answers{vfs.AskPage: 1})
			a, b := n.both()
			h := a.synced("f", "synced")
			a.do(a.SyncDir("."))
			a.write(h, 6, " sent")
			n.answers[vfs.AskWriteBack], n.answers[vfs.AskPart] = 3, most
			require.Equal(t, "synced sent", b.read("f"))
			n.answers[vfs.AskWriteBack] = 0
			a.write(h, 11, " not")
			g := a.create("g")
			a.write(g, 0, "closed")
			a.do(g.Close())
			n.answers[vfs.AskImage] = image
			n.Crash()
			n.Tick(time.Second) // the sizes of SMB
			require.Equal(t, "f", b.names(".")[:1])
			got := b.read("f")
			require.True(t, strings.HasPrefix(got, "synced"), got)
			require.Equal(t, string(n.Disk().ReadFile("f")), got, "whatever was read before")
			if !strings.HasPrefix(got, "synced sent") {
				lost["sent"] = true
			}
			closed := "no name"
			if strings.Contains(b.names("."), "g") {
				closed = strings.Trim(b.read("g"), "\x00")
			}
			if closed != "closed" {
				lost[closed] = true
			}
			a.do(h.Sync())
			if f != vfs.SMB {
				require.Equal(t, "synced sent not", b.read("f"))
			}
		}
		want := map[string]bool{"sent": true}
		if f == vfs.SMB {
			want[""], want["no name"] = true, true
		}
		require.Equal(t, want, lost, f)
	}
}

// TestServerCrashSMB: a sync makes durable what was closed without one; what the
// crash has taken is not written back.
func TestServerCrashSMB(t *testing.T) {
	taken := false
	for image := range 20 {
		n := newNetwork(t, vfs.SMB, answers{vfs.AskImage: image})
		n.Disk().Resize(1000)
		a, b := n.both()
		f := a.create("f")
		a.do(a.SyncDir("."))
		a.write(f, 0, "closed")
		a.do(f.Close())
		f = a.open("f")
		a.do(f.Sync())
		g := a.create("g")
		a.write(g, 0, strings.Repeat("x", 500))
		n.Crash()
		require.Equal(t, "closed", b.read("f"))
		n.Tick(time.Minute)
		free, err := b.Free()
		b.do(err)
		if b.names(".") == "f" {
			taken = true
			require.EqualValues(t, 1000-len("closed"), free)
		} else {
			require.EqualValues(t, 500-len("closed"), free)
		}
	}
	require.True(t, taken)
}

// TestServerRestartSMB: what a host has renamed itself it finds again.
func TestServerRestartSMB(t *testing.T) {
	n := newNetwork(t, vfs.SMB, nil)
	a, b := n.both()
	f, g := a.synced("f", "text"), a.synced("g", "text")
	a.do(a.Rename("f", "other"))
	b.do(b.Rename("g", "others"))
	n.Restart()
	require.Equal(t, "text", a.text(f))
	_, err := g.Size()
	require.ErrorIs(t, err, syscall.EBADF)
}

// TestServerCrashImages: the disk of the server shows what crashes may leave.
func TestServerCrashImages(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, _ := n.both()
		a.made("f")
		a.do(a.SyncDir("."))
		images := n.Disk().Crashes(vfs.CrashOptions{From: n.Disk().Events()}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
			require.Equal(t, map[string]string{"f": "f"}, img.Files())
			return true
		})
		require.NotZero(t, images)
	})
}

// TestServerCrashStale: a file that the crash has taken is gone.
func TestServerCrashStale(t *testing.T) {
	found := false
	for image := range 20 {
		n := newNetwork(t, vfs.SMB, answers{vfs.AskImage: image})
		a, b := n.both()
		f := a.synced("f", "text")
		n.Crash()
		_, err := f.Size()
		if b.names(".") == "f" {
			a.do(err)
			continue
		}
		found = true
		require.ErrorIs(t, err, syscall.EBADF)
	}
	require.True(t, found)
}

// TestServerKill: what a killed process had open its system closes, its locks and
// its files one after the other, in any order.
func TestServerKill(t *testing.T) {
	each(t, flavours, answers{vfs.AskExit: 1}, func(t *testing.T, n *network) {
		for order := range 2 {
			a, b := n.both()
			lb := b.locks()
			la := a.locks()
			a.lock(la, 0, true)
			name := string(rune('f' + order))
			f := a.create(name)
			a.write(f, 0, "text")
			n.answers[vfs.AskOrder] = order // files come before locks
			a.Kill()
			n.answers[vfs.AskOrder] = 0
			for what, err := range map[string]error{"sync": f.Sync(), "mkdir": a.Mkdir("x"), "close": f.Close()} {
				require.Error(t, err, what)
			}
			b.lock(lb, 0, false)
			require.Equal(t, "", b.read(name))
			require.Equal(t, "text", n.process(n.a).read(name), "it is in the cache of the host")

			n.answers[vfs.AskExit] = 0
			_, err := b.Stat("one call, one descriptor")
			require.ErrorIs(t, err, fs.ErrNotExist)
			n.answers[vfs.AskExit] = 1
			b.lock(lb, 0, order == 1)
			n.Tick(time.Second / 2)
			if order == 0 {
				b.lock(lb, 0, true)
			}
			n.Tick(time.Second / 2) // the sizes of SMB
			require.Equal(t, "text", b.read(name))
			b.do(lb.Close())
		}
	})
}

// TestServerKillOrder: it happens that the locks are free and what was written is
// not there yet, and that it is there and they are not.
func TestServerKillOrder(t *testing.T) {
	for _, f := range flavours {
		seen := make(map[string]int)
		for seed := range uint64(200) {
			s := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed})
			a, b := mount{s.Host("a").Process(), t}, mount{s.Host("b").Process(), t}
			la, lb := a.locks(), b.locks()
			a.lock(la, 0, true)
			h := a.create("f")
			a.write(h, 0, "text")
			a.Kill()
			ok, err := lb.TryLock(0)
			b.do(err)
			switch text := b.read("f"); {
			case ok && text != "text":
				seen["lock first"]++
			case !ok && text == "text":
				seen["text first"]++
			}
			s.Tick(time.Minute)
			require.Equal(t, "text", b.read("f"))
			if !ok {
				b.lock(lb, 0, true)
			}
		}
		require.Len(t, seen, 2, "%v: %v", f, seen)
	}
}

// TestServerKillHost: what was only in the cache of a host is lost with it.
func TestServerKillHost(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		f := a.synced("f", "one")
		a.write(f, 3, " two")
		n.a.Kill()
		n.Tick(time.Hour)
		require.Error(t, f.Sync())
		_, err := a.Stat("f")
		require.Error(t, err)
		_, err = n.a.Process().Stat("f")
		require.Error(t, err)
		require.Equal(t, "one", b.read("f"))
		require.Equal(t, "one", n.process(n.Host("a")).read("f"), "the host runs again")
	})
}

package vfs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestServerWriteBack: what was written others see after a sync or a close, or
// when it is old; processes of the same host at once.
func TestServerWriteBack(t *testing.T) {
	each(t, flavours, nil, func(t *testing.T, n *network) {
		a, b := n.both()
		f := a.create("f")
		a.write(f, 0, "one")
		require.Equal(t, "", b.read("f"))
		require.Equal(t, "one", n.process(n.a).read("f"))
		a.do(f.Sync())
		require.Equal(t, "one", b.read("f"))
		a.write(f, 3, " two")
		require.Equal(t, "one", b.read("f"))
		a.do(f.Close())
		require.Equal(t, "one two", b.read("f"))

		g := a.create("g")
		a.write(g, 0, "text")
		require.Equal(t, "", b.read("g"))
		n.Tick(time.Minute)
		require.Equal(t, "text", b.read("g"), "nothing stays in a cache for ever")
		a.do(g.Close())
	})
}

// TestServerWritesBackAnyhow: parts of what was written may be seen earlier, in
// any order: holes, and an overwrite that is half done.
func TestServerWritesBackAnyhow(t *testing.T) {
	for _, f := range flavours {
		holes, torn := 0, 0
		for seed := range uint64(300) {
			s := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed})
			a, b := mount{s.Host("a").Process(), t}, mount{s.Host("b").Process(), t}
			h := a.synced("f", strings.Repeat("a", 100))
			a.write(h, 0, strings.Repeat("b", 100))
			switch got := b.read("f"); {
			case strings.Contains(got, "ab"), strings.Contains(got, "ba"):
				torn++
			}
			a.write(h, 100, strings.Repeat("c", 20_000))
			for range 3 {
				if got := b.read("f"); strings.Contains(got, "\x00c") {
					holes++
				}
			}
		}
		require.NotZero(t, holes, f)
		require.NotZero(t, torn, f)
	}
}

// TestServerOldSize: a handle that is open shows the size of before, until the
// file is opened afresh.
func TestServerOldSize(t *testing.T) {
	each(t, flavours, answers{vfs.AskSize: 1, vfs.AskPage: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		f := a.synced("f", "one")
		h := b.open("f")
		require.Equal(t, "one", b.text(h))
		a.write(f, 3, " two")
		a.do(f.Sync())
		size, err := h.Size()
		b.do(err)
		require.EqualValues(t, 3, size)
		require.Equal(t, "one", b.text(h))
		info, err := b.Stat("f")
		b.do(err)
		require.EqualValues(t, 3, info.Size)
		list, err := b.List(".")
		b.do(err)
		require.EqualValues(t, 3, list[0].Size)
		if n.flavour == vfs.SMB {
			require.Equal(t, "one", b.read("f"), "also afresh")
			n.Tick(time.Second)
		}
		require.Equal(t, "one two", b.read("f"))
		require.Equal(t, "one two", b.text(h), "with it the old handle is right")
	})
}

// TestServerZeros: a host that has a file open for writing may know its new size
// and read zeros in the page that it has of it, whatever is done, until it has
// closed the file. SMB does not.
func TestServerZeros(t *testing.T) {
	each(t, flavours, answers{vfs.AskSize: 1, vfs.AskPage: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		h := b.synced("f", "one")
		require.Equal(t, "one", b.text(h))
		f := a.openToWrite("f")
		a.write(f, 3, " two")
		a.do(f.Close())
		require.Equal(t, "one", b.text(h))
		n.Tick(time.Minute)
		want := "one\x00\x00\x00\x00"
		if n.flavour == vfs.SMB {
			want = "one two"
		}
		require.Equal(t, want, b.text(h))
		require.Equal(t, want, b.read("f"), "also afresh")
		n.Tick(time.Hour)
		require.Equal(t, want, b.text(h))
		b.do(h.Close())
		require.Equal(t, "one two", b.read("f"))
	})
}

// TestServerTwoWriters: who writes to a file does not take another's change for its
// own once it has closed it. NFSv4 does, until it is opened to be written.
func TestServerTwoWriters(t *testing.T) {
	each(t, flavours, answers{vfs.AskSize: 1, vfs.AskPage: 1}, func(t *testing.T, n *network) {
		a, b := n.both()
		const page = 4096
		f := b.synced("f", strings.Repeat("b", 2*page))
		require.Len(t, b.text(f), 2*page)
		g := a.openToWrite("f")
		a.write(g, 0, strings.Repeat("a", page))
		a.do(g.Close())
		b.write(f, page, "B")
		b.do(f.Close())
		own := "B" + strings.Repeat("b", page-1)
		want := strings.Repeat("a", page) + own
		if n.flavour == vfs.NFS4 {
			require.Equal(t, strings.Repeat("b", page)+own, b.read("f"))
		} else {
			require.Equal(t, want, b.read("f"))
		}
		g = b.openToWrite("f")
		require.Equal(t, want, b.text(g))
		b.do(g.Close())
		require.Equal(t, want, b.read("f"))
		require.Equal(t, want, a.read("f"))
	})
}

// TestServerReadTakesTime: what is written back while a file is read may be seen
// in the second half of it only.
func TestServerReadTakesTime(t *testing.T) {
	for _, f := range flavours {
		asked, when := 0, 0
		s := vfs.NewServer(vfs.ServerOptions{Flavour: f, Choose: func(q vfs.Question, n int) int {
			switch q {
			case vfs.AskWriteBack:
				if asked++; asked != when {
					return 0
				}
				fallthrough
			case vfs.AskOrder, vfs.AskPart:
				return n - 1
			}
			return 0
		}})
		a, b := mount{s.Host("a").Process(), t}, mount{s.Host("b").Process(), t}
		const page = 4096
		w := a.synced("f", strings.Repeat("a", 2*page))
		r := b.open("f")
		a.write(w, 0, strings.Repeat("b", 2*page))
		asked, when = 0, 3 // the call, the first page, the second
		require.Equal(t, strings.Repeat("a", page)+strings.Repeat("b", page), b.text(r))
	}
}

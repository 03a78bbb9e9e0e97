package vfs_test

import (
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

var flavours = []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB}

// newServer is a server that chooses at random.
func newServer(t *testing.T, f vfs.Flavour) *vfs.Server {
	seed := rand.Uint64()
	t.Logf("%v, seed %d", f, seed)
	return vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed})
}

// answers are what a server shall choose; 0 where nothing is said, and the
// highest there is where more is said than there is.
type answers map[vfs.Question]int

const most = 1 << 30

// network is a server with two hosts, a and b.
type network struct {
	*vfs.Server
	t       *testing.T
	flavour vfs.Flavour
	a, b    *vfs.Host
	answers answers
}

func newNetwork(t *testing.T, f vfs.Flavour, set answers) *network {
	n := &network{t: t, flavour: f, answers: make(answers)}
	maps.Copy(n.answers, set)
	n.Server = vfs.NewServer(vfs.ServerOptions{Flavour: f, Choose: func(q vfs.Question, all int) int {
		return min(n.answers[q], all-1)
	}})
	n.a, n.b = n.Host("a"), n.Host("b")
	return n
}

// each runs a test on some flavours.
func each(t *testing.T, flavours []vfs.Flavour, set answers, test func(t *testing.T, n *network)) {
	for _, f := range flavours {
		t.Run(f.String(), func(t *testing.T) { test(t, newNetwork(t, f, set)) })
	}
}

// mount is a process.
type mount struct {
	*vfs.HostProcess
	t *testing.T
}

func (n *network) process(h *vfs.Host) mount { return mount{h.Process(), n.t} }

// both are a process of each host.
func (n *network) both() (a, b mount) { return n.process(n.a), n.process(n.b) }

func (m mount) do(err error) {
	m.t.Helper()
	require.NoError(m.t, err)
}

func (m mount) create(name string) vfs.File {
	m.t.Helper()
	f, err := m.Create(name)
	m.do(err)
	return f
}

func (m mount) open(name string) vfs.File {
	m.t.Helper()
	f, err := m.Open(name)
	m.do(err)
	return f
}

func (m mount) openToWrite(name string) vfs.File {
	m.t.Helper()
	f, err := m.OpenWrite(name)
	m.do(err)
	return f
}

func (m mount) write(f vfs.File, off int, text string) {
	m.t.Helper()
	_, err := f.WriteAt([]byte(text), int64(off))
	m.do(err)
}

// synced makes a file that others may rely on.
func (m mount) synced(name, text string) vfs.File {
	m.t.Helper()
	f := m.create(name)
	m.write(f, 0, text)
	m.do(f.Sync())
	return f
}

// text is what a handle reads.
func (m mount) text(f vfs.File) string {
	m.t.Helper()
	b := make([]byte, 100_000)
	n, err := f.ReadAt(b, 0)
	if err != io.EOF {
		m.do(err)
	}
	return string(b[:n])
}

// read is what a file holds that is opened afresh.
func (m mount) read(name string) string {
	m.t.Helper()
	f := m.open(name)
	text := m.text(f)
	m.do(f.Close())
	return text
}

func (m mount) names(dir string) string {
	m.t.Helper()
	list, err := m.List(dir)
	m.do(err)
	var names []string
	for _, info := range list {
		names = append(names, info.Name)
	}
	return strings.Join(names, " ")
}

func (m mount) locks() vfs.Locks {
	m.t.Helper()
	l, err := m.Locks("lock")
	m.do(err)
	return l
}

func (m mount) lock(l vfs.Locks, i int, want bool) {
	m.t.Helper()
	got, err := l.TryLock(i)
	m.do(err)
	require.Equal(m.t, want, got, "lock %d", i)
}

// TestServerSeed: the same seed chooses the same.
func TestServerSeed(t *testing.T) {
	run := func(seed uint64) (seen []string) {
		s := vfs.NewServer(vfs.ServerOptions{Seed: seed})
		a, b := mount{s.Host("a").Process(), t}, mount{s.Host("b").Process(), t}
		f := a.create("f")
		for range 50 {
			a.write(f, len(seen)*100, "text")
			seen = append(seen, b.read("f"))
		}
		return seen
	}
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

// TestServerNow: time passes by a clock, too.
func TestServerNow(t *testing.T) {
	now := time.Unix(1000, 0)
	s := vfs.NewServer(vfs.ServerOptions{
		Now:    func() time.Time { return now },
		Choose: func(q vfs.Question, n int) int { return map[vfs.Question]int{vfs.AskName: 1}[q] },
	})
	a, b := mount{s.Host("a").Process(), t}, mount{s.Host("b").Process(), t}
	_, err := b.Stat("f")
	require.Error(t, err)
	a.do(a.synced("f", "text").Close())
	_, err = b.Stat("f")
	require.Error(t, err)
	now = now.Add(time.Minute)
	_, err = b.Stat("f")
	require.NoError(t, err)
}

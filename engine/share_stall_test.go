package engine

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// stalling is the directory of a process that is held up before it writes to the state file, while
// other things happen.
type stalling struct {
	vfs.FS
	left      atomic.Int64 // so many writes before
	begun     int          // so many bytes of that are written before, and on the disk
	meanwhile func()
}

func (s *stalling) OpenWrite(name string) (vfs.File, error) {
	f, err := s.FS.OpenWrite(name)
	if err != nil || name != codec.StateName {
		return f, err
	}
	return &stallingFile{f, s}, nil
}

type stallingFile struct {
	vfs.File
	s *stalling
}

func (f *stallingFile) WriteAt(b []byte, off int64) (int, error) {
	if f.s.left.Add(-1) == 0 {
		if _, err := f.File.WriteAt(b[:f.s.begun], off); err != nil {
			return 0, err
		}
		if err := f.File.Sync(); err != nil {
			return 0, err
		}
		f.s.meanwhile()
	}
	return f.File.WriteAt(b, off)
}

// heldUp is a process that is held up at a write to the state file.
type heldUp struct {
	flavour vfs.Flavour
	write   int64 // at which one
	pages   int   // 1: hosts believe what they have in their caches
	torn    bool  // who wrote the file before has died at the first place
}

func (h heldUp) String() string {
	return fmt.Sprint(h.flavour, " ", h.write, " pages ", h.pages, " torn ", h.torn)
}

// eachHeldUp runs a test of a process that writes the file some times, each of which it is held up in.
func eachHeldUp(t *testing.T, flavours []vfs.Flavour, times int64, test func(t *testing.T, h heldUp)) {
	run := func(h heldUp) {
		t.Run(h.String(), func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
	for _, f := range flavours {
		for pages := range 2 {
			for write := range 2 * times {
				run(heldUp{f, write + 1, pages, false})
			}
			for write := range 2*times + 1 {
				run(heldUp{f, write + 1, pages, true})
			}
		}
	}
}

func (h heldUp) server() *vfs.Server {
	return vfs.NewServer(vfs.ServerOptions{Flavour: h.flavour, Choose: func(q vfs.Question, _ int) int {
		if q == vfs.AskPage {
			return h.pages
		}
		return 0
	}})
}

// manyWrites bounds how often something is stored until a write of the state file is reached that
// would be one of the first, were it not for others that write it in the background.
const manyWrites = 20

// torn is how much of a place is written by who dies there.
const torn = 100

// tear leaves the state file as who dies at the first place leaves it, if that is asked for.
func (h heldUp) tear(t *testing.T, srv *vfs.Server) {
	if !h.torn {
		return
	}
	f, err := asMounted(srv.Host("t")).OpenWrite(codec.StateName)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, torn), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// TestShareHeldUp: a process is held up as it writes the state file for so long that its locks are
// others'. It goes on then, and hides nothing that they have acknowledged.
func TestShareHeldUp(t *testing.T) {
	eachHeldUp(t, []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB}, 2, testHeldUp)
}

func testHeldUp(t *testing.T, h heldUp) {
	srv := h.server()
	open := func(disk vfs.FS) *Engine {
		e, err := Open(disk, Options{Freshness: -1})
		require.NoError(t, err)
		return e
	}
	host := srv.Host("a")
	late := &stalling{FS: vfs.NewRetry(host.Process(), vfs.RetryOptions{Tries: 1})}
	b := open(asMounted(srv.Host("b")))
	c := &counting{t: t}
	require.NoError(t, c.up(b))
	handOn(b)
	a := open(late)
	happened := false
	late.meanwhile = func() {
		host.CutOff()
		srv.Restart()
		srv.Tick(2 * time.Minute)
		c.most++ // what a is about to count may be committed
		for range 2 {
			c.goOn(func() error { return c.up(b) }, srv.Tick)
			handOn(b)
		}
		host.Reconnect()
		happened = true
	}
	a.reclaiming.stop() // it is the call that is held up
	h.tear(t, srv)
	late.left.Store(h.write)
	for range manyWrites { // others in the background may have mended what was torn
		if _ = c.up(a); happened {
			break
		}
		handOn(a)
	}
	handOn(a)
	require.True(t, happened)
	a.reclaiming.start(a)

	d := open(asMounted(srv.Host("d")))
	require.NoError(t, c.read(d))
	require.NoError(t, c.up(d))
	handOn(d)
	for _, e := range []*Engine{a, b} {
		c.goOn(func() error { return c.up(e) }, srv.Tick)
		handOn(e)
	}
	for _, e := range []*Engine{a, b, d} {
		_ = e.Close() // which returns what the background met meanwhile
	}
}

// TestShareHeldUpAsItComes: a process that comes is held up as it says so, while another, which has
// the writer lock, writes the file once: both have written the same generation.
func TestShareHeldUpAsItComes(t *testing.T) {
	eachHeldUp(t, []vfs.Flavour{vfs.NFS3, vfs.NFS4}, 1, testHeldUpAsItComes)
}

func testHeldUpAsItComes(t *testing.T, h heldUp) {
	srv := h.server()
	b, err := Open(asMounted(srv.Host("b")), Options{Freshness: -1})
	require.NoError(t, err)
	require.NoError(t, b.Set("n", nil, Attrs{}))
	handOn(b)

	host, held, on, came := srv.Host("a"), make(chan bool), make(chan bool), make(chan *Engine, 1)
	late := &stalling{FS: vfs.NewRetry(host.Process(), vfs.RetryOptions{Tries: 1}), meanwhile: func() {
		close(held)
		<-on
	}}
	late.left.Store(h.write)
	require.NoError(t, b.Update(func(tx *Tx) error { // which has the lock by now
		h.tear(t, srv)
		go func() {
			a, _ := Open(late, Options{Freshness: -1})
			came <- a
		}()
		select {
		case <-held:
			host.CutOff()
			srv.Restart()
			srv.Tick(2 * time.Minute)
		case a := <-came: // it had fewer to write: others have mended what was torn
			came <- a
		}
		return tx.Set("k", nil, Attrs{})
	}))
	b.w.mu.Lock() // it does not give the lock up
	host.Reconnect()
	close(on)
	a := <-came
	b.w.mu.Unlock()

	d, err := Open(asMounted(srv.Host("d")), Options{Freshness: -1})
	require.NoError(t, err)
	for _, e := range []*Engine{d, b} {
		_, err = e.Get("k", nil)
		require.NoError(t, err)
		handOn(e)
	}
	for _, e := range []*Engine{a, b, d} {
		if e != nil {
			_ = e.Close() // which returns what the background met meanwhile
		}
	}
}

// TestShareDiesAsItWrites: a process dies amidst a write to the state file, after another one that did.
// Those that live go on.
func TestShareDiesAsItWrites(t *testing.T) {
	eachHeldUp(t, []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB}, 2, testDiesAsItWrites)
}

func testDiesAsItWrites(t *testing.T, h heldUp) {
	srv := h.server()
	b, err := Open(asMounted(srv.Host("b")), Options{Freshness: -1})
	require.NoError(t, err)
	c := &counting{t: t}
	require.NoError(t, c.up(b))
	handOn(b)
	process := srv.Host("a").Process()
	late := &stalling{FS: vfs.NewRetry(process, vfs.RetryOptions{Tries: 1}), begun: torn, meanwhile: process.Kill}
	a, err := Open(late, Options{Freshness: -1})
	require.NoError(t, err)
	a.reclaiming.stop()
	h.tear(t, srv)
	late.left.Store(h.write)
	for range manyWrites {
		if err = c.up(a); err != nil {
			break
		}
		handOn(a)
	}
	require.Error(t, err)
	a.reclaiming.start(a)
	_ = a.Close()
	srv.Tick(2 * time.Minute)

	require.NoError(t, c.read(b))
	require.NoError(t, c.up(b))
	handOn(b)
	require.NoError(t, b.Close())
}

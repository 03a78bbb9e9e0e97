package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// stepping is the directory of a process to which something happens at one of its calls.
type stepping struct {
	vfs.FS
	left    atomic.Int64 // so many calls before
	mu      sync.Mutex
	happens func() // nil: nothing does any more; guarded by mu
}

func (m *stepping) step() {
	if m.left.Add(-1) > 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.happens != nil {
		m.happens()
		m.happens = nil
	}
}

// disarm has nothing happen from now on. It waits for what does, and reports whether there was anything.
func (m *stepping) disarm() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	done := m.happens == nil
	m.happens = nil
	return done
}

func (m *stepping) Create(name string) (vfs.File, error)    { m.step(); return m.FS.Create(name) }
func (m *stepping) Open(name string) (vfs.File, error)      { m.step(); return m.FS.Open(name) }
func (m *stepping) OpenWrite(name string) (vfs.File, error) { m.step(); return m.FS.OpenWrite(name) }
func (m *stepping) List(dir string) ([]vfs.Info, error)     { m.step(); return m.FS.List(dir) }

// losesAll is a process that lost its locks while another one committed; nobody has the directory.
func losesAll(t *testing.T, srv *vfs.Server, c *counting, o Options) (*Engine, *vfs.Host) {
	host := srv.Host("a")
	a, err := Open(vfs.NewRetry(host.Process(), vfs.RetryOptions{Tries: 2, Sleep: srv.Tick}), o)
	require.NoError(t, err)
	x, err := Open(asMounted(srv.Host("x")), o)
	require.NoError(t, err)
	require.NoError(t, c.up(a))
	handOn(a)
	a.reclaiming.stop() // it is not to hold the state file as it is cut off
	host.CutOff()
	require.NoError(t, c.up(x))
	handOn(x)
	srv.Restart()
	srv.Tick(2 * time.Minute)
	_ = x.Close() // which may have lost its locks, too
	srv.Tick(2 * time.Minute)
	a.reclaiming.start(a)
	return a, host
}

// TestShareMakerDies: the process that makes the state file anew dies in between. One that lost its
// locks before comes back to a file that says nothing, and makes it anew itself.
func TestShareMakerDies(t *testing.T) {
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		for _, first := range []string{"read", "write"} {
			t.Run(fmt.Sprint(f, " ", first), func(t *testing.T) {
				t.Parallel()
				for n := int64(1); ; n++ {
					srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: uint64(n)})
					if lived := makerDies(t, srv, n, first); lived {
						return
					}
				}
			})
		}
	}
}

// makerDies kills the maker at its n-th call, and reports whether it lived to make fewer.
func makerDies(t *testing.T, srv *vfs.Server, n int64, first string) (lived bool) {
	c := &counting{t: t, step: int(n)}
	opt := Options{Freshness: -1}
	a, host := losesAll(t, srv, c, opt)
	process := srv.Host("b").Process()
	dying := &stepping{FS: vfs.NewRetry(process, vfs.RetryOptions{}), happens: process.Kill}
	dying.left.Store(n)
	b, err := Open(dying, opt)
	if err == nil {
		lived = dying.left.Load() > 0
		process.Kill()
		_ = b.Close()
	}
	srv.Tick(2 * time.Minute)
	state, _, err := latestState([]byte(srv.Disk().Files()[codec.StateName]))
	require.NoError(t, err)
	made := state.Words[wordReady] == readyMark

	host.Reconnect()
	if first == "read" {
		c.goOn(func() error { return c.read(a) }, srv.Tick)
	}
	c.goOn(func() error { return c.up(a) }, srv.Tick)
	handOn(a)
	d, err := Open(asMounted(srv.Host("d")), opt)
	require.NoError(t, err)
	require.NoError(t, c.read(d))
	require.NoError(t, c.up(d))
	handOn(d)
	require.NoError(t, c.up(a))
	handOn(a)
	a.reclaiming.lookAround()
	handOn(a)
	require.NoError(t, a.sealRest())
	require.NoError(t, c.read(a))
	_ = a.Close() // which returns what the background met meanwhile
	require.NoError(t, c.up(d))
	require.NoError(t, d.Close())
	if !made { // else the maker had said that it would see to them
		require.Empty(t, unsealed(srv.Disk()), "step %d", n)
	}
	return lived
}

// TestShareMakerIsAtIt: a process that lost its locks comes back while another one makes the state file
// anew. It waits for that, and says meanwhile that it does, or what is so.
func TestShareMakerIsAtIt(t *testing.T) {
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			for n := int64(1); ; n++ {
				srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: uint64(n)})
				if done := comesMeanwhile(t, srv, n); done {
					return
				}
			}
		})
	}
}

// comesMeanwhile has the other process come at the n-th call of the maker, and reports whether that
// made fewer.
func comesMeanwhile(t *testing.T, srv *vfs.Server, n int64) (done bool) {
	c := &counting{t: t, step: int(n)}
	a, host := losesAll(t, srv, c, Options{Freshness: -1, LockTimeout: 20 * time.Millisecond})
	maker := &stepping{FS: asMounted(srv.Host("b")), happens: func() {
		host.Reconnect()
		readsAsItComes(t, c, a)
		_ = c.read(a)
		handOn(a)
	}}
	maker.left.Store(n)
	b, err := Open(maker, Options{Freshness: -1})
	require.NoError(t, err)
	done = !maker.disarm()
	host.Reconnect()
	require.NoError(t, c.read(b))
	require.NoError(t, c.up(b))
	handOn(b)
	c.goOn(func() error { return c.read(a) }, srv.Tick)
	c.goOn(func() error { return c.up(a) }, srv.Tick)
	handOn(a)
	require.NoError(t, c.up(b))
	_ = a.Close() // which returns what the background met meanwhile
	_ = b.Close()
	return done
}

// readsAsItComes reads while another goroutine of the process attaches it anew.
func readsAsItComes(t *testing.T, c *counting, a *Engine) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	<-a.dir.turn
	if err := a.comeAnew(ctx); err == nil {
		require.NoError(t, a.followNow())
		_ = c.read(a)
	}
	a.board.file.lost.Store(true)
	a.dir.turn <- struct{}{}
}

// TestShareMadeWithOthers: who made the file anew has other options, as it may: nobody else had the
// directory. A process that lost its locks is refused then, as one that comes with its options is.
func TestShareMadeWithOthers(t *testing.T) {
	onServers(t, 1, func(t *testing.T, srv *vfs.Server, _ uint64) {
		c := &counting{t: t}
		a, host := losesAll(t, srv, c, Options{Freshness: -1})
		b, err := Open(asMounted(srv.Host("b")), Options{Freshness: -1, SizeLimit: 1 << 20})
		require.NoError(t, err)
		host.Reconnect()
		for range 2 {
			_, err = a.Get("n", nil)
			require.ErrorIs(t, err, ErrOption)
			require.ErrorIs(t, c.up(a), ErrOption)
		}
		require.NoError(t, c.up(b))
		require.NoError(t, b.Close())
		require.NoError(t, c.up(a), "who was refused has it again when the others are gone")
		_ = a.Close()
	})
}

// TestShareStateIsGone: the state file is lost while processes have the directory. They make it anew.
func TestShareStateIsGone(t *testing.T) {
	for _, how := range []string{"removed", "garbled"} {
		onServers(t, 2, func(t *testing.T, srv *vfs.Server, _ uint64) {
			c := &counting{t: t}
			var procs []*Engine
			for _, host := range []string{"a", "a", "b"} {
				e, err := Open(asMounted(srv.Host(host)), Options{Freshness: -1, LockTimeout: 100 * time.Millisecond})
				require.NoError(t, err)
				require.NoError(t, c.up(e))
				handOn(e)
				procs = append(procs, e)
			}
			disk := asMounted(srv.Host("b"))
			if how == "removed" {
				require.NoError(t, disk.Remove(codec.StateName))
				srv.Tick(2 * time.Minute)
			} else {
				f, err := disk.OpenWrite(codec.StateName)
				require.NoError(t, err)
				_, err = f.WriteAt(make([]byte, 2*codec.StateStride), 0)
				require.NoError(t, err)
				require.NoError(t, f.Sync())
				require.NoError(t, f.Close())
			}
			for _, e := range append(procs, procs...) {
				c.goOn(func() error { return c.up(e) }, srv.Tick)
				handOn(e)
				for _, e := range procs {
					c.goOn(func() error { return c.read(e) }, srv.Tick)
					e.reclaiming.lookAround()
					handOn(e)
				}
			}
			for _, e := range procs {
				_ = e.Close() // which returns what the background met meanwhile
			}
		})
	}
}

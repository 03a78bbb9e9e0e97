package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareSettingsStateIsGone: who makes the state file anew says there what the directory keeps by now, not
// what it was opened with, nor what this process knew last.
func TestShareSettingsStateIsGone(t *testing.T) {
	for _, by := range []string{"itself", "another"} {
		t.Run(by, func(t *testing.T) {
			onServers(t, 1, func(t *testing.T, srv *vfs.Server, _ uint64) {
				c := &counting{t: t}
				opt := Options{Freshness: -1, LockTimeout: 100 * time.Millisecond, Stored: true}
				a, err := Open(asMounted(srv.Host("a")), opt)
				require.NoError(t, err)
				b, err := Open(asMounted(srv.Host("b")), opt)
				require.NoError(t, err)
				require.NoError(t, c.up(a))
				a.reclaiming.stop()
				handOn(a)
				e := a
				if by == "another" {
					e = b
				}
				require.NoError(t, e.Configure(func(s *Settings) { s.CountLimit, s.CullLimit, s.SizeLimit = 77, 5, 1<<30 }))
				handOn(e)
				require.NoError(t, asMounted(srv.Host("b")).Remove(codec.StateName))
				srv.Tick(2 * time.Minute)
				c.goOn(func() error { return c.up(a) }, srv.Tick)
				handOn(a)
				a.reclaiming.start(a)
				d, err := Open(asMounted(srv.Host("d")), opt)
				require.NoError(t, err)
				for name, e := range map[string]*Engine{"a": a, "d": d} {
					s, err := e.Settings()
					require.NoError(t, err)
					require.Equal(t, int64(77), s.CountLimit, name)
					require.Equal(t, int64(1<<30), s.SizeLimit, name)
					require.Equal(t, 5, s.CullLimit, name)
				}
				_ = a.Close()
				_ = b.Close()
				_ = d.Close()
			})
		})
	}
}

// TestShareConfigureDies: a process dies as it changes the settings, at each of its changes of the disk. From
// then on all go by the same: what the others say is what the directory keeps.
func TestShareConfigureDies(t *testing.T) { inModes(t, testShareConfigureDies) }

func testShareConfigureDies(t *testing.T, newMem func() *vfs.Mem) {
	for n := int64(1); ; n++ {
		mem := newMem()
		b, err := openAs(mem, Options{Stored: true, CountLimit: 5})
		require.NoError(t, err)
		a, p := openIn(t, mem, Options{Stored: true})
		handOn(b)
		require.NoError(t, a.Set("k", nil, Attrs{}))
		p.changes.Store(0)
		p.after, p.others = n, []*Engine{b}
		err = a.Configure(func(s *Settings) { s.CountLimit = 6 })
		p.mu.Lock()
		died := p.dead
		p.mu.Unlock()
		p.kill(a)
		require.NoError(t, b.Set("l", nil, Attrs{}))
		s, serr := b.Settings()
		require.NoError(t, serr)
		kept, _, serr := readSettings(b.fsys)
		require.NoError(t, serr)
		require.Equal(t, *settingsOf(&kept), s, "died at %d: %v", n, err)
		c, err := openAs(mem, Options{Stored: true})
		require.NoError(t, err)
		require.Equal(t, s.CountLimit, c.settings().CountLimit)
		require.NoError(t, c.Close())
		require.NoError(t, b.Close())
		if !died {
			return
		}
	}
}

// TestShareGivenIsRefused: an Open whose options cannot be put in force, for another process has the writer lock,
// fails: it does not go by others without a word.
func TestShareGivenIsRefused(t *testing.T) { inModes(t, testShareGivenIsRefused) }

func testShareGivenIsRefused(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, err := openAs(mem, Options{Stored: true, CountLimit: 5})
	require.NoError(t, err)
	tx, err := a.Begin(context.Background())
	require.NoError(t, err)
	_, err = openAs(mem, Options{Stored: true, CountLimit: 6, LockTimeout: 10 * time.Millisecond})
	require.ErrorIs(t, err, ErrTimeout)
	b, err := openAs(mem, Options{Stored: true, CountLimit: 5, LockTimeout: 10 * time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

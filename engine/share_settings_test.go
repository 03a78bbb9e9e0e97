package engine

import (
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

package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestTurns: hosts that have a directory on a network disk open, one after the other. Each
// finds what the one before has left: all of it after a Close, all that was synced when the
// host or the server went down instead.
func TestTurns(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		for seed := range seeds {
			t.Run(fmt.Sprint(f, " ", seed), func(t *testing.T) { takeTurns(t, f, seed) })
		}
	}
}

func takeTurns(t *testing.T, f vfs.Flavour, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed})
	opt := Options{SegmentSize: 4096, FileThreshold: 2000, Compaction: true, Sync: SyncAlways}
	model := make(map[string]string)
	for turn := range 8 {
		name := string(rune('a' + turn%3))
		host := srv.Host(name)
		e, err := Open(vfs.NewRetry(host.Process(), vfs.RetryOptions{}), opt)
		require.NoError(t, err, "turn %d", turn)
		require.Equal(t, model, allOf(t, e), "turn %d", turn)
		for range 100 {
			key := fmt.Sprint(rnd.IntN(30))
			if rnd.IntN(4) == 0 {
				_, err := e.Delete(key)
				require.NoError(t, err)
				delete(model, key)
				continue
			}
			v := fmt.Sprint(turn, key) + strings.Repeat("x", rnd.IntN(2500))
			require.NoError(t, e.Set(key, []byte(v), Attrs{}))
			model[key] = v
		}
		switch rnd.IntN(3) {
		case 0:
			require.NoError(t, e.Close())
		case 1:
			endHost(srv, host, name)
			require.Error(t, e.Close())
		default:
			endHost(srv, host, name)
			srv.Crash()
			require.Error(t, e.Close())
		}
		srv.Tick(time.Minute) // old sizes, and locks of the dead
	}
}

// endHost kills a host, and starts it again: NFSv3 keeps its locks until then.
func endHost(srv *vfs.Server, h *vfs.Host, name string) {
	h.Kill()
	srv.Host(name)
}

// allOf returns all items.
func allOf(t *testing.T, e *Engine) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for kv, err := range e.Items() {
		require.NoError(t, err)
		all[kv.Key] = string(kv.Value)
	}
	return all
}

package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestBounded writes many times what a limit allows. The limit holds at every moment,
// what was stored last is there, and what is there is right, also after a kill.
func TestBounded(t *testing.T) {
	t.Parallel()
	times := 8 // the limit
	switch {
	case torture():
		times = 40
	case raceEnabled || testing.Short():
		times = 2
	}
	for p := evict.S3FIFO; p < evict.None; p++ {
		t.Run(p.String(), func(t *testing.T) {
			const limit = 1 << 20
			mem := vfs.NewMem()
			mem.NoTrace = true
			o := Options{SizeLimit: limit, SegmentSize: 8 << 10, FileThreshold: 4 << 10, Policy: p}
			e, err := Open(mem, o)
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(1, uint64(p)))
			stored := make(map[string]int)
			written := 0
			for i := 0; written < times*limit; i++ {
				key := fmt.Sprint("key-", r.IntN(3000))
				switch r.IntN(20) {
				case 0:
					_, err := e.Delete(key)
					require.NoError(t, err)
					delete(stored, key)
				case 1, 2, 3, 4, 5, 6:
					v, err := e.Get(key, nil)
					if n, ok := stored[key]; err == nil && ok {
						require.True(t, string(oracleBytes(n, len(v))) == string(v), "get %d: an older value", i)
					} else {
						require.ErrorIs(t, err, ErrNotFound)
					}
				default:
					size := 100 + r.IntN(1500)
					if r.IntN(50) == 0 {
						size = 4<<10 + r.IntN(28<<10)
					}
					require.NoError(t, e.Set(key, oracleBytes(i, size), Attrs{}), "set %d", i)
					stored[key] = i
					written += size
					v, err := e.Get(key, nil)
					require.NoError(t, err)
					require.True(t, string(oracleBytes(i, size)) == string(v))
				}
				if i%16 == 0 {
					require.LessOrEqual(t, onDisk(mem), int64(limit+limit/10), "operation %d", i)
				}
			}
			s, err := e.Stats()
			require.NoError(t, err)
			t.Logf("%d items, %d of %d bytes live, evicted %d, moved %d bytes for %d set", s.Items, s.LiveBytes, s.DiskBytes,
				e.stats.evicted.Load(), e.stats.movedBytes.Load(), written)
			require.Greater(t, s.LiveBytes, int64(limit/2))
			sound := func(what string, e *Engine) {
				problems, err := e.Check(false)
				require.NoError(t, err)
				for _, p := range problems {
					require.Equal(t, errOrphan, p.Err, "%s: %s", what, p)
				}
				n := 0
				for kv, err := range e.Items() {
					require.NoError(t, err)
					i, ok := stored[kv.Key]
					require.True(t, ok, "%s: %s was deleted", what, kv.Key)
					require.True(t, string(oracleBytes(i, len(kv.Value))) == string(kv.Value), "%s: %s is an older one", what, kv.Key)
					n++
				}
				require.EqualValues(t, s.Items, n, what)
			}
			sound("running", e)
			killed, err := Open(mem.Clone(), o)
			require.NoError(t, err)
			sound("killed", killed)
			require.NoError(t, killed.Close())
			require.NoError(t, e.Close())
			require.LessOrEqual(t, onDisk(mem), int64(limit+limit/10))
			e, err = Open(mem, o)
			require.NoError(t, err)
			sound("closed", e)
			require.NoError(t, e.Close())
		})
	}
}

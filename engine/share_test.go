package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareFollows: what one process stores or deletes the others see at once.
func TestShareFollows(t *testing.T) { inModes(t, testShareFollows) }

func testShareFollows(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, err := openAs(mem, Options{})
	require.NoError(t, err)
	b, err := openAs(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	v, err := b.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	require.NoError(t, b.Set("k", []byte("2"), Attrs{}))
	v, err = a.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "2", string(v))
	ok, err := a.Delete("k")
	require.NoError(t, err)
	require.True(t, ok)
	_, err = b.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, a.Close())
	require.NoError(t, b.Set("k", []byte("3"), Attrs{}))
	require.NoError(t, b.Close())
	c, err := openAs(mem, Options{})
	require.NoError(t, err)
	v, err = c.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "3", string(v))
	require.NoError(t, c.Close())
}

// TestShareModel: operations of several processes, one after the other, are those of one
// map, whatever else they do.
func TestShareModel(t *testing.T) {
	t.Parallel()
	inModes(t, testShareModel)
}

func testShareModel(t *testing.T, newMem func() *vfs.Mem) {
	runs := 10
	switch {
	case os.Getenv("DISKCACHE_TORTURE") != "":
		runs = 1000
	case testing.Short():
		runs = 3
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { shareModel(t, newMem, uint64(seed)) })
	}
}

func shareModel(t *testing.T, newMem func() *vfs.Mem, seed uint64) {
	mem := newMem()
	steps := 1500
	if mem.Network {
		steps = 200 // to hand the lock on takes some milliseconds
	} else if testing.Short() {
		steps = 500
	}
	procs := anyOrder(t, seed, steps, func(int) vfs.FS { return mem.Process() }, mem.Network)
	for _, e := range procs {
		countsAll(t, mem, e, procs...)
	}
	for _, e := range procs {
		require.NoError(t, e.Close())
	}
}

// anyOrder has three processes do anything, one after the other, and returns them.
func anyOrder(t *testing.T, seed uint64, steps int, disk func(i int) vfs.FS, network bool) []*Engine {
	rnd := rand.New(rand.NewPCG(seed, 1))
	opt := Options{SegmentSize: 4096, FileThreshold: 2000, Compaction: seed%2 == 0}
	if network {
		opt.Freshness = -1
	}
	if seed%3 == 0 {
		opt.Hash = func(key string) uint64 { return uint64(len(key)) << 60 } // most keys collide
	}
	procs := make([]*Engine, 3)
	model := make(map[string]string)
	open := func(i int) {
		e, err := Open(disk(i), opt)
		require.NoError(t, err)
		procs[i] = e
	}
	for i := range procs {
		open(i)
	}
	for n, last := 0, 0; n < steps; n++ {
		i := rnd.IntN(len(procs))
		e := procs[i]
		if i != last && e.board.file != nil {
			handOn(procs[last])
		}
		last = i
		key := fmt.Sprintf("key-%d", rnd.IntN(60))
		what := rnd.IntN(1000)
		switch {
		case what < 450:
			size := rnd.IntN(200)
			if rnd.IntN(20) == 0 {
				size = 1500 + rnd.IntN(2000)
			}
			v := fmt.Sprintf("%d:%s", n, strings.Repeat("x", size))
			require.NoError(t, e.Set(key, []byte(v), Attrs{}), "step %d", n)
			model[key] = v
		case what < 800:
			v, err := e.Get(key, nil)
			want, ok := model[key]
			if !ok {
				require.ErrorIs(t, err, ErrNotFound, "step %d of process %d: %s", n, i, key)
				break
			}
			require.NoError(t, err, "step %d of process %d: %s", n, i, key)
			require.Equal(t, want, string(v), "step %d of process %d: %s", n, i, key)
		case what < 900:
			ok, err := e.Delete(key)
			require.NoError(t, err)
			_, had := model[key]
			require.Equal(t, had, ok, "step %d of process %d: %s", n, i, key)
			delete(model, key)
		case what < 940:
			require.NoError(t, e.Update(func(tx *Tx) error {
				v, err := tx.Get(key, nil)
				if want, ok := model[key]; ok {
					require.NoError(t, err)
					require.Equal(t, want, string(v))
				} else {
					require.ErrorIs(t, err, ErrNotFound)
				}
				return tx.Set(key, fmt.Appendf(v, "+%d", n), Attrs{})
			}))
			model[key] += fmt.Sprintf("+%d", n)
		case what < 955:
			require.NoError(t, e.Compact(), "step %d of process %d", n, i)
		case what < 960:
			cleared, err := e.Clear()
			require.NoError(t, err)
			require.Equal(t, len(model), cleared, "step %d of process %d", n, i)
			clear(model)
		case what < 970:
			require.NoError(t, e.Sync())
		case what < 985:
			require.NoError(t, e.Close(), "step %d of process %d", n, i)
			open(i)
		default:
			got := make(map[string]string)
			for kv, err := range e.Items() {
				require.NoError(t, err)
				got[kv.Key] = string(kv.Value)
			}
			require.Equal(t, model, got, "step %d of process %d", n, i)
		}
	}
	for _, e := range procs {
		n, err := e.Len()
		require.NoError(t, err)
		require.Equal(t, len(model), n)
	}
	return procs
}

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

// unwritable is a directory of which the test fails if anything of it is written.
type unwritable struct {
	vfs.FS
	t *testing.T
}

func (u unwritable) fails(op, name string) error {
	u.t.Errorf("%s of %s by a process that reads only", op, name)
	return vfs.ErrReadOnly
}

func (u unwritable) Create(name string) (vfs.File, error) { return nil, u.fails("create", name) }

func (u unwritable) OpenWrite(name string) (vfs.File, error) { return nil, u.fails("open", name) }

func (u unwritable) Remove(name string) error { return u.fails("remove", name) }

func (u unwritable) Rename(name, _ string) error { return u.fails("rename", name) }

func (u unwritable) Mkdir(name string) error { return u.fails("mkdir", name) }

func (u unwritable) SyncDir(name string) error { return u.fails("sync", name) }

func (u unwritable) Locks(name string) (vfs.Locks, error) { return nil, u.fails("lock", name) }

func (u unwritable) Page(name string, _ int) (vfs.Page, error) { return nil, u.fails("page", name) }

func openReader(t *testing.T, fsys vfs.FS) *Engine {
	t.Helper()
	e, err := Open(unwritable{fsys, t}, Options{ReadOnly: true, Freshness: -1})
	require.NoError(t, err)
	return e
}

// TestReadOnlyBeside: who reads only sees all that another process does, whatever that is, and
// writes nothing.
func TestReadOnlyBeside(t *testing.T) { inModes(t, testReadOnlyBeside) }

func testReadOnlyBeside(t *testing.T, newMem func() *vfs.Mem) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			mem := newMem()
			readsBeside(t, uint64(seed), mem.Process(), mem.Process(), exactly(mem, Options{}))
		})
	}
}

// TestReadOnlyHost: the same, for one on another host of a network disk.
func TestReadOnlyHost(t *testing.T) {
	onServers(t, 4, func(t *testing.T, srv *vfs.Server, seed uint64) {
		retry := vfs.RetryOptions{Sleep: srv.Tick} // SMB shows the length of a file late
		readsBeside(t, seed, asMounted(srv.Host("a")), &waiting{vfs.NewRetry(srv.Host("b").Process(), retry), srv}, Options{Freshness: -1})
	})
}

// waiting is a directory that is looked at when what was written a second ago is to be seen, as a
// Freshness of more than that lets it be.
type waiting struct {
	vfs.FS
	srv *vfs.Server
}

func (w *waiting) List(dir string) ([]vfs.Info, error) {
	w.srv.Tick(time.Second)
	return w.FS.List(dir)
}

// readsBeside has one process write, and another one read only.
func readsBeside(t *testing.T, seed uint64, to, from vfs.FS, opt Options) {
	rnd := rand.New(rand.NewPCG(seed, 11))
	opt.SegmentSize, opt.FileThreshold, opt.Compaction = 2048, 1500, seed%2 == 0
	if seed%3 == 0 {
		opt.Hash = func(key string) uint64 { return uint64(len(key)) << 60 } // most keys collide
	}
	a, err := Open(to, opt)
	require.NoError(t, err)
	r, err := Open(unwritable{from, t}, Options{ReadOnly: true, Freshness: -1, Hash: opt.Hash})
	require.NoError(t, err)
	model := make(map[string]string)
	for n := range 200 {
		key := fmt.Sprintf("key-%d", rnd.IntN(20))
		switch what := rnd.IntN(100); {
		case what < 50:
			v := fmt.Sprintf("%d:%s", n, strings.Repeat("x", rnd.IntN(200)+rnd.IntN(20)/19*2000))
			require.NoError(t, a.Set(key, []byte(v), Attrs{}))
			model[key] = v
		case what < 60:
			_, err := a.Delete(key)
			require.NoError(t, err)
			delete(model, key)
		case what < 65:
			require.NoError(t, a.Compact())
		case what < 67:
			_, err := a.Clear()
			require.NoError(t, err)
			clear(model)
		case what < 70:
			require.NoError(t, a.Sync())
		case what < 90:
			v, err := r.Get(key, nil)
			if want, ok := model[key]; ok {
				require.NoError(t, err, "step %d: %s", n, key)
				require.Equal(t, want, string(v), "step %d: %s", n, key)
			} else {
				require.ErrorIs(t, err, ErrNotFound, "step %d: %s", n, key)
			}
		case what < 97:
			got := make(map[string]string)
			for kv, err := range r.Items() {
				require.NoError(t, err)
				got[kv.Key] = string(kv.Value)
			}
			require.Equal(t, model, got, "step %d", n)
		default:
			require.NoError(t, r.Close())
			r, err = Open(unwritable{from, t}, Options{ReadOnly: true, Freshness: -1, Hash: opt.Hash})
			require.NoError(t, err)
		}
	}
	require.NoError(t, a.Close())
	n, err := r.Len()
	require.NoError(t, err)
	require.Equal(t, len(model), n)
	require.NoError(t, r.Close())
}

// TestReadOnlyRefuses: all that would change something is ErrReadOnly, and changes nothing.
func TestReadOnlyRefuses(t *testing.T) {
	mem := vfs.NewMem()
	e := openReader(t, mem.Process()) // there is nothing yet
	_, err := e.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	a, err := openAs(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	v, err := e.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	for name, do := range map[string]func() error{
		"Set":        func() error { return e.Set("k", []byte("2"), Attrs{}) },
		"large Set":  func() error { return e.Set("k", make([]byte, 1<<20), Attrs{}) },
		"SetReader":  func() error { return e.SetReader("k", strings.NewReader("2"), Attrs{}) },
		"Delete":     func() error { _, err := e.Delete("k"); return err },
		"Update":     func() error { return e.Update(func(*Tx) error { return nil }) },
		"Clear":      func() error { _, err := e.Clear(); return err },
		"EvictTag":   func() error { _, err := e.EvictTag(""); return err },
		"Expire":     func() error { _, err := e.Expire(); return err },
		"Cull":       func() error { _, err := e.Cull(); return err },
		"Compact":    e.Compact,
		"Check":      func() error { _, err := e.Check(false); return err },
		"Check(fix)": func() error { _, err := e.Check(true); return err },
	} {
		require.ErrorIs(t, do(), ErrReadOnly, name)
	}
	require.NoError(t, e.Sync())
	_, err = e.Stats()
	require.NoError(t, err)
	ok, err := e.Has("k")
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, a.Close())
	require.NoError(t, e.Close())
	require.ErrorIs(t, e.Close(), ErrClosed)
	_, err = e.Get("k", nil)
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, e.Sync(), ErrClosed)
}

// TestReadOnlyFresh: news are looked for no more often than Freshness says.
func TestReadOnlyFresh(t *testing.T) {
	mem := vfs.NewMem()
	a, err := openAs(mem, Options{})
	require.NoError(t, err)
	now := time.Unix(1700000000, 0)
	e, err := Open(unwritable{mem.Process(), t}, Options{ReadOnly: true, Freshness: time.Second, Now: func() time.Time { return now }})
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	_, err = e.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	now = now.Add(time.Second * 9 / 10)
	_, err = e.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	now = now.Add(time.Second / 10)
	_, err = e.Get("k", nil)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.NoError(t, e.Close())
}

// meanwhile is a directory of which others change something whenever it is looked at.
type meanwhile struct {
	vfs.FS
	do func()
}

func (m *meanwhile) Open(name string) (vfs.File, error) {
	m.do()
	return m.FS.Open(name)
}

func (m *meanwhile) List(dir string) ([]vfs.Info, error) {
	list, err := m.FS.List(dir)
	m.do()
	return list, err
}

// TestReadOnlyRaces: what two processes store in turns, while a third reads only, it sees in that
// order; what is there all the time it never misses, although it moves.
func TestReadOnlyRaces(t *testing.T) {
	t.Parallel()
	seeds := 20
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(seed), 12))
			mem := vfs.NewMem()
			opt := Options{SegmentSize: 2048}
			a, err := openAs(mem, opt)
			require.NoError(t, err)
			b, err := openAs(mem, opt)
			require.NoError(t, err)
			n := 0
			store := func() {
				n++
				v := fmt.Appendf(nil, "%04d%s", n, strings.Repeat("x", rnd.IntN(300)))
				require.NoError(t, a.Set("a", v, Attrs{}))
				require.NoError(t, b.Set("b", v, Attrs{}))
				if rnd.IntN(10) == 0 {
					require.NoError(t, a.Compact())
				}
			}
			store()
			require.NoError(t, a.Set("cold", []byte("c"), Attrs{}))
			from := &meanwhile{FS: unwritable{mem.Process(), t}, do: func() {}}
			r, err := Open(from, Options{ReadOnly: true, Freshness: -1})
			require.NoError(t, err)
			left := 0
			from.do = func() {
				if left > 0 && rnd.IntN(3) == 0 {
					left--
					store()
				}
			}
			for i := range 30 {
				left = 3
				vb, err := r.Get("b", nil)
				require.NoError(t, err, "read %d", i)
				va, err := r.Get("a", nil)
				require.NoError(t, err, "read %d", i)
				require.GreaterOrEqual(t, string(va[:4]), string(vb[:4]), "read %d", i)
				_, err = r.Get("cold", nil)
				require.NoError(t, err, "read %d", i)
			}
			require.NoError(t, r.Close())
			require.NoError(t, a.Close())
			require.NoError(t, b.Close())
		})
	}
}

// TestReadOnlyForgetsFiles: of large values that others replace nothing is kept, by who removes no
// files.
func TestReadOnlyForgetsFiles(t *testing.T) {
	mem := vfs.NewMem()
	a, err := openAs(mem, Options{FileThreshold: 100})
	require.NoError(t, err)
	r := openReader(t, mem.Process())
	for range 20 {
		require.NoError(t, a.Set("k", make([]byte, 200), Attrs{}))
		_, err := r.Get("k", nil)
		require.NoError(t, err)
	}
	require.Empty(t, r.values.dead)
	require.Len(t, r.values.live, 1)
	require.Zero(t, r.values.deadBytes.Load())
	require.NoError(t, a.Close())
	require.NoError(t, r.Close())
}

package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// keptNow sees to it that a power cut that comes now leaves the value of key, whatever else it takes.
func keptNow(t *testing.T, mem *vfs.Mem, o Options, key, value string) {
	t.Helper()
	seen := mem.Crashes(vfs.CrashOptions{From: mem.Events(), PerPoint: 200}, func(img *vfs.Mem, p vfs.CrashPoint) bool {
		e, err := Open(img, o)
		require.NoError(t, err)
		v, err := e.Get(key, nil)
		require.NoError(t, err, p.Variant)
		require.Equal(t, value, string(v))
		require.NoError(t, e.Close())
		return true
	})
	require.NotZero(t, seen)
}

// TestLooseOfOthers: who syncs what another process has written, or seals it for one that died,
// syncs the files that it names.
func TestLooseOfOthers(t *testing.T) {
	opt := Options{FileThreshold: 1000}
	value := strings.Repeat("v", 3000)
	for _, how := range []string{"synced", "sealed", "synced by who came later"} {
		t.Run(how, func(t *testing.T) {
			mem := vfs.NewMem()
			a, process := openIn(t, mem, opt)
			b, _ := openIn(t, mem, opt)
			require.NoError(t, a.Set("k", []byte(value), Attrs{}))
			_, err := b.Get("k", nil)
			require.NoError(t, err)
			c, _ := openIn(t, mem, opt)
			switch how {
			case "synced":
				require.NoError(t, b.Sync())
			case "sealed":
				process.kill(a)
				b.reclaiming.lookAround()
				require.NoError(t, b.sealRest())
			default:
				require.NoError(t, c.Sync())
			}
			keptNow(t, mem, opt, "k", value)
			for _, e := range []*Engine{a, b, c} {
				if how != "sealed" || e != a {
					require.NoError(t, e.Close())
				}
			}
		})
	}
}

// TestLooseFailedSync: a file whose sync has failed is written anew, for no later sync tells
// anything about it.
func TestLooseFailedSync(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("set again %v", again), func(t *testing.T) {
			mem := vfs.NewMem()
			fault := vfs.NewFault(mem)
			opt := Options{FileThreshold: 1000}
			e, err := Open(fault, opt)
			require.NoError(t, err)
			value := strings.Repeat("v", 3000)
			require.NoError(t, e.Set("k", []byte(value), Attrs{Tag: "t", User: 7}))
			fault.Fail(vfs.Rule{Op: vfs.OpSync, Name: "values/*", Nth: 1, Once: true})
			if again {
				value = "short"
				require.NoError(t, e.Set("k", []byte(value), Attrs{Tag: "t", User: 7}))
			}
			require.ErrorIs(t, e.Sync(), ErrNotSynced)
			require.NoError(t, e.Sync())
			keptNow(t, mem, opt, "k", value)
			it, err := e.Item("k")
			require.NoError(t, err)
			require.Equal(t, "t", it.Tag)
			require.Equal(t, uint16(7), it.User)
			require.Equal(t, map[bool]int{false: 1, true: 0}[again], valueFiles(mem))
			require.NoError(t, e.Close())
		})
	}
}

// TestLooseFailedElsewhere: who could not sync the file of another process writes it anew, for the
// other is not told.
func TestLooseFailedElsewhere(t *testing.T) {
	opt := Options{FileThreshold: 1000}
	mem := vfs.NewMem()
	a, err := openAs(mem, opt)
	require.NoError(t, err)
	fault := vfs.NewFault(mem.Process())
	b, err := Open(fault, opt)
	require.NoError(t, err)
	value := strings.Repeat("v", 3000)
	require.NoError(t, a.Set("k", []byte(value), Attrs{Tag: "t"}))
	fault.Fail(vfs.Rule{Op: vfs.OpSync, Name: "values/*", Nth: 1, Once: true})
	handOn(a)
	require.ErrorIs(t, b.Sync(), ErrNotSynced)
	require.NoError(t, b.Sync())
	keptNow(t, mem, opt, "k", value)
	handOn(b)
	it, v, err := a.GetItem("k")
	require.NoError(t, err)
	require.Equal(t, value, string(v))
	require.Equal(t, "t", it.Tag)
	require.Equal(t, 1, valueFiles(mem))
	require.NoError(t, a.Sync())
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// afterTorn shows fn what power cuts leave of a large value of k that is set over "first", which
// was synced.
func afterTorn(t *testing.T, value string, fn func(img *vfs.Mem, p vfs.CrashPoint)) {
	t.Helper()
	opt := Options{FileThreshold: 1000}
	mem := vfs.NewMem()
	e, err := Open(mem.Process(), opt)
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("first"), Attrs{}))
	require.NoError(t, e.Sync())
	require.NoError(t, e.Set("k", []byte(value), Attrs{}))
	disk := mem.Clone()
	require.NoError(t, e.Close())
	disk.Crashes(vfs.CrashOptions{From: disk.Events(), PerPoint: 400, Garbage: true}, func(img *vfs.Mem, p vfs.CrashPoint) bool {
		fn(img, p)
		return true
	})
}

// valueOfK returns what a process sees of k, which cannot be damage.
func valueOfK(t *testing.T, e *Engine, p vfs.CrashPoint) string {
	t.Helper()
	v, err := e.Get("k", nil)
	require.NoError(t, err, p.Variant)
	return string(v)
}

// TestLooseTorn: of a record whose file a power cut has kept from the disk nothing is seen, by
// nobody and at no later time. What it has replaced is.
func TestLooseTorn(t *testing.T) {
	opt := Options{FileThreshold: 1000}
	value := strings.Repeat("v", 3000)
	torn := 0
	afterTorn(t, value, func(img *vfs.Mem, p vfs.CrashPoint) {
		a, err := openAs(img, opt)
		require.NoError(t, err)
		b, err := openAs(img, opt)
		require.NoError(t, err)
		found := valueOfK(t, a, p)
		require.Contains(t, []string{"first", value}, found)
		require.Equal(t, found, valueOfK(t, b, p))
		require.NoError(t, unharmed(a))
		s, err := a.Stats()
		require.NoError(t, err)
		if s.Torn > 0 && found == "first" {
			torn++
		}
		require.NoError(t, b.Close())
		require.NoError(t, a.Close())
		c, err := openAs(img, opt)
		require.NoError(t, err)
		require.Equal(t, found, valueOfK(t, c, p))
		require.NoError(t, c.Close())
	})
	require.NotZero(t, torn)
}

// TestLooseTornRead: who reads only leaves out what a power cut tore, before anybody has written
// a hint that says so and after.
func TestLooseTornRead(t *testing.T) {
	value := strings.Repeat("v", 3000)
	firsts := 0
	afterTorn(t, value, func(img *vfs.Mem, p vfs.CrashPoint) {
		r := openReader(t, img.Process())
		found := valueOfK(t, r, p)
		require.Contains(t, []string{"first", value}, found)
		if found == "first" {
			firsts++
		}
		a, err := openAs(img, Options{FileThreshold: 1000})
		require.NoError(t, err)
		require.Equal(t, found, valueOfK(t, a, p))
		require.Equal(t, found, valueOfK(t, r, p))
		require.NoError(t, a.Set("other", []byte(value), Attrs{}))
		require.NoError(t, a.Close())
		require.Equal(t, found, valueOfK(t, r, p))
		require.NoError(t, r.Close())
	})
	require.NotZero(t, firsts)
}

// hintless is a disk that takes no hints.
type hintless struct{ *vfs.MemProcess }

var errHintless = errors.New("no hints here")

func (h hintless) Create(name string) (vfs.File, error) {
	if strings.Contains(name, ".hint") {
		return nil, errHintless
	}
	return h.MemProcess.Create(name)
}

// TestLooseTornUnhinted: who comes while a hint could not be written leaves out what the others
// do.
func TestLooseTornUnhinted(t *testing.T) {
	opt := Options{FileThreshold: 1000}
	value := strings.Repeat("v", 3000)
	firsts := 0
	afterTorn(t, value, func(img *vfs.Mem, p vfs.CrashPoint) {
		a, err := Open(hintless{img.Process()}, opt)
		require.NoError(t, err)
		b, err := Open(hintless{img.Process()}, opt)
		require.NoError(t, err)
		found := valueOfK(t, a, p)
		require.Contains(t, []string{"first", value}, found)
		require.Equal(t, found, valueOfK(t, b, p))
		if found == "first" {
			firsts++
		}
		_ = b.Close() // for want of a hint
		_ = a.Close()
		c, err := openAs(img, opt)
		require.NoError(t, err)
		require.Equal(t, found, valueOfK(t, c, p))
		require.NoError(t, c.Close())
	})
	require.NotZero(t, firsts)
}

// TestLooseReplaced: a file that was removed because its value was replaced is not torn, though
// the record that named it is read once more.
func TestLooseReplaced(t *testing.T) {
	opt := Options{FileThreshold: 1000, SegmentSize: 512}
	mem := vfs.NewMem()
	e, err := openAs(mem, opt)
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte(strings.Repeat("v", 3000)), Attrs{}))
	require.NoError(t, e.Set("other", []byte(strings.Repeat("v", 400)), Attrs{})) // to another segment
	require.NoError(t, e.Set("k", []byte("short"), Attrs{}))
	require.NoError(t, e.Close())
	list, err := mem.List(".")
	require.NoError(t, err)
	for _, info := range list {
		if kind, _, _ := codec.ParseName(info.Name); kind == codec.NameHint || kind == codec.NameSnapshot {
			require.NoError(t, mem.Remove(info.Name))
		}
	}
	require.Zero(t, valueFiles(mem))
	e, err = openAs(mem, opt)
	require.NoError(t, err)
	s, err := e.Stats()
	require.NoError(t, err)
	require.Zero(t, s.Torn)
	require.Greater(t, int(s.Segments), 1)
	v, err := e.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "short", string(v))
	require.NoError(t, e.Close())
}

// TestLooseTransaction: a power cut leaves a transaction with a large value whole, or nothing of it.
func TestLooseTransaction(t *testing.T) {
	opt := Options{FileThreshold: 1000}
	mem := vfs.NewMem()
	e, err := Open(mem.Process(), opt)
	require.NoError(t, err)
	require.NoError(t, e.Sync())
	require.NoError(t, e.Update(func(tx *Tx) error {
		if err := tx.Set("large", []byte(strings.Repeat("v", 3000)), Attrs{}); err != nil {
			return err
		}
		return tx.Set("small", []byte("v"), Attrs{})
	}))
	disk := mem.Clone()
	require.NoError(t, e.Close())
	disk.Crashes(vfs.CrashOptions{From: disk.Events(), PerPoint: 400, Garbage: true}, func(img *vfs.Mem, p vfs.CrashPoint) bool {
		a, err := openAs(img, opt)
		require.NoError(t, err)
		large, err := a.Has("large")
		require.NoError(t, err)
		small, err := a.Has("small")
		require.NoError(t, err)
		require.Equal(t, large, small, p.Variant)
		require.NoError(t, a.Close())
		return true
	})
}

package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

// TestLooseTorn: of a record whose file a power cut has kept from the disk nothing is seen, by
// nobody and at no later time. What it has replaced is.
func TestLooseTorn(t *testing.T) {
	opt := Options{FileThreshold: 1000}
	mem := vfs.NewMem()
	e, err := Open(mem.Process(), opt)
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("first"), Attrs{}))
	require.NoError(t, e.Sync())
	value := strings.Repeat("v", 3000)
	require.NoError(t, e.Set("k", []byte(value), Attrs{}))
	disk := mem.Clone()
	require.NoError(t, e.Close())

	torn := 0
	disk.Crashes(vfs.CrashOptions{From: disk.Events(), PerPoint: 400, Garbage: true}, func(img *vfs.Mem, p vfs.CrashPoint) bool {
		a, err := openAs(img, opt)
		require.NoError(t, err)
		b, err := openAs(img, opt)
		require.NoError(t, err)
		found, err := a.Get("k", nil)
		require.NoError(t, err, p.Variant)
		require.Contains(t, []string{"first", value}, string(found))
		other, err := b.Get("k", nil)
		require.NoError(t, err, p.Variant)
		require.Equal(t, string(found), string(other))
		require.NoError(t, unharmed(a))
		s, err := a.Stats()
		require.NoError(t, err)
		if s.Torn > 0 && string(found) == "first" {
			torn++
		}
		require.NoError(t, b.Close())
		require.NoError(t, a.Close())
		c, err := openAs(img, opt)
		require.NoError(t, err)
		again, err := c.Get("k", nil)
		require.NoError(t, err, p.Variant)
		require.Equal(t, string(found), string(again))
		require.NoError(t, c.Close())
		return true
	})
	require.NotZero(t, torn)
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

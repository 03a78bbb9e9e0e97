package engine

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// benchKeys is how many keys the benchmarks of the views have.
const benchKeys = 1_000_000

func openBench(b *testing.B) *Engine {
	b.Helper()
	fsys, err := vfs.OpenDir(b.TempDir(), vfs.DirOptions{})
	require.NoError(b, err)
	e, err := Open(fsys, Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, e.Close()) })
	return e
}

// heapBytes returns the bytes of the heap that are in use.
func heapBytes() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkViews: a million keys of 16 bytes with values of 128, each with a tag of a thousand keys.
func BenchmarkViews(b *testing.B) {
	e := openBench(b)
	for i := range benchKeys {
		n := i * 7919 % benchKeys // in no order
		require.NoError(b, e.Set(fmt.Sprintf("key-%012d", n), make([]byte, 128), Attrs{Tag: fmt.Sprint("tag", n%1000)}))
	}
	for name, w := range map[string]Walk{"insertion": {}, "key": {ByKey: true}, "tag": {Tag: "tag7"}, "tag, key": {Tag: "tag7", ByKey: true}} {
		b.Run("build/"+name, func(b *testing.B) {
			e.views.giveUp()
			before := heapBytes()
			for b.Loop() {
				e.views.giveUp()
				firstOf(b, e, w, 1)
			}
			b.ReportMetric((heapBytes()-before)/benchKeys, "B/key")
		})
		b.Run("first/"+name, func(b *testing.B) {
			for b.Loop() {
				firstOf(b, e, w, 1)
			}
		})
		w.Reverse = true
		b.Run("last/"+name, func(b *testing.B) {
			for b.Loop() {
				firstOf(b, e, w, 1)
			}
		})
	}
	firstOf(b, e, Walk{ByKey: true}, 1)
	b.Run("prefix of 100", func(b *testing.B) {
		for b.Loop() {
			firstOf(b, e, Walk{ByKey: true, Prefix: "key-0000005000"}, 100)
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			firstOf(b, e, Walk{ByKey: true}, benchKeys)
		}
	})
	b.Run("set with all views", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			_ = e.Set(fmt.Sprintf("set-%012d", i), make([]byte, 128), Attrs{Tag: "tag7"})
		}
	})
}

// firstOf walks over n keys.
func firstOf(b *testing.B, e *Engine, w Walk, n int) {
	seen := 0
	for _, err := range e.Scan(w) {
		if err != nil {
			b.Fatal(err)
		}
		if seen++; seen == n {
			return
		}
	}
	b.Fatalf("%d keys", seen)
}

// BenchmarkQueue: a queue of a million items of 128 bytes.
func BenchmarkQueue(b *testing.B) {
	e := openBench(b)
	value := make([]byte, 128)
	before := heapBytes()
	for range benchKeys {
		_, err := e.Push("q", value, true, Attrs{})
		require.NoError(b, err)
	}
	memory := (heapBytes() - before) / benchKeys
	for name, do := range map[string]func() error{
		"push":       func() error { _, err := e.Push("q", value, true, Attrs{}); return err },
		"push front": func() error { _, err := e.Push("q", value, false, Attrs{}); return err },
		"pull":       func() error { _, err := e.Pull("q", false); return err },
		"peek":       func() error { _, err := e.Peek("q", false); return err },
		"peek back":  func() error { _, err := e.Peek("q", true); return err },
		"at":         func() error { _, err := e.QueueAt("q", benchKeys/2); return err },
		"len":        func() error { _, err := e.QueueLen("q"); return err },
		"push+pull in a transaction": func() error {
			return e.Update(func(tx *Tx) error {
				if _, err := tx.Push("q", value, true, Attrs{}); err != nil {
					return err
				}
				_, err := tx.Pull("q", false)
				return err
			})
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(memory, "B/item")
		})
	}
	b.Run("set", func(b *testing.B) { // beside them
		i := 0
		for b.Loop() {
			i++
			if err := e.Set(fmt.Sprint("other", i), value, Attrs{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package vfs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// object is a file of the workload, whatever its name: what it was when it was
// last synced, and after each write since.
type object struct {
	vfs.File
	versions [][]byte // the first is durable
}

func (o *object) last() []byte { return o.versions[len(o.versions)-1] }

// legal says whether a crash may leave b of it: every sector is of one of the
// versions, and the size is between those of the first and the last.
func (o *object) legal(b []byte) bool {
	if len(b) < len(o.versions[0]) || len(b) > len(o.last()) {
		return false
	}
	for off := 0; off < len(b); off += 512 {
		end := min(off+512, len(b))
		ok := slices.ContainsFunc(o.versions, func(v []byte) bool {
			return string(padded(v, end)[off:end]) == string(b[off:end])
		})
		if !ok {
			return false
		}
	}
	return true
}

func padded(b []byte, n int) []byte {
	if len(b) >= n {
		return b
	}
	return append(slices.Clone(b), make([]byte, n-len(b))...)
}

// workload changes a directory at random, and knows, by means that have
// nothing in common with those of the package, what a crash may leave.
type workload struct {
	disk
	r       *rand.Rand
	objects []*object
	names   map[string][]*object // all that a name was since SyncDir; nil is nothing
	gone    map[*object]bool     // removed or replaced, perhaps not durably
}

func (w *workload) now(name string) *object {
	list := w.names[name]
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// bind notes what a name now is.
func (w *workload) bind(name string, o *object) {
	if len(w.names[name]) == 0 {
		w.names[name] = []*object{nil}
	}
	w.names[name] = append(w.names[name], o)
}

func (w *workload) step() {
	name := fmt.Sprint("f", w.r.IntN(4))
	o := w.now(name)
	switch w.r.IntN(8) {
	case 0, 1:
		if o == nil {
			o = &object{File: w.create(name), versions: [][]byte{nil}}
			w.objects = append(w.objects, o)
			w.bind(name, o)
		}
	case 2, 3, 4:
		if len(w.objects) > 0 {
			w.writeTo(w.objects[w.r.IntN(len(w.objects))])
		}
	case 5:
		if o != nil {
			w.do(o.Sync())
			o.versions = [][]byte{o.last()}
		}
	case 6:
		w.renameOrRemove(name, o)
	case 7:
		w.do(w.SyncDir("."))
		for name := range w.names {
			w.names[name] = []*object{w.now(name)}
		}
	}
}

func (w *workload) writeTo(o *object) {
	off := w.r.IntN(len(o.last()) + 300)
	b := make([]byte, 1+w.r.IntN(1500))
	for i := range b {
		b[i] = byte(1 + w.r.IntN(255))
	}
	w.write(o, off, string(b))
	next := padded(slices.Clone(o.last()), off+len(b))
	copy(next[off:], b)
	o.versions = append(o.versions, next)
}

func (w *workload) renameOrRemove(name string, o *object) {
	to := fmt.Sprint("f", w.r.IntN(4))
	switch {
	case o == nil || to == name:
	case w.r.IntN(2) == 0:
		w.do(w.Remove(name))
		w.gone[o] = true
		w.bind(name, nil)
	default:
		w.do(w.Rename(name, to))
		if old := w.now(to); old != nil {
			w.gone[old] = true
		}
		w.bind(name, nil)
		w.bind(to, o)
	}
}

// check holds an image against what is legal.
func (w *workload) check(img *vfs.Mem, c vfs.CrashPoint) {
	for _, name := range img.Names() {
		b := img.ReadFile(name)
		ok := slices.ContainsFunc(w.names[name], func(o *object) bool { return o != nil && o.legal(b) })
		require.True(w.t, ok, "%v: %s is %s", c, name, short(b))
	}
	for name, list := range w.names {
		if img.ReadFile(name) == nil {
			require.Contains(w.t, list, (*object)(nil), "%v: %s is missing", c, name)
		}
	}
	for _, o := range w.objects {
		if w.gone[o] || !w.durablyNamed(o) {
			continue
		}
		found := slices.ContainsFunc(img.Names(), func(name string) bool {
			return slices.Contains(w.names[name], o) && o.legal(img.ReadFile(name))
		})
		require.True(w.t, found, "%v: a file that was never removed is nowhere", c)
	}
}

func (w *workload) durablyNamed(o *object) bool {
	for _, list := range w.names {
		if len(list) > 0 && list[0] == o {
			return true
		}
	}
	return false
}

// TestCrashModel holds the images of random workloads against what is legal,
// at the end of each.
func TestCrashModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	count := 0
	for i := range uint64(300) {
		w := &workload{
			disk: newDisk(t), r: rand.New(rand.NewPCG(seed, i)),
			names: make(map[string][]*object), gone: make(map[*object]bool),
		}
		for range 5 + w.r.IntN(30) {
			w.step()
		}
		o := vfs.CrashOptions{Seed: i, From: w.Events(), PerPoint: 200}
		count += w.Crashes(o, func(img *vfs.Mem, c vfs.CrashPoint) bool {
			w.check(img, c)
			return true
		})
	}
	t.Log(count, "images")
}

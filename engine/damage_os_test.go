package engine

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// write puts the directory on the disk.
func (d *damageDir) write(t *testing.T) string {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, codec.ValuesDir), 0o700))
	for name, content := range d.files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func openDisk(t *testing.T, dir string, o Options) *Engine {
	fsys, err := vfs.OpenDir(dir, vfs.DirOptions{Trust: true, Network: vfs.NetworkNever})
	require.NoError(t, err)
	e, err := Open(fsys, o)
	require.NoError(t, err)
	return e
}

// TestDamageOnDisk does some of the damage to a directory of the system, mapped
// and not.
func TestDamageOnDisk(t *testing.T) {
	d := newDamageDir(t)
	for _, noMap := range []bool{false, true} {
		for i, name := range slices.Sorted(maps.Keys(d.files)) {
			content := d.files[name]
			for j, x := range []struct {
				content string
				hit     []part
			}{
				{content[:len(content)/3*2], d.behind(name, int64(len(content)/3*2))},
				{"", d.behind(name, 0)},
				{flipped(content, len(content)/2), []part{{name, int64(len(content) / 2), 1}}},
			} {
				dir := d.write(t)
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(x.content), 0o600))
				o := damageOptions(damageNow)
				o.NoMap = noMap
				e := openDisk(t, dir, o)
				require.NoError(t, d.verify(e, x.hit...), "%d.%d %s, NoMap %v", i, j, name, noMap)
				_ = e.Close() // may tell of the damage
			}
		}
	}
}

func flipped(s string, at int) string {
	b := []byte(s)
	b[at] ^= 0x10
	return string(b)
}

// TestTruncatedUnderReader cuts files of a cache in use. Where they are mapped,
// the pages behind the cut fault; that is an error of the read and not the end of
// the process.
func TestTruncatedUnderReader(t *testing.T) {
	for _, noMap := range []bool{false, true} {
		for _, active := range []bool{false, true} {
			t.Run(fmt.Sprintf("NoMap %v, active %v", noMap, active), func(t *testing.T) {
				testTruncatedUnderReader(t, noMap, active)
			})
		}
	}
}

func testTruncatedUnderReader(t *testing.T, noMap, active bool) {
	dir := t.TempDir()
	e := openDisk(t, dir, Options{SegmentSize: 64 << 10, NoMap: noMap})
	const n = 100
	value := make([]byte, 4<<10)
	for i := range n {
		require.NoError(t, e.Set(nth("k", i), value, Attrs{}))
	}
	require.NoError(t, e.sealRest())
	for i := range n { // so that what can be mapped is
		_, err := e.Get(nth("k", i), nil)
		require.NoError(t, err)
	}
	victim := e.w.bySlot[0]
	if active {
		victim = e.w.active[fresh].Segment
	}
	require.NoError(t, os.Truncate(filepath.Join(dir, victim.Name()), 8<<10))

	lost := 0
	var last string
	for i := range n {
		key := nth("k", i)
		got, err := e.Get(key, nil)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			var c *CorruptError
			require.ErrorAs(t, err, &c)
			require.Equal(t, victim.Name(), c.File)
			lost, last = lost+1, key
			_, ok := e.Item(key)
			require.ErrorIs(t, ok, ErrCorrupt)
			continue
		}
		require.Equal(t, value, got)
	}
	require.Positive(t, lost)
	require.Less(t, lost, n/2, "other segments are whole")
	for range e.Keys() { // it must not die either
	}
	problems, err := e.Check(false)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(problems, func(p Problem) bool { return p.File == victim.Name() && errors.Is(p.Err, ErrCorrupt) }))

	if err := e.Set(last, []byte("anew"), Attrs{}); err != nil {
		require.True(t, active, "only what is cut itself cannot be written to")
		require.ErrorIs(t, err, ErrCorrupt)
		require.NoError(t, e.Set(last, []byte("anew"), Attrs{}))
	}
	got, err := e.Get(last, nil)
	require.NoError(t, err)
	require.Equal(t, "anew", string(got))
	_ = e.Close()
	e = openDisk(t, dir, Options{SegmentSize: 64 << 10, NoMap: noMap})
	got, err = e.Get(last, nil)
	require.NoError(t, err)
	require.Equal(t, "anew", string(got))
	_ = e.Close()
}

package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestMemSpace: a full disk takes what fits, says so, and is well again when
// there is space.
func TestMemSpace(t *testing.T) {
	m := vfs.NewMem()
	m.Space = 1000
	d := disk{t, m}
	f := d.create("f")
	d.write(f, 0, strings.Repeat("x", 900))
	n, err := f.WriteAt([]byte(strings.Repeat("y", 200)), 800)
	require.Equal(t, 200, n)
	require.NoError(t, err, "it fits exactly")
	n, err = f.WriteAt([]byte("z"), 1000)
	require.Zero(t, n)
	require.True(t, vfs.IsNoSpace(err))
	d.write(f, 0, strings.Repeat("o", 1000)) // over what is there
	g := d.create("g")                       // a name needs none
	_, err = g.WriteAt([]byte("z"), 0)
	require.True(t, vfs.IsNoSpace(err))

	l, err := take(d, "me", 0)
	require.NoError(t, err, "a full disk keeps nobody out")
	require.NoError(t, l.Close())
	_, err = d.Page("page", 8)
	require.True(t, vfs.IsNoSpace(err))
	d.do(d.Remove("page"))

	d.do(d.Remove("f"))
	_, err = g.WriteAt([]byte("z"), 0)
	require.True(t, vfs.IsNoSpace(err), "it is removed but still open")
	d.do(f.Close())
	n, err = g.WriteAt([]byte(strings.Repeat("z", 1001)), 0)
	require.Equal(t, 1000, n, "as much as fits")
	require.True(t, vfs.IsNoSpace(err))

	h := d.create("h")
	d.do(h.Close())
	d.do(d.Rename("h", "g"))
	d.do(g.Close())
	h = d.create("h")
	d.write(h, 0, strings.Repeat("h", 1000)) // the space of what was replaced

	c := d.Clone()
	fc, err := c.Create("more")
	require.NoError(t, err)
	_, err = fc.WriteAt([]byte("x"), 0)
	require.True(t, vfs.IsNoSpace(err), "clones and images have the limit too")
	d.do(h.Sync())
	d.do(d.SyncDir("."))
	d.Crashes(vfs.CrashOptions{From: d.Events()}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
		fi, err := img.Create("more")
		require.NoError(t, err)
		_, err = fi.WriteAt([]byte("x"), 0)
		require.True(t, vfs.IsNoSpace(err))
		return true
	})
}

// TestMemTwoNames: a rename that a crash left half done is one file with two
// names, and stays one.
func TestMemTwoNames(t *testing.T) {
	d := newDisk(t)
	d.Space = 1000
	d.do(d.synced("f", strings.Repeat("x", 600)).Close())
	d.do(d.Rename("f", "g"))
	found := false
	d.Crashes(vfs.CrashOptions{From: d.Events()}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
		if len(img.Names()) < 2 {
			return true
		}
		found = true
		for _, m := range []*vfs.Mem{img, img.Clone(), img.Clone().Clone()} {
			i := disk{t, m}
			h := i.create("h")
			i.write(h, 0, strings.Repeat("h", 400))
			i.do(i.Remove("f"))
			_, err := h.WriteAt([]byte("h"), 400)
			require.True(t, vfs.IsNoSpace(err), "it has another name")
			require.Equal(t, "g=x600 h=h400", show(m))
			i.do(i.Remove("g"))
			i.write(h, 400, strings.Repeat("h", 600))
		}
		return true
	})
	require.True(t, found)
}

func TestMemFiles(t *testing.T) {
	d := newDisk(t)
	require.Empty(t, d.Names())
	require.Nil(t, d.ReadFile("f"))
	d.WriteFile("f", []byte("abc"))
	d.WriteFile("dir/g", nil)
	require.Equal(t, []string{"dir/g", "f"}, d.Names())
	require.Equal(t, map[string]string{"dir/g": "", "f": "abc"}, d.Files())
	require.Nil(t, d.ReadFile("dir"))

	f, err := d.Open("f")
	require.NoError(t, err)
	b := []byte("zz")
	d.WriteFile("f", b)
	b[0] = '!'
	require.Equal(t, "zz", string(d.ReadFile("f")), "the buffer stays the caller's")
	d.ReadFile("f")[0] = '!'
	require.Equal(t, "zz", string(d.ReadFile("f")), "what was read too")
	size, err := f.Size()
	require.NoError(t, err)
	require.EqualValues(t, 2, size, "handles see the damage")
	require.Panics(t, func() { d.WriteFile("../f", nil) })
	require.Panics(t, func() { d.WriteFile("dir", nil) })
	require.Panics(t, func() { d.WriteFile("f/g", nil) })
}

// TestMemProcesses: each process has its own locks; closing or killing it
// releases them and no others.
func TestMemProcesses(t *testing.T) {
	m := vfs.NewMem()
	a, b := m.Process(), m.Process()
	la, err := take(a, "a", 1, 3, 5)
	require.NoError(t, err)
	lb, err := take(b, "b", 2, 4)
	require.NoError(t, err)
	lm, err := take(m, "m", 0)
	require.NoError(t, err)
	for _, l := range []vfs.Locks{la, lb, lm} {
		for i := range 6 {
			requireLock(t, l, i, false)
		}
		require.Equal(t, "b", l.Text(2))
	}
	_, err = a.Open("lock")
	require.ErrorIs(t, err, vfs.ErrLocked)
	for _, test := range []struct{ from, to, want int }{{0, 9, 0}, {1, 9, 2}, {3, 9, 4}, {5, 9, -1}, {1, 2, -1}} {
		i, ok, err := la.Taken(test.from, test.to)
		require.NoError(t, err)
		require.Equal(t, test.want >= 0, ok)
		if ok {
			require.Equal(t, test.want, i)
		}
	}

	b.Kill()
	requireLock(t, la, 1, false)
	requireLock(t, lm, 2, true)
	requireLock(t, la, 4, true)
	_, err = lb.TryLock(9)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.NoError(t, lb.Close())
	require.NoError(t, b.Close())
	require.NoError(t, m.Close())
	requireLock(t, la, 2, true)
	requireLock(t, la, 1, false)
	require.NoError(t, a.Close())
	_, err = take(b, "b", 1, 2, 3, 4, 5)
	require.NoError(t, err)

	require.True(t, m.Local())
	m.Network = true
	require.False(t, a.Local())
	_, err = a.Page("page", 8)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// TestMemPage: processes share a page, which is a file as long; a crash leaves
// the file without what was stored.
func TestMemPage(t *testing.T) {
	m := vfs.NewMem()
	a, b := m.Process(), m.Process()
	pa, err := a.Page("page", 16)
	require.NoError(t, err)
	pb, err := b.Page("page", 16)
	require.NoError(t, err)
	pa.Words()[1].Store(7)
	require.EqualValues(t, 7, pb.Words()[1].Load())
	require.Equal(t, map[string]string{"page": strings.Repeat("\x00", 16)}, m.Files())
	_, err = m.Page("page", 24)
	require.ErrorIs(t, err, errors.ErrUnsupported, "memory in use does not grow")
	a.Kill()
	b.Kill()
	require.EqualValues(t, 7, pb.Words()[1].Load())
	require.NoError(t, m.SyncDir("."))
	seen := 0
	m.Crashes(vfs.CrashOptions{From: m.Events()}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
		seen++
		p, err := img.Page("page", 16)
		require.NoError(t, err)
		require.Zero(t, p.Words()[1].Load())
		return true
	})
	require.NotZero(t, seen)

	m.Space = 100
	free, err := m.Free()
	require.NoError(t, err)
	require.EqualValues(t, 100-16, free)
	require.NoError(t, m.Remove("page"))
	free, err = m.Free()
	require.NoError(t, err)
	require.EqualValues(t, 100-16, free, "it is removed but still open")
	require.NoError(t, pa.Close())
	require.NoError(t, pb.Close())
	free, err = m.Free()
	require.NoError(t, err)
	require.EqualValues(t, 100, free)
}

func ExampleMem_Crashes() {
	m := vfs.NewMem()
	f, _ := m.Create("greeting")
	f.WriteAt([]byte("hello"), 0)
	f.Sync()
	m.SyncDir(".")
	m.Note("hello is safe")
	f.WriteAt([]byte("adieu"), 0)

	m.Crashes(vfs.CrashOptions{From: m.Events()}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		fmt.Printf("%v, then %s: %s\n", c.Notes[0], c.Op, img.ReadFile("greeting"))
		return true
	})
	// Output:
	// hello is safe, then write greeting 0+5: hello
	// hello is safe, then write greeting 0+5: adieu
}

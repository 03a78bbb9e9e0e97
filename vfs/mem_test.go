package vfs_test

import (
	"fmt"
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

	l, err := d.Lock("lock", "me")
	require.NoError(t, err, "a full disk keeps nobody out")
	require.NoError(t, l.Release())

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

// TestMemProcesses: closing releases what was locked through the same FS.
func TestMemProcesses(t *testing.T) {
	m := vfs.NewMem()
	a, b := m.Process(), m.Process()
	_, err := a.Lock("lock", "a")
	require.NoError(t, err)
	_, err = b.Lock("lock", "b")
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, b.Close())
	_, err = m.Lock("lock", "m")
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, m.Close())
	_, err = b.Lock("lock", "b")
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, a.Close())
	_, err = b.Lock("lock", "b")
	require.NoError(t, err)

	require.True(t, m.Local())
	m.Network = true
	require.False(t, a.Local())
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

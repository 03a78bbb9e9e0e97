package vfs_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// disk makes the calls of a workload that must not fail.
type disk struct {
	t *testing.T
	*vfs.Mem
}

func newDisk(t *testing.T) disk { return disk{t, vfs.NewMem()} }

func (d disk) create(name string) vfs.File {
	f, err := d.Create(name)
	require.NoError(d.t, err)
	return f
}

func (d disk) write(f vfs.File, off int, text string) {
	_, err := f.WriteAt([]byte(text), int64(off))
	require.NoError(d.t, err)
}

func (d disk) do(err error) { require.NoError(d.t, err) }

// synced makes a file that is durable with its name.
func (d disk) synced(name, text string) vfs.File {
	f := d.create(name)
	if text != "" {
		d.write(f, 0, text)
	}
	d.do(f.Sync())
	d.do(d.SyncDir("."))
	return f
}

// failedSync is a sync that fails as those of disks do.
func (d disk) failedSync(name string, write func(f vfs.File)) vfs.File {
	fault := vfs.NewFault(d.Mem)
	f, err := fault.Create(name)
	require.NoError(d.t, err)
	write(f)
	fault.Fail(vfs.Rule{Op: vfs.OpSync, Once: true})
	require.Error(d.t, f.Sync())
	return f
}

// images are the different images that a crash after the last change leaves.
func images(t *testing.T, m *vfs.Mem, o vfs.CrashOptions) []string {
	t.Helper()
	o.From = m.Events()
	seen := make(map[string]string)
	m.Crashes(o, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		text := show(img)
		require.NotContains(t, seen, text, "%s and %s are equal", c.Variant, seen[text])
		seen[text] = c.Variant
		return true
	})
	return slices.Sorted(maps.Keys(seen))
}

// show is a directory on one line. Runs of equal bytes are shortened: A512 is
// a sector of A, and 0 is the zero byte.
func show(m *vfs.Mem) string {
	var b strings.Builder
	list, _ := m.List(".")
	for _, info := range list {
		if info.Dir {
			fmt.Fprintf(&b, "%s/ ", info.Name)
		}
	}
	for _, name := range m.Names() {
		fmt.Fprintf(&b, "%s=%s ", name, short(m.ReadFile(name)))
	}
	return strings.TrimSpace(b.String())
}

func short(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := 1
		for n < len(b) && b[n] == b[0] {
			n++
		}
		c := b[0]
		if c == 0 {
			c = '0'
		}
		s.WriteByte(c)
		if n > 1 {
			fmt.Fprint(&s, n)
		}
		b = b[n:]
	}
	return s.String()
}

func sectors(s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(strings.Repeat(string(c), 512))
	}
	return b.String()
}

// TestCrashImages states all that a crash may leave, for each kind of change.
func TestCrashImages(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(d disk)
		want []string
	}{
		{"nothing", func(disk) {}, []string{""}},
		{"new file", func(d disk) { d.create("f") }, []string{"", "f="}},
		{"new file, name synced", func(d disk) { d.create("f"); d.do(d.SyncDir(".")) }, []string{"f="}},
		{"new file, written", func(d disk) { d.write(d.create("f"), 0, "abc") },
			[]string{"", "f=", "f=03", "f=abc"}},
		{"new file, data synced but not the name", func(d disk) {
			f := d.create("f")
			d.write(f, 0, "abc")
			d.do(f.Sync())
		}, []string{"", "f=abc"}},
		{"all synced", func(d disk) { d.synced("f", "abc") }, []string{"f=abc"}},
		{"sectors of one write", func(d disk) { d.write(d.synced("f", ""), 0, sectors("AB")) },
			[]string{"f=", "f=01024", "f=0512B512", "f=A512", "f=A5120512", "f=A512B512"}},
		{"append inside a sector", func(d disk) { d.write(d.synced("f", "aa"), 2, "bb") },
			[]string{"f=a2", "f=a202", "f=a2b2"}},
		{"append across sectors", func(d disk) { d.write(d.synced("f", strings.Repeat("A", 510)), 510, "BBBB") },
			[]string{"f=A510", "f=A51002B2", "f=A51004", "f=A510B2", "f=A510B202", "f=A510B4"}},
		{"overwrite", func(d disk) { d.write(d.synced("f", sectors("AB")), 510, "xxxx") },
			[]string{"f=A510x2B512", "f=A510x4B510", "f=A512B512", "f=A512x2B510"}},
		{"overwrite twice", func(d disk) {
			f := d.synced("f", "aaaa")
			d.write(f, 0, "b")
			d.write(f, 1, "c")
		}, []string{"f=a4", "f=ba3", "f=bca2"}},
		{"append twice", func(d disk) {
			f := d.synced("f", "")
			d.write(f, 0, "a")
			d.write(f, 1, "b")
		}, []string{"f=", "f=0", "f=02", "f=a", "f=a0", "f=ab"}},
		{"write behind a hole", func(d disk) { d.write(d.synced("f", "a"), 1024, "b") },
			[]string{"f=a", "f=a01023b", "f=a01024"}},
		{"sync of one file is none of another", func(d disk) {
			f, g := d.synced("f", "a"), d.synced("g", "a")
			d.write(f, 0, "b")
			d.write(g, 0, "b")
			d.do(f.Sync())
		}, []string{"f=b g=a", "f=b g=b"}},
		{"files are independent", func(d disk) {
			f, g := d.synced("f", "a"), d.synced("g", "a")
			d.write(f, 0, "b")
			d.write(g, 0, "b")
		}, []string{"f=a g=a", "f=a g=b", "f=b g=a", "f=b g=b"}},
		{"remove", func(d disk) { d.synced("f", "a"); d.do(d.Remove("f")) }, []string{"", "f=a"}},
		{"remove, synced", func(d disk) { d.synced("f", "a"); d.do(d.Remove("f")); d.do(d.SyncDir(".")) }, []string{""}},
		{"written after the remove", func(d disk) {
			f := d.synced("f", "a")
			d.do(d.Remove("f"))
			d.write(f, 0, "b")
		}, []string{"", "f=a", "f=b"}},
		{"rename", func(d disk) { d.synced("f", "a"); d.do(d.Rename("f", "g")) },
			[]string{"f=a", "f=a g=a", "g=a"}},
		{"rename, synced", func(d disk) { d.synced("f", "a"); d.do(d.Rename("f", "g")); d.do(d.SyncDir(".")) },
			[]string{"g=a"}},
		{"rename over another", func(d disk) {
			d.synced("f", "new")
			d.synced("g", "old")
			d.do(d.Rename("f", "g"))
		}, []string{"f=new g=new", "f=new g=old", "g=new"}},
		{"rename of what was not synced", func(d disk) {
			d.synced("g", "old")
			f := d.create("f")
			d.write(f, 0, "n")
			d.do(d.Rename("f", "g"))
		}, []string{
			"f= g=", "f= g=old", "f=0 g=0", "f=0 g=old", "f=n g=n", "f=n g=old",
			"g=", "g=0", "g=n", "g=old",
		}},
		{"new file of a removed name", func(d disk) {
			d.synced("f", "old")
			d.do(d.Remove("f"))
			f := d.create("f")
			d.write(f, 0, "n")
			d.do(f.Sync())
		}, []string{"", "f=n", "f=old"}},
		{"file in a new directory", func(d disk) {
			d.do(d.Mkdir("d"))
			f := d.create("d/f")
			d.write(f, 0, "a")
			d.do(f.Sync())
			d.do(d.SyncDir("d"))
		}, []string{"", "d/ d/f=a"}},
		{"file in a new directory, nothing synced", func(d disk) {
			d.do(d.Mkdir("d"))
			d.write(d.create("d/f"), 0, "a")
		}, []string{"", "d/", "d/ d/f=", "d/ d/f=0", "d/ d/f=a"}},
		{"file and directory removed", func(d disk) {
			d.do(d.Mkdir("d"))
			d.do(d.SyncDir("."))
			f := d.create("d/f")
			d.do(d.SyncDir("d"))
			d.write(f, 0, "a")
			d.do(d.Remove("d/f"))
			d.do(d.Remove("d"))
		}, []string{"", "d/", "d/ d/f=", "d/ d/f=0", "d/ d/f=a"}},
		{"the buffer is the caller's", func(d disk) {
			f := d.synced("f", "")
			b := []byte("a")
			_, err := f.WriteAt(b, 0)
			d.do(err)
			b[0] = '!'
		}, []string{"f=", "f=0", "f=a"}},
		{"file in a directory that is synced", func(d disk) {
			d.do(d.Mkdir("d"))
			d.do(d.SyncDir("."))
			f := d.create("d/f")
			d.write(f, 0, "a")
			d.do(f.Sync())
			d.do(d.SyncDir("."))
		}, []string{"d/", "d/ d/f=a"}},
		{"rename into a directory, that synced", func(d disk) {
			d.do(d.Mkdir("d"))
			d.synced("f", "a")
			d.do(d.Rename("f", "d/f"))
			d.do(d.SyncDir("d"))
		}, []string{"d/ d/f=a", "d/ d/f=a f=a"}},
		{"rename into a directory, the other synced", func(d disk) {
			d.do(d.Mkdir("d"))
			d.synced("f", "a")
			d.do(d.Rename("f", "d/f"))
			d.do(d.SyncDir("."))
		}, []string{"d/ d/f=a"}},
		{"failed sync", func(d disk) {
			f := d.failedSync("f", func(f vfs.File) { d.write(f, 0, "abc") })
			b := make([]byte, 3)
			_, err := f.ReadAt(b, 0)
			require.NoError(d.t, err)
			require.Equal(d.t, "abc", string(b), "it can still be read")
			d.do(d.SyncDir("."))
		}, []string{"f="}},
		{"sync after a failed sync", func(d disk) {
			f := d.failedSync("f", func(f vfs.File) { d.write(f, 0, sectors("AB")) })
			d.write(f, 512, "c")
			d.do(f.Sync())
			d.do(d.SyncDir("."))
		}, []string{"f=0512cB511"}},
		{"written after a failed sync", func(d disk) {
			f := d.failedSync("f", func(f vfs.File) { d.write(f, 0, sectors("AB")) })
			d.do(d.SyncDir("."))
			d.write(f, 512, "c")
		}, []string{"f=", "f=01024", "f=0512cB511"}},
		{"written behind the engine's back", func(d disk) {
			f := d.synced("f", "abc")
			d.write(f, 0, "xyz")
			d.WriteFile("f", []byte("q"))
			d.WriteFile("d/new", []byte("n"))
		}, []string{"d/ d/new=n f=q"}},
		{"checkpoint", func(d disk) {
			d.write(d.create("f"), 0, "abc")
			d.do(d.Mkdir("d"))
			d.Checkpoint()
		}, []string{"d/ f=abc"}},
		{"open file at a checkpoint", func(d disk) {
			f := d.create("f")
			d.do(d.Remove("f"))
			d.Checkpoint()
			d.write(f, 0, "abc")
			d.do(f.Sync())
			d.create("g")
		}, []string{"", "g="}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDisk(t)
			test.run(d)
			require.Equal(t, test.want, images(t, d.Mem, vfs.CrashOptions{}))
		})
	}
}

// TestCrashPoints: there is a point before and after each change, with what
// was noted by then.
func TestCrashPoints(t *testing.T) {
	d := newDisk(t)
	d.Note("begin")
	f := d.create("f")
	d.Note("made")
	d.Note("really")
	d.write(f, 7, "abc")
	d.do(f.Sync())
	d.Note("end")
	var got []string
	n := d.Crashes(vfs.CrashOptions{PerPoint: 1}, func(_ *vfs.Mem, c vfs.CrashPoint) bool {
		got = append(got, fmt.Sprint(c.Index, c.Op, c.Notes))
		return true
	})
	require.Equal(t, []string{
		"0 start [begin]",
		"1 create f [begin made really]",
		"2 write f 7+3 [begin made really]",
		"3 sync f [begin made really end]",
	}, unspaced(got))
	require.Equal(t, 4, n)
	require.Equal(t, 3, d.Events())

	got = nil
	d.Crashes(vfs.CrashOptions{From: 1, Stride: 2, To: 4, PerPoint: 1}, func(_ *vfs.Mem, c vfs.CrashPoint) bool {
		got = append(got, fmt.Sprint(c.Index))
		return true
	})
	require.Equal(t, []string{"1", "3"}, got)
	n = d.Crashes(vfs.CrashOptions{}, func(*vfs.Mem, vfs.CrashPoint) bool { return false })
	require.Equal(t, 1, n, "visit ended it")
}

// unspaced puts the space that Sprint leaves out between strings.
func unspaced(list []string) []string {
	for i, s := range list {
		list[i] = strings.Replace(s[:1]+" "+strings.TrimLeft(s[1:], " "), "[begin", " [begin", 1)
	}
	return list
}

// manyWrites is a workload with far more combinations than can be shown.
func manyWrites(t *testing.T, n int) disk {
	d := newDisk(t)
	f := d.synced("f", sectors("old"))
	for i := range n {
		d.write(f, 300*i, strings.Repeat(string(rune('a'+i%26)), 300))
		if i%10 == 5 {
			name := fmt.Sprint("g", i)
			d.write(d.create(name), 0, "x")
		}
	}
	return d
}

// TestCrashSelection: when there is too much, each family has its share, and
// the same options select the same.
func TestCrashSelection(t *testing.T) {
	d := manyWrites(t, 60)
	last := d.Events()
	run := func(o vfs.CrashOptions) (variants, shown []string) {
		n := d.Crashes(o, func(img *vfs.Mem, c vfs.CrashPoint) bool {
			if c.Index == last {
				variants = append(variants, c.Variant)
				shown = append(shown, show(img))
			}
			return true
		})
		require.GreaterOrEqual(t, n, len(variants))
		return variants, shown
	}
	o := vfs.CrashOptions{Seed: 1, PerPoint: 500, Garbage: true}
	variants, shown := run(o)
	families := make(map[string]int)
	for _, v := range variants {
		families[v[:strings.LastIndex(v, " ")]]++
	}
	t.Log(families)
	require.LessOrEqual(t, len(variants), 500)
	for _, family := range []string{"all", "none", "prefix", "prefix and zeros", "suffix", "missing", "missing and cut", "random", "prefix and garbage", "missing and garbage"} {
		require.NotZero(t, families[family], family)
	}
	require.Equal(t, show(d.Mem), shown[0], "the first is that all arrived")

	variants2, shown2 := run(o)
	require.Equal(t, variants, variants2)
	require.Equal(t, shown, shown2)
	o.From = last
	variants2, shown2 = run(o)
	require.Equal(t, variants, variants2, "the way to the point does not matter")
	require.Equal(t, shown, shown2)
	o.Seed = 2
	_, shown2 = run(o)
	require.NotEqual(t, shown, shown2)

	variants, _ = run(vfs.CrashOptions{From: last, PerPoint: 7})
	require.Len(t, variants, 7)
}

// TestCrashPrefix: a prefix is what happened first, in all files together.
func TestCrashPrefix(t *testing.T) {
	d := newDisk(t)
	files := []vfs.File{d.synced("f", ""), d.synced("g", "")}
	want := []string{"f= g="}
	for i := range 20 {
		d.write(files[i%2], i/2*512, sectors(string(rune('a'+i))))
		want = append(want, show(d.Mem))
	}
	found := 0
	d.Crashes(vfs.CrashOptions{From: d.Events()}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		if i, err := strconv.Atoi(strings.TrimPrefix(c.Variant, "prefix ")); err == nil {
			require.Equal(t, want[i], show(img))
			found++
		}
		return true
	})
	require.Greater(t, found, 15)
}

// TestCrashBetween: a sector may be as it was after some of its writes, whatever
// else arrived.
func TestCrashBetween(t *testing.T) {
	d := newDisk(t)
	f, g := d.synced("f", "a"), d.synced("g", "")
	d.write(f, 0, "b")
	d.write(f, 0, "c")
	d.write(g, 0, sectors("0123456789ABCDEF"))
	found := 0
	d.Crashes(vfs.CrashOptions{From: d.Events()}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		if string(img.ReadFile("f")) == "b" && strings.Trim(string(img.ReadFile("g")), "\x00") != "" {
			found++
		}
		return true
	})
	require.NotZero(t, found)
}

// TestCrashGarbage: garbage is where nothing arrived, never over what was durable.
func TestCrashGarbage(t *testing.T) {
	d := newDisk(t)
	f := d.synced("f", strings.Repeat("a", 700))
	d.synced("other", sectors("XYZ"))
	d.write(f, 700, strings.Repeat("b", 1500))
	garbage, stale := 0, 0
	for seed := range uint64(50) {
		d.Crashes(vfs.CrashOptions{From: d.Events(), Garbage: true, Seed: seed}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
			got := string(img.ReadFile("f"))
			require.True(t, strings.HasPrefix(got, strings.Repeat("a", 700)), "%q", got)
			require.Equal(t, sectors("XYZ"), string(img.ReadFile("other")))
			if strings.Trim(got[700:], "b\x00") != "" {
				garbage++
			}
			if strings.Contains(got, sectors("Z")) {
				stale++
			}
			return true
		})
	}
	require.NotZero(t, garbage)
	require.NotZero(t, stale, "some of it is what another file holds")
}

// TestCrashAgain: an image is durable as it is, and what is done to it can be
// lost again.
func TestCrashAgain(t *testing.T) {
	d := newDisk(t)
	f := d.synced("f", "abc")
	d.write(f, 0, "xyz")
	d.create("g")
	d.Crashes(vfs.CrashOptions{From: d.Events()}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
		first := show(img)
		require.Equal(t, []string{first}, images(t, img, vfs.CrashOptions{}))
		i := disk{t, img}
		h := i.create("h")
		require.Equal(t, []string{first, show(img)}, images(t, img, vfs.CrashOptions{}))
		i.write(h, 0, "1")
		i.do(h.Sync())
		i.do(i.SyncDir("."))
		require.Equal(t, []string{show(img)}, images(t, img, vfs.CrashOptions{}))
		return true
	})
}

// TestImagesAreApart: what is written to an image is in no other and not in
// what it came from.
func TestImagesAreApart(t *testing.T) {
	d := newDisk(t)
	f := d.synced("f", sectors("ABCDEFGHIJKLMNOPQRST"))
	d.write(f, 512*3, sectors("x"))
	d.write(f, 512*18, sectors("y"))
	before := show(d.Mem)
	want := images(t, d.Mem, vfs.CrashOptions{})
	d.Crashes(vfs.CrashOptions{}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
		i := disk{t, img}
		size := len(img.ReadFile("f"))
		i.WriteFile("f", []byte(strings.Repeat("!", size+1000)))
		i.do(img.Rename("f", "g"))
		i.create("h")
		return true
	})
	require.Equal(t, before, show(d.Mem))
	require.Equal(t, want, images(t, d.Mem, vfs.CrashOptions{}))
	d.write(f, 0, sectors("0123456789"))
	require.Contains(t, images(t, d.Mem, vfs.CrashOptions{}), want[0])
}

// TestImagesStay: what is written later is not in an image made before.
func TestImagesStay(t *testing.T) {
	d := newDisk(t)
	f := d.synced("f", sectors("ABC"))
	for i := range 30 {
		d.write(f, 100*i, strings.Repeat(string(rune('a'+i%26)), 150))
	}
	kept := make(map[*vfs.Mem]string)
	d.Crashes(vfs.CrashOptions{PerPoint: 20}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
		kept[img] = show(img)
		return true
	})
	for img, text := range kept {
		require.Equal(t, text, show(img))
	}
}

// TestClone: a kill leaves all that was written, unlocked, and a crash after
// it can still lose what was not synced.
func TestClone(t *testing.T) {
	d := newDisk(t)
	f := d.synced("f", "abc")
	d.write(f, 0, "x")
	_, err := take(d, "me", 0)
	d.do(err)
	p, err := d.Page("page", 8)
	d.do(err)
	p.Words()[0].Store(1)
	d.do(d.SyncDir("."))
	d.Note("before")
	c := disk{t, d.Clone()}
	require.Equal(t, show(d.Mem), show(c.Mem))
	l, err := take(c, "me", 0)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	p, err = c.Page("page", 8)
	require.NoError(t, err)
	require.Zero(t, p.Words()[0].Load(), "another boot")
	lost := images(t, c.Mem, vfs.CrashOptions{})
	require.True(t, strings.HasPrefix(lost[0], "f=abc"), "%q", lost)

	for i := range 20 { // whatever the capacity of the trace is
		c := disk{t, d.Clone()}
		c.create(fmt.Sprint("c", i))
		d.create(fmt.Sprint("d", i))
		require.Contains(t, images(t, c.Mem, vfs.CrashOptions{}), show(c.Mem))
		d.do(d.Remove(fmt.Sprint("d", i)))
		d.do(d.SyncDir("."))
	}
	c.write(c.create("only in the clone"), 0, "1")
	d.write(f, 1, "y")
	require.Equal(t, "xyc", string(d.ReadFile("f")))
	require.Equal(t, "xbc", string(c.ReadFile("f")))
	require.Nil(t, d.ReadFile("only in the clone"))
	require.Contains(t, images(t, c.Mem, vfs.CrashOptions{}), show(c.Mem), "their traces are apart")
	require.Contains(t, images(t, d.Mem, vfs.CrashOptions{}), show(d.Mem))
	c.Note("after")
	c.Crashes(vfs.CrashOptions{From: c.Events()}, func(_ *vfs.Mem, p vfs.CrashPoint) bool {
		require.Equal(t, []any{"before", "after"}, p.Notes)
		return false
	})
}

// TestCrashesWhileUsed is for the race detector: points are shown while the
// directory and other images of it are used.
func TestCrashesWhileUsed(t *testing.T) {
	d := manyWrites(t, 20)
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			d.Crashes(vfs.CrashOptions{Seed: seed, PerPoint: 20}, func(img *vfs.Mem, _ vfs.CrashPoint) bool {
				f, err := img.Create(fmt.Sprint("new", seed))
				if err != nil {
					t.Error(err)
					return false
				}
				f.WriteAt([]byte("x"), 5000)
				show(img)
				return true
			})
		})
	}
	wg.Go(func() {
		f, err := d.Create("meanwhile")
		if err != nil {
			t.Error(err)
			return
		}
		for i := range 200 {
			f.WriteAt([]byte("meanwhile"), int64(i*100))
			d.Clone()
		}
	})
	wg.Wait()
}

func TestMemNoTrace(t *testing.T) {
	m := vfs.NewMem()
	m.NoTrace = true
	d := disk{t, m}
	d.write(d.create("f"), 0, "abc")
	require.Zero(t, m.Events())
	require.Equal(t, []string{"f=abc"}, images(t, m, vfs.CrashOptions{}), "it is as if all were durable")
}

func BenchmarkCrashImages(b *testing.B) {
	m := vfs.NewMem()
	for i := range 12 {
		f, _ := m.Create(fmt.Sprint("f", i))
		f.WriteAt(make([]byte, 64<<10), 0)
		f.Sync()
	}
	m.SyncDir(".")
	f, _ := m.Create("log")
	for i := range 100 {
		f.WriteAt([]byte(strings.Repeat("x", 300)), int64(300*i))
		if i%20 == 19 {
			f.Sync()
		}
	}
	b.ReportAllocs()
	for n := 0; n < b.N; {
		m.Crashes(vfs.CrashOptions{Seed: uint64(n), PerPoint: 100}, func(*vfs.Mem, vfs.CrashPoint) bool {
			n++
			return n < b.N
		})
	}
}

package vfstest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// testConcurrent: many goroutines on one file and in one directory. It is
// there for the race detector as much as for what it compares.
func testConcurrent(t *testing.T, d vfs.FS) {
	shared, err := d.Create("shared")
	require.NoError(t, err)
	const block = 1000
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			b := []byte(fmt.Sprintf("%*d", block, g))
			own := fmt.Sprintf("own%d", g)
			for i := range 20 {
				off := int64(8*i+g) * block
				if _, err := shared.WriteAt(b, off); err != nil {
					t.Error(err)
				}
				got := make([]byte, block)
				if _, err := shared.ReadAt(got, off); err != nil || string(got) != string(b) {
					t.Errorf("block %d of %d: %q, %v", i, g, got, err)
				}
				if err := cycle(d, own); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	size, err := shared.Size()
	require.NoError(t, err)
	require.EqualValues(t, 160*block, size)
	require.NoError(t, shared.Sync())
	require.NoError(t, shared.Close())
}

// cycle makes, renames, lists and removes a file.
func cycle(d vfs.FS, name string) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(name), 0)
	list, err1 := d.List(".")
	if !slices.ContainsFunc(list, func(i vfs.Info) bool { return i.Name == name }) {
		err = errors.Join(err, fmt.Errorf("%s is not in the list", name))
	}
	return errors.Join(err, err1, d.Rename(name, name+"x"), d.SyncDir("."), d.Remove(name+"x"), f.Close())
}

// modelSteps is how many steps the random walk takes.
const modelSteps = 1500

// model is what a directory should hold, by name; handles share the files.
type model struct {
	t     *testing.T
	d     vfs.FS
	r     *rand.Rand
	files map[string]*[]byte
	open  []handle
}

type handle struct {
	vfs.File
	want *[]byte
	name string
}

// testModel walks at random and compares with a map.
func testModel(t *testing.T, d vfs.FS) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := &model{t: t, d: d, r: rand.New(rand.NewPCG(seed, 0)), files: make(map[string]*[]byte)}
	require.NoError(t, d.Mkdir("sub"))
	steps := []func(){m.create, m.write, m.write, m.check, m.rename, m.remove, m.sync, m.close, m.list}
	for range modelSteps {
		steps[m.r.IntN(len(steps))]()
	}
	for len(m.open) > 0 {
		m.close()
	}
	for name, want := range m.files {
		require.Equal(t, string(*want), read(t, d, name), name)
	}
}

func (m *model) name() string {
	name := string(rune('a' + m.r.IntN(5)))
	if m.r.IntN(3) == 0 {
		return "sub/" + name
	}
	return name
}

func (m *model) create() {
	name := m.name()
	f, err := m.d.Create(name)
	if m.files[name] != nil {
		require.ErrorIs(m.t, err, fs.ErrExist)
		return
	}
	require.NoError(m.t, err)
	m.files[name] = new([]byte)
	m.open = append(m.open, handle{f, m.files[name], name})
}

func (m *model) write() {
	if len(m.open) == 0 {
		return
	}
	h := m.open[m.r.IntN(len(m.open))]
	b := make([]byte, m.r.IntN(6000))
	for i := range b {
		b[i] = byte(m.r.Uint32())
	}
	off := m.r.IntN(len(*h.want) + 5000)
	_, err := h.WriteAt(b, int64(off))
	require.NoError(m.t, err)
	if len(b) == 0 {
		return
	}
	if grow := off + len(b) - len(*h.want); grow > 0 {
		*h.want = append(*h.want, make([]byte, grow)...)
	}
	copy((*h.want)[off:], b)
}

func (m *model) check() {
	if len(m.open) > 0 {
		h := m.open[m.r.IntN(len(m.open))]
		require.Equal(m.t, string(*h.want), content(m.t, h), "handle of %s", h.name)
	}
	name := m.name()
	if m.files[name] != nil {
		require.Equal(m.t, string(*m.files[name]), read(m.t, m.d, name), name)
		return
	}
	_, err := m.d.Open(name)
	require.ErrorIs(m.t, err, fs.ErrNotExist)
}

func (m *model) rename() {
	from, to := m.name(), m.name()
	err := m.d.Rename(from, to)
	if m.files[from] == nil {
		require.ErrorIs(m.t, err, fs.ErrNotExist)
		return
	}
	if deniesReplacing(m.d, err) {
		require.True(m.t, m.isOpen(m.files[to]), to)
		return
	}
	require.NoError(m.t, err)
	file := m.files[from]
	delete(m.files, from)
	m.files[to] = file
}

func (m *model) isOpen(file *[]byte) bool {
	return slices.ContainsFunc(m.open, func(h handle) bool { return h.want == file })
}

func (m *model) remove() {
	name := m.name()
	err := m.d.Remove(name)
	if m.files[name] == nil {
		require.ErrorIs(m.t, err, fs.ErrNotExist)
		return
	}
	require.NoError(m.t, err)
	if keepsName(m.d, name) {
		m.closeAll(m.files[name])
		requireGone(m.t, m.d, name)
	}
	delete(m.files, name)
}

// closeAll closes all handles of a file.
func (m *model) closeAll(file *[]byte) {
	m.open = slices.DeleteFunc(m.open, func(h handle) bool {
		if h.want == file {
			require.NoError(m.t, h.Close())
		}
		return h.want == file
	})
}

func (m *model) sync() {
	if len(m.open) > 0 {
		require.NoError(m.t, m.open[m.r.IntN(len(m.open))].Sync())
	}
	require.NoError(m.t, m.d.SyncDir("."))
}

func (m *model) close() {
	if len(m.open) == 0 {
		return
	}
	i := m.r.IntN(len(m.open))
	require.NoError(m.t, m.open[i].Close())
	m.open = slices.Delete(m.open, i, i+1)
}

// isOver: some network disks list for a moment what was removed.
func (m *model) isOver(name string) bool {
	if m.d.Local() || m.files[name] != nil {
		return false
	}
	_, err := m.d.Open(name)
	require.ErrorIs(m.t, err, fs.ErrNotExist)
	return true
}

// isSilly: what was removed but is open has a name on NFS until it is closed.
func isSilly(d vfs.FS, base string) bool {
	return !d.Local() && strings.HasPrefix(base, ".nfs")
}

func (m *model) list() {
	for _, dir := range []string{".", "sub"} {
		list, err := m.d.List(dir)
		require.NoError(m.t, err)
		var names, want []string
		for _, info := range list {
			name := info.Name
			if dir != "." {
				name = dir + "/" + name
			}
			if info.Regular && !isSilly(m.d, info.Name) && !m.isOver(name) {
				names = append(names, name)
				require.EqualValues(m.t, len(*m.files[name]), info.Size, name)
			}
		}
		for name := range m.files {
			if (len(name) > 1) == (dir == "sub") {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		require.Equal(m.t, want, names, dir)
	}
}

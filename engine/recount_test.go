package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// passing is a directory in which a value file is to be seen the first time that it is listed, and has
// gone by then.
type passing struct {
	vfs.FS
	seen bool
}

func (p *passing) List(name string) ([]vfs.Info, error) {
	list, err := p.FS.List(name)
	if name == codec.ValuesDir && !p.seen {
		p.seen = true
		list = append(list, vfs.Info{Name: codec.ValueName(1)[len(codec.ValuesDir)+1:], Size: 1500, Regular: true})
	}
	return list, err
}

// TestRecount: what is there by turns, and never together, is not counted together; what is wrong is mended.
func TestRecount(t *testing.T) {
	e, err := Open(vfs.NewMem(), Options{FileThreshold: 1000})
	require.NoError(t, err)
	require.NoError(t, e.Set("large", make([]byte, 1500), Attrs{}))
	want := e.DiskUsage()
	for _, wrong := range []int64{0, 700, -100} {
		e.stats.disk.Add(wrong)
		fs := &passing{FS: e.fsys}
		e.fsys = fs
		require.NoError(t, e.recount())
		require.True(t, fs.seen)
		require.Equal(t, want, e.DiskUsage())
		e.fsys = fs.FS
	}
	require.NoError(t, e.Close())
}

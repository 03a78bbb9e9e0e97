package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// wantFS is a disk on which another process begins to want the writer lock as settings are stored.
type wantFS struct {
	vfs.FS
	page vfs.Page
}

func (f *wantFS) Page(name string, size int) (vfs.Page, error) {
	var err error
	f.page, err = f.FS.Page(name, size)
	return f.page, err
}

func (f *wantFS) Create(name string) (vfs.File, error) {
	if name == codec.SettingsName {
		f.page.Words()[wordWant].Store(1)
	}
	return f.FS.Create(name)
}

// TestOpenGivesTheLockUp: who opens a directory first and stores its options knows whether it has the
// writer lock afterwards.
func TestOpenGivesTheLockUp(t *testing.T) {
	mem := vfs.NewMem()
	a, err := Open(&wantFS{FS: newDeadly(t, mem)}, exactly(mem, Options{SizeLimit: 1 << 30, Stored: true}))
	require.NoError(t, err)
	b, _ := openIn(t, mem, Options{})
	require.NoError(t, b.Set("k", nil, Attrs{}))
	require.NoError(t, a.Update(func(tx *Tx) error {
		_, err := tx.Get("k", nil)
		return err
	}))
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

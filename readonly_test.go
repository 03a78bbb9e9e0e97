package diskcache_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// TestReadOnly: a directory is read beside one who writes to it in the same process, and when it
// cannot be written. Nothing of it changes.
func TestReadOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	readOnly := &diskcache.Options{ReadOnly: true, Freshness: -1}
	_, err := diskcache.Open(dir, readOnly)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, dir)

	c, err := diskcache.Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, c.Set("small", []byte("1")))
	require.NoError(t, c.Set("large", make([]byte, 1<<20)))
	r, err := diskcache.Open(dir, readOnly)
	require.NoError(t, err)
	v, err := r.Get("small")
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	require.NoError(t, c.Set("small", []byte("2")))
	v, err = r.Get("small")
	require.NoError(t, err)
	require.Equal(t, "2", string(v))
	require.ErrorIs(t, r.Set("small", nil), diskcache.ErrReadOnly)
	again, err := diskcache.Open(dir, readOnly)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	_, err = again.Get("small")
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.NoError(t, c.Set("small", []byte("3")), "who writes has kept its locks")
	require.NoError(t, c.Close())

	require.NoError(t, os.Chmod(dir, 0o500)) // which stops all but root
	defer os.Chmod(dir, 0o700)
	before := names(t, dir)
	r, err = diskcache.Open(dir, readOnly)
	require.NoError(t, err)
	v, err = r.Get("small")
	require.NoError(t, err)
	require.Equal(t, "3", string(v))
	v, err = r.Get("large")
	require.NoError(t, err)
	require.Len(t, v, 1<<20)
	require.NoError(t, r.Close())
	require.Equal(t, before, names(t, dir))
}

// names are those of all files.
func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return names
}

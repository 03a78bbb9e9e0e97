package storefs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/storefs"
)

// streaming runs a test on every kind of store, and on one that is sure to have streams.
func streaming(t *testing.T, test func(t *testing.T, s diskcache.Store)) {
	onStores(t, test)
	t.Run("streams", func(t *testing.T) { test(t, &streams{Store: closing(t, memory.New(nil))}) })
}

// streams is a store with readers, which it counts.
type streams struct {
	diskcache.Store
	open, opened int
}

type stream struct {
	*bytes.Reader
	close func()
}

func (r stream) Close() error { r.close(); return nil }

func (s *streams) ReaderItem(key string) (diskcache.Reader, diskcache.Item, error) {
	it, err := s.Item(key)
	if err != nil {
		return nil, diskcache.Item{}, err
	}
	s.open++
	s.opened++
	r := stream{bytes.NewReader(it.Value), sync.OnceFunc(func() { s.open-- })}
	it.Value = nil
	return r, it, nil
}

func fill(t *testing.T, s diskcache.Store, keys ...string) {
	t.Helper()
	for _, k := range keys {
		require.NoError(t, s.Set(k, []byte("at "+k)))
	}
}

// TestFS is what testing/fstest has to say, beside keys that are no paths.
func TestFS(t *testing.T) {
	streaming(t, func(t *testing.T, s diskcache.Store) {
		fsys := storefs.New(s)
		require.NoError(t, fstest.TestFS(fsys), "an empty one")
		fill(t, s, "index.html", "a/b/c.txt", "a/b/d.txt", "a/e.txt", "a-f", "a.g", "z/y", "é/ü.txt", "a/0", "a/b0")
		fill(t, s, "", "/", "/rooted", "ends/", "two//slashes", "a/../b", "./dot", ".", "..", "a/./e.txt", "bad\xff", "a//x")
		require.NoError(t, s.Set("empty", nil))
		require.NoError(t, s.Set("large", bytes.Repeat([]byte("x"), 3*fileThreshold)))
		want := []string{"index.html", "a/b/c.txt", "a/b/d.txt", "a/e.txt", "a-f", "a.g", "z/y", "é/ü.txt", "a/0", "a/b0", "empty", "large"}
		require.NoError(t, fstest.TestFS(fsys, want...))
		var found []string
		require.NoError(t, fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				found = append(found, name)
			}
			return err
		}))
		assert.ElementsMatch(t, want, found, "no others are seen")
		matches, err := fs.Glob(fsys, "a/*.txt")
		require.NoError(t, err)
		assert.Equal(t, []string{"a/e.txt"}, matches)
		sub, err := fs.Sub(fsys, "a/b")
		require.NoError(t, err)
		require.NoError(t, fstest.TestFS(sub, "c.txt", "d.txt"))
		if st, ok := s.(*streams); ok {
			assert.Zero(t, st.open, "every stream was closed")
			assert.Positive(t, st.opened)
		}
	})
}

// A directory hides the file of its name, as long as a file is in it.
func TestDirectoryHidesFile(t *testing.T) {
	streaming(t, func(t *testing.T, s diskcache.Store) {
		fsys := storefs.New(s)
		fill(t, s, "a", "a-", "a//b")
		b, err := fsys.ReadFile("a")
		require.NoError(t, err)
		assert.Equal(t, "at a", string(b))
		fill(t, s, "a/b")
		require.NoError(t, fstest.TestFS(fsys, "a-", "a/b"))
		_, err = fsys.ReadFile("a")
		require.Error(t, err)
		info, err := fsys.Stat("a")
		require.NoError(t, err)
		assert.True(t, info.IsDir())
		_, err = s.Delete("a/b")
		require.NoError(t, err)
		require.NoError(t, fstest.TestFS(fsys, "a-", "a"))
	})
}

func TestErrors(t *testing.T) {
	streaming(t, func(t *testing.T, s diskcache.Store) {
		fsys := storefs.New(s)
		fill(t, s, "d/f", "file", "/rooted")
		ways := map[string]func(name string) error{
			"Open":     func(name string) error { _, err := fsys.Open(name); return err },
			"Stat":     func(name string) error { _, err := fsys.Stat(name); return err },
			"ReadFile": func(name string) error { _, err := fsys.ReadFile(name); return err },
			"ReadDir":  func(name string) error { _, err := fsys.ReadDir(name); return err },
		}
		for way, try := range ways {
			var at *fs.PathError
			for _, name := range []string{"nothing", "d/nothing", "file/below"} {
				err := try(name)
				assert.ErrorIs(t, err, fs.ErrNotExist, "%s %s", way, name)
				require.ErrorAs(t, err, &at)
				assert.Equal(t, name, at.Path)
			}
			for _, name := range []string{"", "/rooted", "d/", "d/../file", "bad\xff"} {
				assert.ErrorIs(t, try(name), fs.ErrInvalid, "%s %q", way, name)
			}
		}
		assert.Error(t, ways["ReadDir"]("file"))
		assert.Error(t, ways["ReadFile"]("d"))
	})
}

// An error of the store is returned, and not taken for a file that is not there.
func TestStoreErrors(t *testing.T) {
	s := memory.New(nil)
	fsys := storefs.New(s)
	require.NoError(t, s.Set("f", nil))
	require.NoError(t, s.Close())
	_, err := fsys.Open("f")
	assert.ErrorIs(t, err, diskcache.ErrClosed)
	assert.NotErrorIs(t, err, fs.ErrNotExist)
	_, err = fsys.ReadDir(".")
	assert.ErrorIs(t, err, diskcache.ErrClosed)
}

// What was opened stays as it was.
func TestFileStays(t *testing.T) {
	streaming(t, func(t *testing.T, s diskcache.Store) {
		fill(t, s, "f")
		f, err := storefs.New(s).Open("f")
		require.NoError(t, err)
		require.NoError(t, s.Set("f", []byte("another, longer one")))
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		assert.Equal(t, "at f", string(b))
		info, err := f.Stat()
		require.NoError(t, err)
		assert.Equal(t, int64(4), info.Size())
		it, ok := info.Sys().(diskcache.Item)
		require.True(t, ok)
		assert.Equal(t, "f", it.Key)
		require.NoError(t, f.Close())
	})
}

// A server of files serves it, parts of files too.
func TestFileServer(t *testing.T) {
	streaming(t, func(t *testing.T, s diskcache.Store) {
		fill(t, s, "d/f.txt")
		server := httptest.NewServer(http.FileServerFS(storefs.New(s)))
		defer server.Close()
		req, err := http.NewRequest(http.MethodGet, server.URL+"/d/f.txt", nil)
		require.NoError(t, err)
		req.Header.Set("Range", "bytes=3-")
		client := server.Client()
		defer client.CloseIdleConnections()
		resp, err := client.Do(req)
		require.NoError(t, err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		assert.Equal(t, http.StatusPartialContent, resp.StatusCode)
		assert.Equal(t, "d/f.txt", string(b))
		modified, err := http.ParseTime(resp.Header.Get("Last-Modified"))
		require.NoError(t, err)
		it, err := s.Item("d/f.txt")
		require.NoError(t, err)
		assert.Equal(t, it.Stored.Unix(), modified.Unix())
	})
}

// Listing a directory does not walk what lies deep in it.
func TestReadDirSkips(t *testing.T) {
	s := &scans{Store: closing(t, memory.New(nil))}
	for _, dir := range []string{"a", "b", "c"} {
		for i := range 1000 {
			require.NoError(t, s.Set(dir+"/"+strings.Repeat("x", i+1), nil))
		}
	}
	entries, err := storefs.New(s).ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 3)
	assert.LessOrEqual(t, s.keys, 6)
}

// scans counts the keys that are walked.
type scans struct {
	diskcache.Store
	keys int
}

func (s *scans) Scan(r diskcache.Range) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for k, err := range s.Store.Scan(r) {
			s.keys++
			if !yield(k, err) {
				return
			}
		}
	}
}

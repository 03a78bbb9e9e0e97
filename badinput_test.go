package diskcache

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/engine"
	"github.com/go-diskcache/diskcache/vfs"
)

func mustOpen(t *testing.T, dir string, o *Options) *Cache {
	t.Helper()
	c, err := Open(dir, o)
	require.NoError(t, err)
	return c
}

// contents returns what is in a directory: names, and what files hold. The lock
// file is left out, for it tells who opened the directory last.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir || d.Name() == codec.LockName {
			return err
		}
		all[path] = d.Type().String()
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			all[path] = string(b)
			return err
		}
		return nil
	}))
	return all
}

func itoa(i int) string { return strconv.Itoa(i) }

func TestKeySizes(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	long := strings.Repeat("k", MaxKeySize)
	keys := []string{"", "\x00", "../..", "a\nb", "\xff\xfe", long}
	for i, key := range keys {
		require.NoError(t, c.Set(key, []byte{byte(i)}))
	}
	over := long + "k"
	require.ErrorIs(t, c.Set(over, nil), ErrTooLarge)
	require.ErrorIs(t, c.SetReader(over, strings.NewReader("")), ErrTooLarge)
	require.ErrorIs(t, c.SetReader(over, io.LimitReader(zeros{}, 1<<20)), ErrTooLarge)
	_, err := c.Delete(over)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorIs(t, c.Update(func(tx *Tx) error { return tx.Set(over, nil) }), ErrTooLarge)
	_, err = c.Get(over)
	require.ErrorIs(t, err, ErrNotFound)
	has, err := c.Has(over)
	require.NoError(t, err)
	require.False(t, has)

	require.NoError(t, c.Set("tagged", nil, Tag(strings.Repeat("t", MaxTagSize))))
	require.ErrorIs(t, c.Set("tagged", nil, Tag(strings.Repeat("t", MaxTagSize+1))), ErrTooLarge)

	require.NoError(t, c.Close())
	c = mustOpen(t, dir, nil)
	for i, key := range keys {
		v, err := c.Get(key)
		require.NoError(t, err, "%.20q", key)
		require.Equal(t, []byte{byte(i)}, v)
	}
	n, err := c.Len()
	require.NoError(t, err)
	require.Equal(t, len(keys)+1, n)
	require.NoError(t, c.Close())
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestValueSizes(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{FileThreshold: -1, SegmentSize: 1 << 20})
	require.NoError(t, c.Set("k", []byte("old")))
	big := make([]byte, 8<<20) // more than a segment holds
	require.ErrorIs(t, c.Set("k", big), ErrTooLarge)
	require.ErrorIs(t, c.SetReader("k", bytes.NewReader(big)), ErrTooLarge)
	require.ErrorIs(t, c.SetReader("k", zeros{}), ErrTooLarge, "an endless reader")
	err := c.Update(func(tx *Tx) error {
		for i := range 10 { // each fits, all together do not
			if err := tx.Set(string(rune('a'+i)), big[:1<<20-1000]); err != nil {
				return err
			}
		}
		return nil
	})
	require.ErrorIs(t, err, ErrTooLarge)
	v, err := c.Get("k")
	require.NoError(t, err)
	require.Equal(t, "old", string(v))
	n, err := c.Len()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, c.Close())

	c = mustOpen(t, dir, &Options{SizeLimit: 1 << 20})
	require.ErrorIs(t, c.Set("k", big), ErrTooLarge)
	require.ErrorIs(t, c.SetReader("k", zeros{}), ErrTooLarge)
	v, err = c.Get("k")
	require.NoError(t, err)
	require.Equal(t, "old", string(v))
	require.NoError(t, c.Close())
	for path := range contents(t, dir) {
		require.NotContains(t, path, ".val", "nothing is left of what was refused")
		require.NotContains(t, path, ".tmp")
	}
}

func TestReaderThatFails(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{FileThreshold: 1000})
	require.NoError(t, c.Set("k", []byte("old")))
	own := errors.New("the reader's own error")
	for _, n := range []int64{0, 10, 5000} {
		err := c.SetReader("k", io.MultiReader(io.LimitReader(zeros{}, n), failing{own}))
		require.ErrorIs(t, err, own)
		v, err := c.Get("k")
		require.NoError(t, err)
		require.Equal(t, "old", string(v))
	}
	require.NoError(t, c.Close())
	for path := range contents(t, dir) {
		require.NotContains(t, path, ".val")
		require.NotContains(t, path, ".tmp")
	}
}

type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"size limit":            {SizeLimit: -1},
		"segment size":          {SegmentSize: -1},
		"segment size, small":   {SegmentSize: 511},
		"segment size, large":   {SegmentSize: 1<<30 + 1},
		"file threshold":        {FileThreshold: 256<<20 + 1},
		"compression":           {Compression: Zstd + 1},
		"compression, negative": {Compression: -1},
		"compression, wrapped":  {Compression: 256},
		"sync":                  {Sync: SyncAlways + 1},
		"sync, negative":        {Sync: -1},
		"sync, wrapped":         {Sync: 256},
		"sync interval":         {SyncInterval: -1},
		"open files":            {MaxOpenFiles: -1},
		"network":               {Network: NetworkYes + 1},
		"network, negative":     {Network: -1},
	} {
		_, err := Open(t.TempDir(), &o)
		require.ErrorIs(t, err, ErrOption, name)
	}
	c := mustOpen(t, t.TempDir(), nil)
	require.ErrorIs(t, c.Set("k", nil, Compress(Zstd+1)), ErrOption)
	require.ErrorIs(t, c.Update(func(tx *Tx) error { return tx.Set("k", nil, Compress(-1)) }), ErrOption)
	require.NoError(t, c.Close())
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("a file"), 0o600))
	_, err := Open(path, nil)
	require.ErrorIs(t, err, ErrNotDir)
	require.ErrorContains(t, err, path)
	_, err = Open(filepath.Join(path, "below"), nil)
	require.ErrorIs(t, err, ErrNotDir)
}

func TestOpenUnwritable(t *testing.T) {
	for _, errno := range []error{syscall.EACCES, syscall.EROFS} {
		f := vfs.NewFault(vfs.NewMem())
		f.Fail(vfs.Rule{Op: vfs.OpCreate | vfs.OpLock | vfs.OpMkdir | vfs.OpRename | vfs.OpRemove, Err: errno})
		_, err := Open("", &Options{disk: func(string) engine.FS { return f }})
		require.ErrorIs(t, err, errno)
		var p *fs.PathError
		require.ErrorAs(t, err, &p)
		require.Equal(t, codec.LockName, p.Path)
	}
}

func TestOpenForeign(t *testing.T) {
	for _, name := range []string{"index.html", "cache.db", "0000000000000001.seg", "snapshot", "Values/x"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("of another product"), 0o600))
		before := contents(t, dir)
		_, err := Open(dir, nil)
		require.ErrorIs(t, err, ErrForeign, name)
		require.Equal(t, before, contents(t, dir))
		_, err = os.Lstat(filepath.Join(dir, codec.LockName))
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

// TestOtherFiles: what else lies in a cache's directory stays as it is.
func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	require.NoError(t, c.Set("k", []byte("v")))
	require.NoError(t, c.Close())
	others := []string{"notes.txt", ".hidden", "0000000000000001.SEG", "1.seg", "00000000000000zz.seg", "diskcache.lock.bak", "sub/x", "values/notes"}
	for _, name := range others {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(name), 0o600))
	}
	c = mustOpen(t, dir, nil)
	problems, err := c.Check(true)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, c.Set("k", bytes.Repeat([]byte("v"), 1<<20)))
	require.NoError(t, c.Close())
	for _, name := range others {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, name, string(b))
	}
}

// TestNewerVersion: what a later version has written is refused and not touched.
func TestNewerVersion(t *testing.T) {
	for _, x := range []struct {
		suffix string
		sumAt  int
	}{{".seg", 56}, {".snap", 128}, {".hint", 80}} {
		dir := t.TempDir()
		c := mustOpen(t, dir, nil)
		require.NoError(t, c.Set("k", []byte("v")))
		require.NoError(t, c.Close())
		if x.suffix != ".snap" { // with it nothing else is read
			require.NoError(t, os.Remove(filepath.Join(dir, codec.SnapshotName)))
		}
		if x.suffix == ".seg" {
			for path := range contents(t, dir) {
				if strings.HasSuffix(path, ".hint") {
					require.NoError(t, os.Remove(path))
				}
			}
		}
		n := 0
		for path, content := range contents(t, dir) {
			if strings.HasSuffix(path, x.suffix) {
				require.NoError(t, os.WriteFile(path, newerVersion(content, x.sumAt), 0o600))
				n++
			}
		}
		require.Equal(t, 1, n)
		before := contents(t, dir)
		_, err := Open(dir, nil)
		require.ErrorIs(t, err, ErrVersion, x.suffix)
		require.ErrorContains(t, err, x.suffix, "the file is named")
		after := contents(t, dir)
		state := filepath.Join(dir, codec.StateName) // memory that processes share, and no data
		delete(before, state)
		delete(after, state)
		require.Equal(t, before, after)
	}
}

// newerVersion raises the version in the header of a file and makes its sum right.
func newerVersion(content string, sumAt int) []byte {
	b := []byte(content)
	b[8]++
	sum := xxhash.Sum64(b[:sumAt])
	for i := range 8 {
		b[sumAt+i] = byte(sum >> (8 * i))
	}
	return b
}

func TestLockFile(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	require.NoError(t, c.Set("k", []byte("v")))
	require.NoError(t, c.Close())
	for _, content := range []string{"", "\x00\xff garbage \n", strings.Repeat("x", 5000)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, codec.LockName), []byte(content), 0o600))
		c = mustOpen(t, dir, nil)
		v, err := c.Get("k")
		require.NoError(t, err)
		require.Equal(t, "v", string(v))
		require.NoError(t, c.Close())
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{SizeLimit: 1 << 20})
	require.NoError(t, c.Set("k", []byte("v")))
	_, err := Open(dir, &Options{Sync: SyncAlways})
	require.ErrorIs(t, err, ErrOption)
	require.ErrorContains(t, err, "Sync is 2, this process has the directory open with 0")
	d := mustOpen(t, dir, &Options{SizeLimit: 2 << 20})
	settings, err := c.Settings()
	require.NoError(t, err)
	require.EqualValues(t, 2<<20, settings.SizeLimit, "an option that is given is of the directory")
	v, err := d.Get("k")
	require.NoError(t, err)
	require.Equal(t, "v", string(v))
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Close(), ErrClosed)
	for name, method := range methods {
		require.ErrorIs(t, method(c), ErrClosed, name)
	}
	require.NoError(t, d.Set("k", []byte("w")), "the other is not disturbed")
	require.NoError(t, d.Close())
	require.NoError(t, mustOpen(t, dir, nil).Close())
}

// TestNetworkOneProcess: where nothing can be shared the second process is refused, and told
// who has the directory.
func TestNetworkOneProcess(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{Network: NetworkYes})
	fsys, err := engine.OpenDir(dir, engine.DirOptions{Network: engine.Network(NetworkYes)})
	require.NoError(t, err)
	_, err = engine.Open(fsys, engine.Options{})
	requireLocked(t, err, os.Getpid())
	require.NoError(t, c.Set("k", []byte("v")), "the first is not disturbed")
	require.NoError(t, c.Close())
}

// requireLocked checks that an error names the process that has the directory.
func requireLocked(t *testing.T, err error, pid int) {
	t.Helper()
	require.ErrorIs(t, err, ErrLocked)
	var l *LockedError
	require.ErrorAs(t, err, &l)
	host, herr := os.Hostname()
	require.NoError(t, herr)
	require.Contains(t, l.Holder, "pid "+itoa(pid))
	require.Contains(t, l.Holder, host)
}

// methods are all that can be done with a cache.
var methods = map[string]func(c *Cache) error{
	"Set":       func(c *Cache) error { return c.Set("k", []byte("v")) },
	"Set large": func(c *Cache) error { return c.Set("large", make([]byte, 300<<10)) },
	"SetReader": func(c *Cache) error { return c.SetReader("r", strings.NewReader("v")) },
	"SetReader, large": func(c *Cache) error {
		return c.SetReader("large", io.LimitReader(zeros{}, 600<<10))
	},
	"Get":       func(c *Cache) error { _, err := c.Get("k"); return err },
	"GetAppend": func(c *Cache) error { _, err := c.GetAppend("k", nil); return err },
	"Item":      func(c *Cache) error { _, err := c.Item("k"); return err },
	"Reader": func(c *Cache) error {
		r, err := c.Reader("large")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, r)
		return errors.Join(err, r.Close())
	},
	"Has":    func(c *Cache) error { _, err := c.Has("k"); return err },
	"Delete": func(c *Cache) error { _, err := c.Delete("k"); return err },
	"Update": func(c *Cache) error {
		return c.Update(func(tx *Tx) error { return tx.Set("tx", []byte("v")) })
	},
	"Keys": func(c *Cache) error {
		for _, err := range c.Keys() {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Items": func(c *Cache) error {
		for _, err := range c.Items() {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Len":        func(c *Cache) error { _, err := c.Len(); return err },
	"Volume":     func(c *Cache) error { _, err := c.Volume(); return err },
	"DiskUsage":  func(c *Cache) error { _, err := c.DiskUsage(); return err },
	"Stats":      func(c *Cache) error { _, err := c.Stats(); return err },
	"Sync":       func(c *Cache) error { return c.Sync() },
	"Check":      func(c *Cache) error { _, err := c.Check(false); return err },
	"Check, fix": func(c *Cache) error { _, err := c.Check(true); return err },
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	require.NoError(t, c.Set("k", []byte("v")))
	var late *Tx
	require.NoError(t, c.Update(func(tx *Tx) error { late = tx; return nil }))
	_, err := late.Get("k")
	require.ErrorIs(t, err, ErrTxDone)
	require.ErrorIs(t, late.Set("k", nil), ErrTxDone)
	_, err = late.Delete("k")
	require.ErrorIs(t, err, ErrTxDone)
	require.NoError(t, c.Close())
	before := contents(t, dir)
	for name, do := range methods {
		require.ErrorIs(t, do(c), ErrClosed, name)
	}
	require.ErrorIs(t, c.Close(), ErrClosed)
	require.Equal(t, before, contents(t, dir), "a closed cache writes nothing")
}

// TestCloseDuringEverything closes a cache that all methods are busy with.
func TestCloseDuringEverything(t *testing.T) {
	const calls = 30 // of each method, some of which come late
	for range 5 {
		c := mustOpen(t, t.TempDir(), &Options{SegmentSize: 64 << 10})
		var done, begun sync.WaitGroup
		for name, do := range methods {
			begun.Add(1)
			done.Go(func() {
				for i := range calls {
					err := do(c)
					if i == 0 {
						begun.Done()
					}
					if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrClosed) {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
		begun.Wait()
		require.NoError(t, c.Close())
		done.Wait()
		require.ErrorIs(t, c.Close(), ErrClosed)
	}
}

// TestReadersStay: a reader that is open stays good whatever becomes of the item.
func TestReadersStay(t *testing.T) {
	c := mustOpen(t, t.TempDir(), &Options{FileThreshold: 4 << 10})
	values := map[string][]byte{"inline": make([]byte, 3<<10), "file": make([]byte, 700<<10)}
	for key, v := range values {
		rand.NewChaCha8([32]byte{1}).Read(v)
		require.NoError(t, c.Set(key, v))
	}
	for key, v := range values {
		for name, do := range map[string]func() error{
			"overwritten": func() error { return c.Set(key, []byte("other")) },
			"deleted":     func() error { _, err := c.Delete(key); return err },
		} {
			require.NoError(t, c.Set(key, v))
			r, err := c.Reader(key)
			require.NoError(t, err)
			begin := make([]byte, 100)
			_, err = io.ReadFull(r, begin)
			require.NoError(t, err)
			require.NoError(t, do())
			require.NoError(t, c.Sync(), "files that are not needed go now")
			rest, err := io.ReadAll(r)
			require.NoError(t, err, "%s %s", key, name)
			require.True(t, bytes.Equal(v, append(begin, rest...)), "%s %s", key, name)
			require.NoError(t, r.Close())
		}
		require.NoError(t, c.Set(key, v))
	}
	inline, err := c.Reader("inline")
	require.NoError(t, err)
	file, err := c.Reader("file")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	for key, r := range map[string]Reader{"inline": inline, "file": file} {
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(values[key], got), "closed: %s", key)
		require.NoError(t, r.Close())
	}
}

// TestClockFarOff: a clock that is wrong by centuries breaks nothing.
func TestClockFarOff(t *testing.T) {
	dir := t.TempDir()
	for i, now := range []time.Time{time.Unix(-1e9, 0), time.Unix(1<<33, 0), time.Unix(0, 0), time.Unix(1_700_000_000, 0)} {
		c := mustOpen(t, dir, &Options{Now: func() time.Time { return now }})
		if i > 0 {
			v, err := c.Get("k")
			require.NoError(t, err)
			require.Equal(t, []byte{byte(i - 1)}, v)
		}
		require.NoError(t, c.Set("k", []byte{byte(i)}))
		require.NoError(t, c.Close())
	}
}

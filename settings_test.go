package diskcache

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func settings(t *testing.T, c *Cache) Settings {
	t.Helper()
	s, err := c.Settings()
	require.NoError(t, err)
	return s
}

// TestSettingsAreStored opens a directory again and again: what is given counts before what is
// stored, and is stored; what is not given is as it is stored.
func TestSettingsAreStored(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "diskcache.settings")
	c := mustOpen(t, dir, nil)
	require.Equal(t, Settings{FileThreshold: 256 << 10}, settings(t, c))
	require.NoFileExists(t, file) // there is nothing to say
	require.NoError(t, c.Close())

	c = mustOpen(t, dir, &Options{SizeLimit: 64 << 20, Policy: PolicyLRU, CullLimit: -1})
	want := Settings{SizeLimit: 64 << 20, Policy: PolicyLRU, CullLimit: -1, FileThreshold: 256 << 10}
	require.Equal(t, want, settings(t, c))
	require.NoError(t, c.Close())

	c = mustOpen(t, dir, &Options{CountLimit: 1000, Compression: Zstd, FileThreshold: 100})
	want.CountLimit, want.Compression, want.FileThreshold = 1000, Zstd, 100
	require.Equal(t, want, settings(t, c))
	require.NoError(t, c.Set("k", long(100)))
	require.NoError(t, c.Configure(func(s *Settings) {
		require.Equal(t, want, *s)
		s.SizeLimit, s.FileThreshold, s.CullLimit = 0, 0, 0
	}))
	want.SizeLimit, want.FileThreshold, want.CullLimit = 0, 256<<10, 0
	require.Equal(t, want, settings(t, c))
	usage, err := c.DiskUsage()
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Positive(t, usage)

	c = mustOpen(t, dir, nil)
	require.Equal(t, want, settings(t, c))
	problems, err := c.Check(false)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, c.Close())

	c = mustOpen(t, dir, &Options{ReadOnly: true})
	require.Equal(t, want, settings(t, c))
	require.ErrorIs(t, c.Configure(func(*Settings) {}), ErrReadOnly)
	require.NoError(t, c.Close())
	_, err = c.Settings()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, c.Configure(func(*Settings) {}), ErrClosed)
}

func TestConfigureRefuses(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	before := settings(t, c)
	for _, change := range []func(*Settings){
		func(s *Settings) { s.SizeLimit = -1 },
		func(s *Settings) { s.CountLimit = -1 },
		func(s *Settings) { s.Policy = 99 },
		func(s *Settings) { s.Compression = -1 },
		func(s *Settings) { s.FileThreshold = 1 << 30 },
		func(s *Settings) { s.SizeLimit = 1 << 45 }, // more than the index was made for
	} {
		require.ErrorIs(t, c.Configure(change), ErrOption)
		require.Equal(t, before, settings(t, c))
	}
	require.NoFileExists(t, filepath.Join(dir, "diskcache.settings"))
	require.NoError(t, c.Close())
	c = mustOpen(t, dir, &Options{SizeLimit: 1 << 41})
	require.NoError(t, c.Close())
}

// TestSettingsDamaged opens directories whose settings are damaged: one of the two places is
// enough, without both it has the defaults. Check tells of either, and mends it.
func TestSettingsDamaged(t *testing.T) {
	for _, both := range []bool{false, true} {
		dir := t.TempDir()
		file := filepath.Join(dir, "diskcache.settings")
		c := mustOpen(t, dir, &Options{CountLimit: 5})
		require.NoError(t, c.Configure(func(s *Settings) { s.CountLimit = 6 }))
		require.NoError(t, c.Configure(func(s *Settings) { s.CountLimit = 7 }))
		require.NoError(t, c.Close())
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		b[512+45] ^= 1 // of the third, the latest
		want := int64(6)
		if both {
			b[45] ^= 1
			want = 0
		}
		require.NoError(t, os.WriteFile(file, b, 0o600))
		c = mustOpen(t, dir, nil)
		require.Equal(t, want, settings(t, c).CountLimit)
		for _, fix := range []bool{false, true} {
			problems, err := c.Check(fix)
			require.NoError(t, err)
			require.Len(t, problems, 1)
			require.Equal(t, "diskcache.settings", problems[0].File)
			require.ErrorIs(t, problems[0].Err, ErrCorrupt)
			require.Equal(t, fix, problems[0].Fixed)
		}
		problems, err := c.Check(false)
		require.NoError(t, err)
		require.Empty(t, problems)
		require.ErrorIs(t, c.Close(), ErrCorrupt) // of which it was told nowhere else
		c = mustOpen(t, dir, nil)
		require.Equal(t, want, settings(t, c).CountLimit)
		require.NoError(t, c.Close())
	}
}

// TestConfigureTakesEffect changes each setting of a cache that is in use.
func TestConfigureTakesEffect(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, nil)
	for i := range 200 {
		require.NoError(t, c.Set(itoa(i), make([]byte, 10_000)))
	}
	values := func() int {
		names, err := filepath.Glob(filepath.Join(dir, "values", "*"))
		require.NoError(t, err)
		return len(names)
	}
	require.NoError(t, c.Configure(func(s *Settings) { s.FileThreshold = 5000 }))
	require.NoError(t, c.Set("long", make([]byte, 6000)))
	require.Equal(t, 1, values())
	require.NoError(t, c.Configure(func(s *Settings) { s.FileThreshold, s.Compression = -1, Zstd }))
	require.NoError(t, c.Set("compressed", make([]byte, 6000)))
	require.Equal(t, 1, values())
	it, err := c.Item("compressed")
	require.NoError(t, err)
	require.Less(t, it.OnDisk, int64(1000))
	require.NoError(t, c.Configure(func(s *Settings) { s.CountLimit = 50 }))
	_, err = c.Cull()
	require.NoError(t, err)
	n, err := c.Len()
	require.NoError(t, err)
	require.LessOrEqual(t, n, 50)
	require.NoError(t, c.Configure(func(s *Settings) { s.CountLimit, s.SizeLimit = 0, 1<<20 }))
	for i := range 300 {
		require.NoError(t, c.Set("n"+itoa(i), long(9000+i%2)))
	}
	_, err = c.Cull()
	require.NoError(t, err)
	used, err := c.DiskUsage()
	require.NoError(t, err)
	require.LessOrEqual(t, used, int64(1<<20+1<<17))
	require.NoError(t, c.Close())
}

// TestOpenConfigures opens a directory twice in the process: the second gives what the first
// goes by.
func TestOpenConfigures(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, dir, &Options{CountLimit: 10, FileThreshold: 100})
	b := mustOpen(t, dir, &Options{CountLimit: 20, Compression: LZ4})
	for _, c := range []*Cache{a, b} {
		require.Equal(t, Settings{CountLimit: 20, FileThreshold: 100, Compression: LZ4}, settings(t, c))
	}
	_, err := Open(dir, &Options{SegmentSize: 1 << 20})
	require.ErrorIs(t, err, ErrOption)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

func init() {
	children["configure"] = func(dir string) int {
		c, err := Open(dir, &Options{Network: Network(len(os.Args) - 2), Freshness: -1, MinFreeSpace: 4096})
		for i := 0; err == nil && i < configures; i++ {
			err = c.Configure(func(s *Settings) { s.CountLimit++ })
		}
		if err != nil || c.Close() != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
}

const (
	configures     = 10
	configureProcs = 3
)

// TestProcessesConfigure has processes change the settings at once: none is lost, and all see
// the last.
func TestProcessesConfigure(t *testing.T) {
	for _, network := range []Network{NetworkNever, NetworkYes} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			dir := t.TempDir()
			c := mustOpen(t, dir, &Options{Network: network, Freshness: -1, CountLimit: 1000})
			var procs []*exec.Cmd
			for range configureProcs {
				p := exec.Command(os.Args[0], append([]string{dir}, make([]string, network)...)...)
				p.Env = append(os.Environ(), childEnv+"=configure")
				p.Stderr = os.Stderr
				require.NoError(t, p.Start())
				procs = append(procs, p)
			}
			for _, p := range procs {
				require.NoError(t, p.Wait())
			}
			want := Settings{CountLimit: 1000 + configures*configureProcs, MinFreeSpace: 4096, FileThreshold: 256 << 10}
			require.Eventually(t, func() bool { return settings(t, c) == want }, 10*time.Second, time.Millisecond, "%+v", settings(t, c)) // it is idle
			require.NoError(t, c.Configure(func(s *Settings) { require.Equal(t, want, *s) }))
			require.NoError(t, c.Close())
			c = mustOpen(t, dir, nil)
			require.Equal(t, want, settings(t, c))
			require.NoError(t, c.Close())
		})
	}
}

// TestOpenWaitsForNobody: to open with the options that the directory keeps waits for no transaction.
func TestOpenWaitsForNobody(t *testing.T) {
	dir := t.TempDir()
	o := &Options{SizeLimit: 1 << 30, Compression: LZ4}
	c := mustOpen(t, dir, o)
	tx, err := c.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, tx.Set("k", nil))
	d := mustOpen(t, dir, o)
	_, err = d.Get("k")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, tx.Commit())
	require.NoError(t, d.Close())
	require.NoError(t, c.Close())
}

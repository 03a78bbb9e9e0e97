//go:build unix

package diskcache

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
)

func init() {
	children["hold"] = childHold
	children["files"] = childFewFiles
}

// child starts this binary as another process that uses dir.
func child(part, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

// childHold sets keys, and says so of each, until it is killed.
func childHold(dir string) int {
	c, err := Open(dir, &Options{SegmentSize: 4 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for i := 0; ; i++ {
		if err := c.Set("key "+itoa(i), []byte("value "+itoa(i))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(i)
	}
}

// TestSecondProcess: a second process sees what the first has acknowledged, at once, and
// goes on when that is killed.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := child("hold", dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	last := -1
	for last < 500 && lines.Scan() {
		last, err = strconv.Atoi(lines.Text())
		require.NoError(t, err)
	}
	c := mustOpen(t, dir, nil)
	for i := range last + 1 {
		v, err := c.Get("key " + itoa(i))
		require.NoError(t, err)
		require.Equal(t, "value "+itoa(i), string(v))
	}
	_, err = Open(dir, &Options{SegmentSize: 8 << 10})
	require.ErrorIs(t, err, ErrOption)
	require.NoError(t, c.Close())
	_, err = Open(dir, &Options{SegmentSize: 8 << 10})
	require.ErrorIs(t, err, ErrOption)
	require.ErrorContains(t, err, "SegmentSize is 8192, another process has the directory open with 4096")
	c = mustOpen(t, dir, nil)
	require.NoError(t, c.Set("mine", []byte("v")))
	require.NoError(t, cmd.Process.Kill())
	for lines.Scan() { // what it managed to say counts
		if n, err := strconv.Atoi(lines.Text()); err == nil && n > last {
			last = n
		}
	}
	_ = cmd.Wait()

	require.GreaterOrEqual(t, last, 500)
	for range 2 { // by who was there, and by who comes afterwards
		require.NoError(t, c.Set("mine", []byte("v")))
		for i := range last { // the line of the last may be cut
			v, err := c.Get("key " + itoa(i))
			require.NoError(t, err)
			require.Equal(t, "value "+itoa(i), string(v))
		}
		require.NoError(t, c.Close())
		c = mustOpen(t, dir, nil)
	}
	require.NoError(t, c.Close())
}

// TestFewFiles: a directory of a thousand segments in a process that may open 64
// files.
func TestFewFiles(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{SegmentSize: 512, NoMap: true})
	for i := range 1000 {
		require.NoError(t, c.Set("key "+itoa(i), []byte(strings.Repeat(itoa(i%10), 400))))
	}
	require.NoError(t, c.Close())
	out, err := child("files", dir).Output()
	require.NoError(t, err)
	require.Equal(t, "ok\n", string(out))
}

func childFewFiles(dir string) int {
	if err := fewFiles(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ok")
	return 0
}

func fewFiles(dir string) error {
	const limit = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	for round, o := range []Options{{NoMap: true, MaxOpenFiles: 32, SegmentSize: 512}, {SegmentSize: 512, MaxOpenFiles: 32}} {
		c, err := Open(dir, &o)
		if err != nil {
			return err
		}
		s, err := c.Stats()
		if err != nil || s.Segments < 1000 {
			return fmt.Errorf("%d segments, %w", s.Segments, err)
		}
		for i := range 1000 {
			v, err := c.Get("key " + itoa(i))
			if err != nil {
				return fmt.Errorf("round %d, key %d: %w", round, i, err)
			}
			if !strings.HasPrefix(string(v), itoa(i%10)) {
				return fmt.Errorf("key %d: %.20q", i, v)
			}
		}
		for i := range 50 {
			if err := c.Set("new "+itoa(i), make([]byte, 400)); err != nil {
				return err
			}
		}
		problems, err := c.Check(false)
		if err := errors.Join(err, c.Close()); err != nil || len(problems) > 0 {
			return fmt.Errorf("%v, %w", problems, err)
		}
		if err := os.Remove(filepath.Join(dir, codec.SnapshotName)); err != nil {
			return err
		}
	}
	return nil
}

func TestUntrusted(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []os.FileMode{0o777, 0o770, 0o702} {
		require.NoError(t, os.Chmod(dir, mode))
		_, err := Open(dir, nil)
		require.ErrorIs(t, err, ErrUntrusted)
		var u *UntrustedError
		require.ErrorAs(t, err, &u)
		require.Equal(t, mode, u.Mode.Perm())
		require.Empty(t, contents(t, dir))
	}
	require.NoError(t, mustOpen(t, dir, &Options{Trust: true}).Close())
}

func TestUnwritableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("for root every directory is writable")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	_, err := Open(dir, nil)
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, dir)
}

// TestSpecialFiles plants what is not a regular file under the names of the
// cache's files: nothing hangs, nothing is followed, and only what the file held
// is lost.
func TestSpecialFiles(t *testing.T) {
	plants := map[string]func(path, outside string) error{
		"link":          func(path, outside string) error { return os.Symlink(outside, path) },
		"dangling link": func(path, _ string) error { return os.Symlink("nowhere", path) },
		"fifo":          func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
		"directory":     func(path, _ string) error { return os.Mkdir(path, 0o700) },
	}
	for plant, do := range plants {
		for _, suffix := range []string{".seg", ".hint", ".snap", ".val", ".lock", "values", ".tmp"} {
			for _, snapshot := range []bool{true, false} {
				if suffix == ".snap" && !snapshot || plant == "directory" && suffix == "values" {
					continue
				}
				t.Run(fmt.Sprintf("%s %s, snapshot %v", plant, suffix, snapshot), func(t *testing.T) {
					testSpecialFile(t, suffix, snapshot, do)
				})
			}
		}
	}
}

func testSpecialFile(t *testing.T, suffix string, snapshot bool, plant func(path, outside string) error) {
	dir := t.TempDir()
	o := &Options{FileThreshold: 2000, SegmentSize: 4 << 10}
	c := mustOpen(t, dir, o)
	values := make(map[string]string)
	for i := range 12 {
		key := "key " + itoa(i)
		values[key] = strings.Repeat(itoa(i), 500)
		require.NoError(t, c.Set(key, []byte(values[key])))
	}
	values["large"] = strings.Repeat("large", 1000)
	require.NoError(t, c.Set("large", []byte(values["large"])))
	require.NoError(t, c.Close())
	if !snapshot {
		require.NoError(t, os.Remove(filepath.Join(dir, codec.SnapshotName)))
	}

	path := filepath.Join(dir, codec.TempName(codec.SnapshotName, 7))
	if suffix != ".tmp" {
		path = first(t, dir, suffix)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if suffix == ".tmp" {
		require.NoError(t, os.WriteFile(outside, []byte("outside"), 0o600))
	} else {
		require.NoError(t, os.Rename(path, outside)) // what a link would find is whole
	}
	before := contents(t, filepath.Dir(outside))
	require.NoError(t, plant(path, outside))

	c, err := Open(dir, o)
	if suffix == ".lock" {
		require.Error(t, err)
		require.ErrorContains(t, err, codec.LockName)
		require.Equal(t, before, contents(t, filepath.Dir(outside)))
		return
	}
	require.NoError(t, err)
	lost := 0
	for key, want := range values {
		v, err := c.Get(key)
		if err != nil {
			require.True(t, suffix == ".seg" || suffix == ".val" || suffix == "values", "%s: %v", key, err)
			if suffix == ".seg" {
				require.ErrorIs(t, err, ErrCorrupt)
			}
			require.ErrorContains(t, err, filepath.Base(path))
			lost++
			continue
		}
		require.Equal(t, want, string(v))
	}
	if suffix == ".val" || suffix == "values" {
		require.Equal(t, 1, lost)
	}
	require.Less(t, lost, len(values))
	require.NoError(t, c.Set("key 0", []byte("anew")))
	_, _ = c.Check(true)
	_ = c.Sync()  // may say that the name is taken
	_ = c.Close() // as well
	c = mustOpen(t, dir, o)
	v, err := c.Get("key 0")
	require.NoError(t, err)
	require.Equal(t, "anew", string(v))
	_ = c.Close()
	require.Equal(t, before, contents(t, filepath.Dir(outside)), "what is outside is not touched")
}

// first returns the first file in dir with a suffix.
func first(t *testing.T, dir, suffix string) string {
	for _, pattern := range []string{"*" + suffix, codec.ValuesDir + "/*" + suffix} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		if len(paths) > 0 {
			return paths[0]
		}
	}
	t.Fatal("no file with suffix " + suffix)
	return ""
}

// TestDirectoryRemoved removes the directory of a cache in use: errors, but no
// wrong value, and nothing of it in what is made there later.
func TestDirectoryRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	o := &Options{SegmentSize: 4 << 10, FileThreshold: 2000}
	c := mustOpen(t, dir, o)
	want := make(map[string]string)
	for i := range 40 {
		want["key "+itoa(i)] = strings.Repeat(itoa(i), 200+100*(i%20))
		require.NoError(t, c.Set("key "+itoa(i), []byte(want["key "+itoa(i)])))
	}
	require.NoError(t, c.Sync()) // no more hints are made while the directory is being removed
	require.NoError(t, os.RemoveAll(dir))
	for key, v := range want {
		got, err := c.Get(key)
		if err == nil {
			require.Equal(t, v, string(got))
			continue
		}
		require.False(t, errors.Is(err, ErrNotFound), "%s: %v", key, err)
	}
	for i := range 20 {
		key := "later " + itoa(i)
		if err := c.Set(key, make([]byte, 1000)); err == nil {
			got, err := c.Get(key)
			require.NoError(t, err)
			require.Len(t, got, 1000)
		}
	}
	_, _ = c.Delete("key 0")
	_ = c.Sync()
	require.NoError(t, os.Mkdir(dir, 0o700))
	again := mustOpen(t, dir, o)
	n, err := again.Len()
	require.NoError(t, err)
	require.Zero(t, n)
	require.Error(t, c.Close(), "it could not be kept")
	require.NoError(t, again.Set("k", []byte("v")))
	require.NoError(t, again.Close())
	again = mustOpen(t, dir, o)
	n, err = again.Len()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, again.Close())
}

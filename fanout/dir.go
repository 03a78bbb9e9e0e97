package fanout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-diskcache/diskcache"
)

// The file "shards" of a directory says how many there are; they are the directories "000",
// "001" and so on.
const (
	shardsFile = "shards"
	shardsText = "diskcache fanout 1, shards: "
	tempFiles  = "shards.tmp"
)

// shardCount returns how many shards a directory has, and makes it one of want shards if it
// is new.
func shardCount(dir string, want int, readOnly bool) (int, error) {
	if want < 0 || want > maxShards {
		return 0, fmt.Errorf("%w: Shards is %d", diskcache.ErrOption, want)
	}
	n, err := readCount(dir)
	if errors.Is(err, fs.ErrNotExist) && !readOnly {
		if want == 0 {
			want = defaultShards
		}
		if err := makeDir(dir, want); err != nil {
			return 0, err
		}
		n, err = readCount(dir) // another process may have been first
	}
	if err != nil {
		return 0, err
	}
	if want != 0 && want != n {
		return 0, &ShardsError{dir, n, want}
	}
	return n, nil
}

func readCount(dir string) (int, error) {
	path := filepath.Join(dir, shardsFile)
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() || info.Size() > 100 {
		return 0, fmt.Errorf("%w: %s", ErrShards, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	text, ok := strings.CutPrefix(string(b), shardsText)
	text, whole := strings.CutSuffix(text, "\n")
	n, err := strconv.Atoi(text)
	if !ok || !whole || err != nil || n < 1 || n > maxShards {
		return 0, fmt.Errorf("%w: %s is %q", ErrShards, path, b)
	}
	return n, nil
}

// makeDir makes a directory one of n shards, unless another process has done so.
func makeDir(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == shardsFile {
			return nil
		}
		if !strings.HasPrefix(e.Name(), tempFiles) {
			return fmt.Errorf("%w: %s", diskcache.ErrForeign, filepath.Join(dir, e.Name()))
		}
	}
	return writeCount(dir, n)
}

// writeCount writes the file under another name first, so that nobody reads a part of it, and
// links it, which never replaces what another process has written.
func writeCount(dir string, n int) (err error) {
	f, err := os.CreateTemp(dir, tempFiles)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = fmt.Fprintf(f, "%s%d\n", shardsText, n)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	path := filepath.Join(dir, shardsFile)
	err = os.Link(f.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// Some disks have no links. A process that dies in the middle of this leaves a file that
	// Open refuses.
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s%d\n", shardsText, n)
	return errors.Join(err, to.Close())
}

func shardDir(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("%03d", i)) }

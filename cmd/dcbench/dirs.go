package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Names in a cache directory, from docs/format.md.
const (
	snapshotName  = "diskcache.snap"
	segmentSuffix = ".seg"
	hintSuffix    = ".hint"
)

// linkTree makes to a copy of the directory from. Files are linked where that
// works, for their pages are in memory then as those of the originals are; the
// cache never changes a file that it found.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.Mkdir(target, 0o700)
		case !d.Type().IsRegular():
			return nil
		case os.Link(path, target) == nil:
			return nil
		default:
			return copyFile(path, target)
		}
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// readAsOpen reads and hashes the files from which the state of the cache in dir
// is known: the snapshot, or else the hint of each segment, or else the segment.
func readAsOpen(dir string) (sum uint64, err error) {
	if sum, err = hashFile(filepath.Join(dir, snapshotName)); !errors.Is(err, fs.ErrNotExist) {
		return sum, err
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	for _, name := range segments {
		s, err := hashFile(strings.TrimSuffix(name, segmentSuffix) + hintSuffix)
		if errors.Is(err, fs.ErrNotExist) {
			s, err = hashFile(name)
		}
		if err != nil {
			return 0, err
		}
		sum ^= s
	}
	return sum, err
}

func hashFile(name string) (uint64, error) {
	b, err := os.ReadFile(name)
	return xxhash.Sum64(b), err
}

// diskBytes returns how many bytes the files under dir have.
func diskBytes(dir string) (int64, error) {
	var n int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n += info.Size()
		return nil
	})
	return n, err
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-diskcache/diskcache"
)

// tree is a directory tree that is cached, each regular file under its path.
type tree struct {
	root  string
	paths []string // below root, with slashes
}

func readTree(root string) (*tree, error) {
	t := &tree{root: root}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			t.paths = append(t.paths, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	if len(t.paths) == 0 {
		err = fmt.Errorf("there are no files in %s", root)
	}
	return t, err
}

func (t *tree) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(t.root, filepath.FromSlash(path)))
}

// treeOutcome is what came of caching a tree and reading it back.
type treeOutcome struct {
	files            int
	bytes, disk      int64
	large            int // files that are not compressed: their values have files of their own
	largeBytes       int64
	storing, closing time.Duration
	opening, reading time.Duration
	wrong            []string
}

func treeOptions() *diskcache.Options {
	return &diskcache.Options{Compression: diskcache.Zstd, FileThreshold: fileThreshold}
}

// store caches all files in dir.
func (t *tree) store(dir string, o *treeOutcome, bar progress) error {
	c, err := diskcache.Open(dir, treeOptions())
	if err != nil {
		return err
	}
	for _, path := range t.paths {
		b, err := t.read(path)
		if err != nil {
			return errors.Join(err, c.Close())
		}
		start := time.Now()
		if err := c.Set(path, b); err != nil {
			return errors.Join(err, c.Close())
		}
		o.storing += time.Since(start)
		o.files++
		o.bytes += int64(len(b))
		if len(b) >= fileThreshold {
			o.large++
			o.largeBytes += int64(len(b))
		}
		bar.step()
	}
	start := time.Now()
	err = c.Close()
	o.closing = time.Since(start)
	if err == nil {
		o.disk, err = diskBytes(dir)
	}
	return err
}

// compare opens the cache anew and compares every file with its original.
func (t *tree) compare(dir string, o *treeOutcome, bar progress) (err error) {
	start := time.Now()
	c, err := diskcache.Open(dir, treeOptions())
	if err != nil {
		return err
	}
	o.opening = time.Since(start)
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, path := range t.paths {
		want, err := t.read(path)
		if err != nil {
			return err
		}
		start := time.Now()
		got, err := c.Get(path)
		o.reading += time.Since(start)
		if err != nil {
			o.wrong = append(o.wrong, fmt.Sprintf("%s: %v", path, err))
		} else if !bytes.Equal(got, want) {
			o.wrong = append(o.wrong, fmt.Sprintf("%s: its %d bytes are not the %d of the original", path, len(got), len(want)))
		}
		bar.step()
	}
	n, err := c.Len()
	if err == nil && n != len(t.paths) {
		o.wrong = append(o.wrong, fmt.Sprintf("there are %d items for %d files", n, len(t.paths)))
	}
	return err
}

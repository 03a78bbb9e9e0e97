package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// fileStore has a file for each key, as programs do that have no cache.
type fileStore struct {
	dir   string
	sync  bool
	begun atomic.Int64 // temporary files
}

// fanOut is how many directories there are: by the first byte of a key.
const fanOut = 256

func openFiles(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	for i := range fanOut {
		if err := os.MkdirAll(filepath.Join(dir, fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return nil, err
		}
	}
	return &fileStore{dir: dir, sync: o.Durable()}, nil
}

func (s *fileStore) path(key []byte) string {
	name := hex.EncodeToString(key)
	return filepath.Join(s.dir, name[:2], name)
}

// Set writes a temporary file and renames it, so that nobody reads half of a value.
func (s *fileStore) Set(key, value []byte) error {
	path := s.path(key)
	temporary := filepath.Join(s.dir, fmt.Sprintf("tmp-%d-%d", os.Getpid(), s.begun.Add(1)))
	if err := s.write(temporary, value); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil || !s.sync {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (s *fileStore) write(name string, value []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(value); err == nil && s.sync {
		err = syncData(f)
	}
	return errors.Join(err, f.Close())
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *fileStore) Get(key, buf []byte) ([]byte, error) {
	f, err := os.Open(s.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, contest.ErrMissing
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := sized(buf, int(info.Size()))
	_, err = io.ReadFull(f, b)
	return b, err
}

func (s *fileStore) Delete(key []byte) error {
	path := s.path(key)
	if err := os.Remove(path); err != nil || !s.sync {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (s *fileStore) Batch(keys, values [][]byte) error {
	for i, key := range keys {
		if err := s.Set(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *fileStore) Compact() error { return errors.ErrUnsupported }

func (s *fileStore) Close() error { return nil }

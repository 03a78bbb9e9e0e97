package main

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var pebbleKind = contest.Kind{
	Promises: contest.Promises{
		Name: "pebble", Version: "github.com/cockroachdb/pebble/v2", Verified: true,
		Opened: "cache 256 MiB, memtables 64 MiB, bloom filters, no compression; NoSync unless durable",
	},
	Open: openPebble,
}

type pebbleStore struct {
	db    *pebble.DB
	write *pebble.WriteOptions
}

// What makes it quicker than its defaults.
const (
	pebbleCache    = 256 << 20
	pebbleMemTable = 64 << 20
	bloomBits      = 10
)

func openPebble(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	cache := pebble.NewCache(pebbleCache)
	defer cache.Unref()
	opts := &pebble.Options{Cache: cache, MemTableSize: pebbleMemTable, MemTableStopWritesThreshold: 4, L0CompactionThreshold: 4, Logger: silent{}}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	s := pebbleStore{db, pebble.NoSync}
	if o.Durable() {
		s.write = pebble.Sync
	}
	return s, nil
}

func (s pebbleStore) Set(key, value []byte) error { return s.db.Set(key, value, s.write) }

func (s pebbleStore) Get(key, buf []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, contest.ErrMissing
	}
	if err != nil {
		return nil, err
	}
	buf = append(buf, v...)
	return buf, closer.Close()
}

func (s pebbleStore) Delete(key []byte) error { return s.db.Delete(key, s.write) }

func (s pebbleStore) Batch(keys, values [][]byte) error {
	b := s.db.NewBatch()
	for i, key := range keys {
		if err := b.Set(key, values[i], nil); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	return errors.Join(b.Commit(s.write), b.Close())
}

// Compact compacts from below the first key to above the last.
func (s pebbleStore) Compact() error {
	last := make([]byte, contest.KeySize+1)
	for i := range last {
		last[i] = 0xff
	}
	return s.db.Compact(context.Background(), []byte{}, last, true)
}

func (s pebbleStore) Close() error { return s.db.Close() }

// silent is a logger for what is no error: errors are returned.
type silent struct{}

func (silent) Infof(string, ...any)      {}
func (silent) Errorf(string, ...any)     {}
func (silent) Fatalf(f string, a ...any) { panic(f) }

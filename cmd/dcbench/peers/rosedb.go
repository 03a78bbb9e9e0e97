package main

import (
	"bytes"
	"errors"
	"time"

	"github.com/rosedblabs/rosedb/v2"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var rosedbKind = contest.Kind{
	Promises: contest.Promises{Name: "rosedb", Version: "github.com/rosedblabs/rosedb/v2", Opened: "batches with Sync if durable", Verified: true, Survives: true},
	Open:     openRosedb,
}

type rosedbStore struct {
	db   *rosedb.DB
	sync bool
}

func openRosedb(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	opts := rosedb.DefaultOptions
	opts.DirPath = dir
	db, err := rosedb.Open(opts)
	if err != nil {
		return nil, err
	}
	return rosedbStore{db, o.Durable()}, nil
}

// Set gives it a copy of the key, which it keeps. Durable sets are batches of one: with its own
// option Sync, Put returns before anything was synced.
func (s rosedbStore) Set(key, value []byte) error {
	if s.sync {
		return s.Batch([][]byte{key}, [][]byte{value})
	}
	return s.db.Put(bytes.Clone(key), value)
}

func (s rosedbStore) SetExpiring(key, value []byte) error {
	return s.db.PutWithTTL(bytes.Clone(key), value, time.Hour)
}

func (s rosedbStore) Get(key, _ []byte) ([]byte, error) {
	v, err := s.db.Get(key)
	if errors.Is(err, rosedb.ErrKeyNotFound) {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (s rosedbStore) Delete(key []byte) error {
	if !s.sync {
		return s.db.Delete(key)
	}
	b := s.db.NewBatch(rosedb.BatchOptions{Sync: true})
	if err := b.Delete(key); err != nil {
		return errors.Join(err, b.Rollback())
	}
	return b.Commit()
}

func (s rosedbStore) Batch(keys, values [][]byte) error {
	b := s.db.NewBatch(rosedb.BatchOptions{Sync: s.sync})
	for i, key := range keys {
		if err := b.Put(bytes.Clone(key), values[i]); err != nil {
			return errors.Join(err, b.Rollback())
		}
	}
	return b.Commit()
}

func (s rosedbStore) Compact() error { return s.db.Merge(true) }

func (s rosedbStore) Close() error { return s.db.Close() }

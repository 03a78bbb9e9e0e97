package main

import (
	"bytes"
	"errors"

	"github.com/nutsdb/nutsdb"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var nutsdbKind = contest.Kind{
	Promises: contest.Promises{
		Name: "nutsdb", Version: "github.com/nutsdb/nutsdb", Verified: true, Survives: true,
		Opened: "HintKeyAndRAMIdxMode, for values that do not fit into memory; SyncEnable if durable",
	},
	Open: openNutsdb,
}

type nutsdbStore struct{ db *nutsdb.DB }

const (
	nutsdbBucket  = "cache"
	nutsdbExpires = 3600 // seconds
)

func openNutsdb(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	db, err := nutsdb.Open(nutsdb.DefaultOptions, nutsdb.WithDir(dir), nutsdb.WithSyncEnable(o.Durable()), nutsdb.WithEntryIdxMode(nutsdb.HintKeyAndRAMIdxMode))
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *nutsdb.Tx) error { return tx.NewKVBucket(nutsdbBucket) })
	if err != nil && !errors.Is(err, nutsdb.ErrBucketAlreadyExist) {
		return nil, errors.Join(err, db.Close())
	}
	return nutsdbStore{db}, nil
}

func (s nutsdbStore) Set(key, value []byte) error { return s.put(key, value, nutsdb.Persistent) }

func (s nutsdbStore) SetExpiring(key, value []byte) error { return s.put(key, value, nutsdbExpires) }

// put gives it a copy of the key, which it keeps.
func (s nutsdbStore) put(key, value []byte, expires uint32) error {
	return s.db.Update(func(tx *nutsdb.Tx) error { return tx.Put(nutsdbBucket, bytes.Clone(key), value, expires) })
}

func (s nutsdbStore) Get(key, _ []byte) (v []byte, err error) {
	err = s.db.View(func(tx *nutsdb.Tx) error {
		v, err = tx.Get(nutsdbBucket, key)
		return err
	})
	if errors.Is(err, nutsdb.ErrKeyNotFound) || errors.Is(err, nutsdb.ErrNotFoundKey) {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (s nutsdbStore) Delete(key []byte) error {
	return s.db.Update(func(tx *nutsdb.Tx) error { return tx.Delete(nutsdbBucket, bytes.Clone(key)) })
}

func (s nutsdbStore) Batch(keys, values [][]byte) error {
	return s.db.Update(func(tx *nutsdb.Tx) error {
		for i, key := range keys {
			if err := tx.Put(nutsdbBucket, bytes.Clone(key), values[i], nutsdb.Persistent); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s nutsdbStore) Compact() error {
	if err := s.db.Merge(); !errors.Is(err, nutsdb.ErrDontNeedMerge) {
		return err
	}
	return nil
}

func (s nutsdbStore) Close() error { return s.db.Close() }

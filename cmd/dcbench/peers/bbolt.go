package main

import (
	"errors"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var bboltKind = contest.Kind{
	Promises: contest.Promises{Name: "bbolt", Version: "go.etcd.io/bbolt", Opened: "FreelistType map; NoSync unless durable", Survives: true},
	Open:     openBbolt,
}

type bboltStore struct{ db *bolt.DB }

var bboltBucket = []byte("cache")

func openBbolt(dir string, o contest.Options) (contest.Store, error) {
	if err := errors.Join(o.Plain(), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(dir, "bolt.db"), 0o600, &bolt.Options{NoSync: !o.Durable(), NoFreelistSync: false, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	return bboltStore{db}, db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bboltBucket)
		return err
	})
}

func (s bboltStore) Set(key, value []byte) error {
	return s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bboltBucket).Put(key, value) })
}

func (s bboltStore) Get(key, buf []byte) (v []byte, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		found := tx.Bucket(bboltBucket).Get(key)
		if found == nil {
			return contest.ErrMissing
		}
		v = append(buf, found...)
		return nil
	})
	return v, err
}

func (s bboltStore) Delete(key []byte) error {
	return s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bboltBucket).Delete(key) })
}

func (s bboltStore) Batch(keys, values [][]byte) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bboltBucket)
		for i, key := range keys {
			if err := b.Put(key, values[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s bboltStore) Compact() error { return errors.ErrUnsupported }

func (s bboltStore) Close() error { return s.db.Close() }

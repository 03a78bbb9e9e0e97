package main

import (
	"errors"
	"time"

	"git.mills.io/prologic/bitcask"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var bitcaskKind = contest.Kind{
	Promises: contest.Promises{
		Name: "bitcask", Version: "git.mills.io/prologic/bitcask", Opened: "files of 256 MiB; Sync if durable", Verified: true, Survives: true,
	},
	Open: openBitcask,
}

type bitcaskStore struct{ db *bitcask.Bitcask }

const (
	bitcaskFile  = 256 << 20
	bitcaskValue = 64 << 20
)

func openBitcask(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	db, err := bitcask.Open(dir, bitcask.WithMaxDatafileSize(bitcaskFile), bitcask.WithMaxValueSize(bitcaskValue), bitcask.WithSync(o.Durable()))
	if err != nil {
		return nil, err
	}
	return bitcaskStore{db}, nil
}

func (s bitcaskStore) Set(key, value []byte) error { return s.db.Put(key, value) }

func (s bitcaskStore) SetExpiring(key, value []byte) error {
	return s.db.PutWithTTL(key, value, time.Hour)
}

func (s bitcaskStore) Get(key, _ []byte) ([]byte, error) {
	v, err := s.db.Get(key)
	if errors.Is(err, bitcask.ErrKeyNotFound) {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (s bitcaskStore) Delete(key []byte) error { return s.db.Delete(key) }

func (s bitcaskStore) Batch(keys, values [][]byte) error {
	for i, key := range keys {
		if err := s.db.Put(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s bitcaskStore) Compact() error { return s.db.Merge() }

func (s bitcaskStore) Close() error { return s.db.Close() }

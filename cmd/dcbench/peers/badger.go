package main

import (
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var badgerKind = contest.Kind{
	Promises: contest.Promises{
		Name: "badger", Version: "github.com/dgraph-io/badger/v4", Verified: true, Survives: true,
		Opened: "no compression, checksums verified on read, no conflict detection, value log files of 64 MiB; SyncWrites if durable",
	},
	Open: openBadger,
}

type badgerStore struct{ db *badger.DB }

const badgerLog = 64 << 20

func openBadger(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil).WithSyncWrites(o.Durable()).WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead).WithDetectConflicts(false).WithValueLogFileSize(badgerLog))
	if err != nil {
		return nil, err
	}
	return badgerStore{db}, nil
}

func (s badgerStore) Set(key, value []byte) error {
	return s.db.Update(func(tx *badger.Txn) error { return tx.Set(key, value) })
}

func (s badgerStore) SetExpiring(key, value []byte) error {
	return s.db.Update(func(tx *badger.Txn) error { return tx.SetEntry(badger.NewEntry(key, value).WithTTL(time.Hour)) })
}

func (s badgerStore) Get(key, buf []byte) (v []byte, err error) {
	err = s.db.View(func(tx *badger.Txn) error {
		item, err := tx.Get(key)
		if err != nil {
			return err
		}
		v, err = item.ValueCopy(buf)
		return err
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (s badgerStore) Delete(key []byte) error {
	return s.db.Update(func(tx *badger.Txn) error { return tx.Delete(key) })
}

func (s badgerStore) Batch(keys, values [][]byte) error {
	b := s.db.NewWriteBatch()
	defer b.Cancel()
	for i, key := range keys {
		if err := b.Set(key, values[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// Compact brings everything to one level, and rewrites files of values as long as there is one of
// which half is garbage.
func (s badgerStore) Compact() error {
	if err := s.db.Flatten(1); err != nil {
		return err
	}
	const garbage = 0.5
	for {
		err := s.db.RunValueLogGC(garbage)
		if errors.Is(err, badger.ErrNoRewrite) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s badgerStore) Close() error { return s.db.Close() }

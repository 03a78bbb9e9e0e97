package main

import (
	"io"
	"log"

	"github.com/akrylysov/pogreb"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var pogrebKind = contest.Kind{
	Promises: contest.Promises{
		Name: "pogreb", Version: "github.com/akrylysov/pogreb", Opened: "synced after each write if durable, else by the system", Survives: true,
	},
	Open: openPogreb,
}

type pogrebStore struct{ db *pogreb.DB }

func openPogreb(dir string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	pogreb.SetLogger(log.New(io.Discard, "", 0))
	opts := &pogreb.Options{}
	if o.Durable() {
		opts.BackgroundSyncInterval = -1
	}
	db, err := pogreb.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	return pogrebStore{db}, nil
}

func (s pogrebStore) Set(key, value []byte) error { return s.db.Put(key, value) }

func (s pogrebStore) Get(key, _ []byte) ([]byte, error) {
	v, err := s.db.Get(key)
	if err == nil && v == nil {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (s pogrebStore) Delete(key []byte) error { return s.db.Delete(key) }

func (s pogrebStore) Batch(keys, values [][]byte) error {
	for i, key := range keys {
		if err := s.db.Put(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s pogrebStore) Compact() error {
	_, err := s.db.Compact()
	return err
}

func (s pogrebStore) Close() error { return s.db.Close() }

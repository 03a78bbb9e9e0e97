package main

import (
	"bytes"
	"errors"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/maypok86/otter/v2"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// The stores of this file are in memory only: what a cache could do that had no disk.

var fastcacheKind = contest.Kind{
	Promises: contest.Promises{
		Name: "fastcache", Version: "github.com/VictoriaMetrics/fastcache", Opened: "sized for all keys", Bounded: true, Memory: true,
	},
	Open: openFastcache,
}

// fastcacheStore uses for large values what is made for them, for all: of one that has them the
// others could not be told.
type fastcacheStore struct {
	c   *fastcache.Cache
	big bool
}

// fastcacheWhole is what its plain Set takes, key and value.
const fastcacheWhole = 64<<10 - 32

func openFastcache(_ string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	if o.Durable() {
		return nil, errors.ErrUnsupported
	}
	const least = 64 << 20
	size := max(least, 4*o.Keys*(o.ValueSize+2*contest.KeySize)) // its parts fill unevenly, and forget then
	return fastcacheStore{fastcache.New(size), o.Largest+contest.KeySize > fastcacheWhole}, nil
}

func (s fastcacheStore) Set(key, value []byte) error {
	if s.big {
		s.c.SetBig(key, value)
	} else {
		s.c.Set(key, value)
	}
	return nil
}

func (s fastcacheStore) Get(key, buf []byte) ([]byte, error) {
	if s.big {
		if v := s.c.GetBig(buf, key); len(v) > 0 {
			return v, nil
		}
		return nil, contest.ErrMissing
	}
	v, ok := s.c.HasGet(buf, key)
	if !ok {
		return nil, contest.ErrMissing
	}
	return v, nil
}

func (s fastcacheStore) Delete(key []byte) error {
	s.c.Del(key)
	return nil
}

func (s fastcacheStore) Batch(keys, values [][]byte) error {
	for i, key := range keys {
		if err := s.Set(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s fastcacheStore) Compact() error { return errors.ErrUnsupported }

func (s fastcacheStore) Close() error {
	s.c.Reset()
	return nil
}

var otterKind = contest.Kind{
	Promises: contest.Promises{Name: "otter", Version: "github.com/maypok86/otter/v2", Opened: "sized for all keys", Bounded: true, Memory: true},
	Open:     openOtter,
}

type otterStore struct{ c *otter.Cache[string, []byte] }

func openOtter(_ string, o contest.Options) (contest.Store, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	if o.Durable() {
		return nil, errors.ErrUnsupported
	}
	c, err := otter.New(&otter.Options[string, []byte]{MaximumSize: 2 * o.Keys})
	return otterStore{c}, err
}

// Set gives it copies, for it keeps what it is given.
func (s otterStore) Set(key, value []byte) error {
	s.c.Set(string(key), bytes.Clone(value))
	return nil
}

func (s otterStore) Get(key, buf []byte) ([]byte, error) {
	v, ok := s.c.GetIfPresent(string(key))
	if !ok {
		return nil, contest.ErrMissing
	}
	return append(buf, v...), nil
}

func (s otterStore) Delete(key []byte) error {
	s.c.Invalidate(string(key))
	return nil
}

func (s otterStore) Batch(keys, values [][]byte) error {
	for i, key := range keys {
		if err := s.Set(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s otterStore) Compact() error { return errors.ErrUnsupported }

func (s otterStore) Close() error {
	s.c.InvalidateAll()
	return nil
}

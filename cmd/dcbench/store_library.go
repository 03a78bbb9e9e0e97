package main

import (
	"errors"
	"time"
	"unsafe"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// library is this module's cache as a store.
type library struct{ c *diskcache.Cache }

func openLibrary(dir string, o contest.Options) (contest.Store, error) {
	sync, err := parseSync(o.Sync)
	if err != nil {
		return nil, err
	}
	compress, err := parseCompression(o.Compression)
	if err != nil {
		return nil, err
	}
	c, err := diskcache.Open(dir, &diskcache.Options{Sync: sync.mode, Compression: compress.kind, Now: o.Now})
	if err != nil {
		return nil, err
	}
	return library{c}, nil
}

// text returns a key as it is, for the cache does not keep keys.
func text(key []byte) string { return unsafe.String(unsafe.SliceData(key), len(key)) }

// bytesOf returns a key as it is, for nobody changes it.
func bytesOf(key string) []byte { return unsafe.Slice(unsafe.StringData(key), len(key)) }

func (l library) Set(key, value []byte) error { return l.c.Set(text(key), value) }

func (l library) SetExpiring(key, value []byte) error {
	return l.c.Set(text(key), value, diskcache.TTL(time.Hour))
}

func (l library) Get(key, buf []byte) ([]byte, error) {
	v, err := l.c.GetAppend(text(key), buf)
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (l library) Delete(key []byte) error {
	ok, err := l.c.Delete(text(key))
	if err == nil && !ok {
		return errLost
	}
	return err
}

func (l library) Batch(keys, values [][]byte) error {
	return l.c.Update(func(tx *diskcache.Tx) error {
		for i, key := range keys {
			if err := tx.Set(text(key), values[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l library) Compact() error { return l.c.Compact() }

func (l library) Close() error { return l.c.Close() }

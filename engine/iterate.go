package engine

import (
	"cmp"
	"errors"
	"iter"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// Keys returns all keys, in no particular order. A key that is there from the
// beginning to the end of the walk comes once; one that is set or deleted
// meanwhile may come or not. Expired items are left out. A record that cannot be
// read yields its error, and the walk goes on.
func (e *Engine) Keys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range e.shards() {
			if !e.shardKeys(i, yield) {
				return
			}
		}
	}
}

// shardKeys yields the keys of one shard of the index. A key never changes its
// shard, so what was listed at once is listed once.
func (e *Engine) shardKeys(i int, yield func(string, error) bool) bool {
	set := e.log.Acquire(uint64(i))
	if set == nil {
		return yield("", ErrClosed) && false
	}
	defer set.Release(uint64(i))
	entries, err := e.index.Load().Shard(i, nil)
	if errors.Is(err, keydir.ErrDamaged) {
		if err = e.rebuildFromRead(); err == nil {
			entries, err = e.index.Load().Shard(i, nil)
		}
	}
	if err != nil {
		return yield("", err)
	}
	slices.SortFunc(entries, func(a, b keydir.Entry) int { return cmp.Compare(a.Place, b.Place) })
	var key []byte
	for _, entry := range entries {
		slot, off := e.layout.Split(entry.Place)
		seg := set.At(slot)
		if seg == nil {
			continue // set again, after the walk came here
		}
		var h codec.Head
		if h, key, err = seg.Head(off, key[:0]); err != nil {
			if !yield("", e.corrupt(err)) {
				return false
			}
			continue
		}
		if e.opt.Hash(string(key)) != h.Hash {
			if !yield("", e.corrupt(&segment.DamageError{File: seg.Name(), Offset: off, Err: codec.ErrChecksum})) {
				return false
			}
			continue
		}
		if e.clock.expired(h.Expires) {
			continue
		}
		if !yield(string(key), nil) {
			return false
		}
	}
	return true
}

// Items returns all items with their values, as Keys does their keys. A value is
// the newest at the time at which it is yielded; it belongs to the caller.
func (e *Engine) Items() iter.Seq2[KeyValue, error] {
	return func(yield func(KeyValue, error) bool) {
		for key, err := range e.Keys() {
			kv := KeyValue{Key: key}
			if err == nil {
				kv.Value, err = e.read(key)
			}
			if isMiss(err) {
				continue // deleted meanwhile
			}
			if !yield(kv, err) {
				return
			}
		}
	}
}

// KeyValue is an item that Items yields.
type KeyValue struct {
	Key   string
	Value []byte
}

// read is Get without a word to the statistics.
func (e *Engine) read(key string) ([]byte, error) {
	var rec codec.Record
	return e.get(key, nil, &rec)
}

// shards returns how many parts the index has.
func (e *Engine) shards() int { return e.index.Load().Shards() }

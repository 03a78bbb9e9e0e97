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

// walkBatch is how many keys of a shard are read at a time. Between two batches
// the walk holds nothing, so its caller may do anything, close the cache too.
const walkBatch = 256

// shardKeys yields the keys of one shard of the index. A key never changes its
// shard, so what was listed at once is listed once.
func (e *Engine) shardKeys(i int, yield func(string, error) bool) bool {
	entries, err := e.shardEntries(i)
	if err != nil {
		yield("", err)
		return false
	}
	type found struct {
		key string
		err error
	}
	batch := make([]found, 0, min(len(entries), walkBatch))
	for part := range slices.Chunk(entries, walkBatch) {
		set := e.log.Acquire(uint64(i))
		if set == nil {
			yield("", ErrClosed)
			return false
		}
		batch = batch[:0]
		for _, entry := range part {
			if key, err := e.keyAt(set, entry); err != ErrNotFound {
				batch = append(batch, found{key, err})
			}
		}
		set.Release(uint64(i))
		for _, f := range batch {
			if !yield(f.key, f.err) {
				return false
			}
		}
	}
	return true
}

// shardEntries lists one shard of the index, in the order of the log.
func (e *Engine) shardEntries(i int) ([]keydir.Entry, error) {
	set := e.log.Acquire(uint64(i))
	if set == nil {
		return nil, ErrClosed
	}
	entries, err := e.index.Load().Shard(i, nil)
	set.Release(uint64(i))
	if errors.Is(err, keydir.ErrDamaged) {
		if err = e.rebuildFromRead(); err == nil {
			return e.shardEntries(i)
		}
	}
	slices.SortFunc(entries, func(a, b keydir.Entry) int { return cmp.Compare(a.Place, b.Place) })
	return entries, err
}

// keyAt reads the key of the record at a place. ErrNotFound: it has expired.
func (e *Engine) keyAt(set *segment.Set, entry keydir.Entry) (string, error) {
	slot, off := e.layout.Split(entry.Place)
	seg := set.At(slot)
	if seg == nil {
		return "", ErrNotFound // its segment is gone, and so is the record
	}
	h, key, err := seg.Head(off, nil)
	if err == nil && e.opt.Hash(string(key)) != h.Hash {
		err = &segment.DamageError{File: seg.Name(), Offset: off, Err: codec.ErrChecksum}
	}
	if err != nil {
		return "", e.corrupt(err)
	}
	if e.clock.expired(h.Expires, h.Stored) {
		return "", ErrNotFound
	}
	return string(key), nil
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

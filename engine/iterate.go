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

// foundKey is a key that a walk has come to, or the error that it met.
type foundKey struct {
	key string
	err error
}

// shardKeys yields the keys of one shard of the index. A key never changes its
// shard, so what was listed at once is listed once. All of them are read before the
// first is yielded: while the walk's caller has one, which may do anything, close
// the cache too, nothing is held, and records may move.
func (e *Engine) shardKeys(i int, yield func(string, error) bool) bool {
	keys, err := e.keysOf(i)
	if err != nil {
		yield("", err)
		return false
	}
	for _, k := range keys {
		if !yield(k.key, k.err) {
			return false
		}
	}
	return true
}

// keysOf reads the keys of one shard of the index.
func (e *Engine) keysOf(i int) (keys []foundKey, err error) {
	err = e.readShard(i, false, func() { keys = keys[:0] }, func(set *segment.Set, entry keydir.Entry) error {
		key, err := e.keyAt(set, entry)
		if err == ErrNotFound {
			return nil
		}
		keys = append(keys, foundKey{key, err})
		return err
	})
	return keys, err
}

// readShard calls see for all entries of one shard of the index, in the order of the log. What
// see has read while segments came and went may be of others: then, or where it has returned errors
// that this may have caused, begin is called again and all is done anew. No more come and go if that
// does not help. locked: the caller has the writer lock, and none come and go anyway.
func (e *Engine) readShard(i int, locked bool, begin func(), see func(*segment.Set, keydir.Entry) error) error {
	const tries = 3
	for try := 0; ; try++ {
		if try == tries && !locked {
			if err := e.enterToRead(); err != nil {
				return err
			}
			defer e.leave()
		}
		set, err := e.segments(uint64(i), try < tries || !e.opt.ReadOnly)
		if err != nil {
			return err
		}
		begin()
		bad, err := e.entriesIn(set, i, see)
		over := set.Over() || e.behind()
		if !over && (err != nil || bad) {
			over = e.behindNow() // what could not be read may be gone
		}
		set.Release(uint64(i))
		switch {
		case err == errPartial && try < tries && !locked:
			if err := e.followNow(); err != nil {
				return err
			}
		case errors.Is(err, keydir.ErrDamaged) && try < tries && !locked:
			if err := e.rebuildFromRead(); err != nil {
				return err
			}
		case !over, try == tries:
			return err
		}
	}
}

// entriesIn calls see for the entries of a shard, and reports whether it has ever returned an error.
func (e *Engine) entriesIn(set *segment.Set, i int, see func(*segment.Set, keydir.Entry) error) (bad bool, err error) {
	x, err := e.wholeIndex()
	if err != nil {
		return false, err
	}
	entries, err := x.Shard(i, nil)
	if err != nil {
		return false, err
	}
	slices.SortFunc(entries, func(a, b keydir.Entry) int { return cmp.Compare(a.Place, b.Place) }) // the order of the log
	for _, entry := range entries {
		bad = see(set, entry) != nil || bad
	}
	return bad, nil
}

// keyAt reads the key of the record at a place. ErrNotFound: it has expired.
func (e *Engine) keyAt(set *segment.Set, entry keydir.Entry) (string, error) {
	slot, off := e.layout.Split(entry.Place)
	seg := set.At(slot)
	if seg == nil {
		return "", ErrNotFound // of a newer set: this one is over
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

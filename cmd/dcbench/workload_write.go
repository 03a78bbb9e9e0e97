package main

import (
	"errors"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"
)

// overwrite sets keys that are there. The limit appends records as long as those
// that replace others are; that the cache must find out what it replaces is its
// own affair.
func overwrite(b *bench) ([]result, error) {
	if err := b.load(0); err != nil {
		return nil, err
	}
	limit := b.newLog(b.sizes.overwrite).appender()
	cache := &side{name: "cache", settle: b.cache.Sync, do: func(w *worker, i int) error {
		return w.set(b.cache, uint64(b.order[i]))
	}}
	return b.measure(0, cache, limit)
}

// remove deletes n keys, each once, in random order, and then those for the
// latencies. The limit appends records as long as a tombstone is.
func remove(b *bench) ([]result, error) {
	if err := b.load(b.latencies()); err != nil {
		return nil, err
	}
	b.order = draw.Permutation(b.rand, b.p.n+b.latencies())
	limit := b.newLog(b.sizes.tombstone).appender()
	cache := &side{name: "cache", settle: b.cache.Sync, do: func(w *worker, i int) error {
		ok, err := b.cache.Delete(w.keyOf(uint64(b.order[i])))
		if err == nil && !ok {
			return errLost
		}
		return err
	}}
	return b.measure(b.p.n, cache, limit)
}

var errLost = errors.New("a key that was set is not there")

// readWrite sets a key in every tenth operation and gets one in the others. The
// limit appends and reads as many records.
func readWrite(b *bench) ([]result, error) {
	if err := b.load(0); err != nil {
		return nil, err
	}
	reads, writes := b.newLog(b.sizes.insert), b.newLog(b.sizes.overwrite)
	if err := reads.fill(b.p.n, b.workers[0].rec); err != nil {
		return nil, err
	}
	isSet := func(i int) bool { return i%10 == 9 }
	cache := &side{name: "cache", settle: b.cache.Sync, do: func(w *worker, i int) error {
		if isSet(i) {
			return w.set(b.cache, uint64(b.order[i]))
		}
		return w.get(b.cache, uint64(b.order[i]))
	}}
	limit := &side{name: "limit", settle: writes.settle, do: func(w *worker, i int) error {
		if isSet(i) {
			return writes.append(w.rec)
		}
		return reads.readInto(w, int64(b.order[i]))
	}}
	return b.measure(0, cache, limit)
}

package main

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"
)

// readRandom gets n keys of n that are there, after a reopening: what is read
// lies in sealed segments. The limit reads the same records of its own files.
func readRandom(b *bench) ([]result, error) {
	if err := b.load(0); err != nil {
		return nil, err
	}
	log := b.newLog(b.sizes.insert)
	if err := log.fill(b.p.n, b.workers[0].rec); err != nil {
		return nil, err
	}
	cache := &side{name: "cache", do: func(w *worker, i int) error {
		return w.get(b.cache, uint64(b.order[i]))
	}}
	limit := &side{name: "limit", do: func(w *worker, i int) error {
		return log.readInto(w, int64(b.order[i]))
	}}
	sides := []*side{cache, limit}
	canMap, err := log.mapAll()
	if err != nil {
		return nil, err
	}
	if canMap {
		sides = append(sides, &side{name: "mapped limit", do: func(w *worker, i int) error {
			w.sum ^= log.readMapped(int64(b.order[i]))
			return nil
		}})
	}
	if err := b.warm(sides...); err != nil {
		return nil, err
	}
	return b.measure(0, sides...)
}

// missing is added to the number of a key to get one that is never there.
const missing = 1 << 40

// readMissing gets n keys that are not there. There is no limit to compare with:
// nothing is to be read.
func readMissing(b *bench) ([]result, error) {
	if err := b.load(0); err != nil {
		return nil, err
	}
	cache := &side{name: "cache", do: func(w *worker, i int) error {
		_, err := b.cache.GetAppend(w.keyOf(missing+uint64(b.order[i])), w.buf)
		if !errors.Is(err, diskcache.ErrNotFound) {
			return fmt.Errorf("get of a key that was never set: want %v, got %v", diskcache.ErrNotFound, err)
		}
		return nil
	}}
	if err := b.warm(cache); err != nil {
		return nil, err
	}
	return b.measure(0, cache)
}

// warm reads every record once, unmeasured, on each side: what is measured is
// the way to warm pages, not who touches them first.
func (b *bench) warm(sides ...*side) error {
	order := b.order
	defer func() { b.order = order }()
	b.order = draw.Sequence(b.p.n)
	for _, s := range sides {
		if err := b.each(0, b.p.n, s.do); err != nil {
			return err
		}
	}
	return nil
}

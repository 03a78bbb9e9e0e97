package main

import "github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"

// fillSeq and fillRandom set n new keys in an empty cache. The limit appends as
// many records.

func fillSeq(b *bench) ([]result, error) {
	b.order = draw.Sequence(b.p.n)
	return b.fill()
}

func fillRandom(b *bench) ([]result, error) {
	b.order = draw.Permutation(b.rand, b.p.n)
	return b.fill()
}

func (b *bench) fill() ([]result, error) {
	if err := b.measureSizes(); err != nil {
		return nil, err
	}
	limit := b.newLog(b.sizes.insert).appender()
	if err := b.openEmpty(b.options()); err != nil {
		return nil, err
	}
	cache := &side{name: "cache", settle: b.cache.Sync, do: func(w *worker, i int) error {
		n := uint64(i) // the operations that are timed one by one set the keys after the others
		if i < len(b.order) {
			n = uint64(b.order[i])
		}
		return w.set(b.cache, n)
	}}
	if err := b.compare(b.p.n, cache, limit); err != nil {
		return nil, err
	}
	b.measureMemory()
	return b.finish(b.p.n, cache, limit)
}

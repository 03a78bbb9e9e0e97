package main

import "github.com/go-diskcache/diskcache"

// openEmpty opens the cache, with nothing in it yet, and looks how much memory
// there is in use. All that the workload itself needs must be there by now.
func (b *bench) openEmpty(o diskcache.Options) error {
	if err := b.open(o); err != nil {
		return err
	}
	b.anonEmpty = anonymous(b.cache)
	return nil
}

// measureMemory is called when n keys are in the cache.
func (b *bench) measureMemory() {
	growth := anonymous(b.cache) - b.anonEmpty
	b.bytesPerKey = max(0, float64(growth)/float64(b.p.n))
}

// load makes a cache of n keys and some more, not synced while it is filled,
// closes it, and opens it again as it is to be measured. What keys the operations
// are for is drawn.
func (b *bench) load(more int) error {
	if err := b.measureSizes(); err != nil {
		return err
	}
	b.order = b.p.keys.Draw(b.rand, b.p.n, b.p.n)
	o := b.options()
	o.Sync = diskcache.SyncNever
	if err := b.openEmpty(o); err != nil {
		return err
	}
	if err := b.insert(0, b.p.n); err != nil {
		return err
	}
	b.measureMemory()
	if err := b.insert(b.p.n, b.p.n+more); err != nil {
		return err
	}
	return b.reopen()
}

// insert sets the keys from from to to-1.
func (b *bench) insert(from, to int) error {
	w := b.workers[0]
	for i := from; i < to; i++ {
		if err := w.set(b.cache, uint64(i)); err != nil {
			return err
		}
	}
	return nil
}

// reopen closes the cache and opens it as it is to be measured.
func (b *bench) reopen() error {
	if err := b.cache.Close(); err != nil {
		return err
	}
	return b.open(b.options())
}

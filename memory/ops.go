package memory

import (
	"github.com/go-diskcache/diskcache"
)

// ops are the operations of a Store and of a Txn, which differ in how they come to a batch.
type ops struct{ batches }

type batches interface {
	// read calls fn with a batch that fn does not change, and that has a certain order.
	read(needs order, fn func(b *batch) error) error
	// write calls fn with one that is applied then, if fn returns nil.
	write(fn func(b *batch) error) error
	attrs(opts []diskcache.SetOption) (diskcache.Attrs, error)
}

// store is all that stores a value if a condition holds.
func (o ops) store(key string, value []byte, opts []diskcache.SetOption, wanted func(b *batch, s *slot) bool) (done bool, err error) {
	a, err := o.attrs(opts)
	if err != nil {
		return false, err
	}
	err = o.write(func(b *batch) error {
		if wanted != nil {
			s, _ := b.find(key)
			if !wanted(b, s) {
				return nil
			}
		}
		done = true
		return b.put(key, value, a)
	})
	return done && err == nil, err
}

// Set stores value under key in place of what was there.
func (o ops) Set(key string, value []byte, opts ...diskcache.SetOption) error {
	_, err := o.store(key, value, opts, nil)
	return err
}

// Add stores value if key has no item.
func (o ops) Add(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return o.store(key, value, opts, func(_ *batch, s *slot) bool { return s == nil })
}

// Replace stores value if key has an item.
func (o ops) Replace(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return o.store(key, value, opts, func(_ *batch, s *slot) bool { return s != nil })
}

// CompareAndSwap stores value if the item of key has the version.
func (o ops) CompareAndSwap(key string, version uint64, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return o.store(key, value, opts, func(b *batch, s *slot) bool {
		if s == nil || version == 0 {
			return s == nil && version == 0
		}
		return s.version == version && !b.isOwn(key)
	})
}

// GetOrSet returns the value of key, or stores one.
func (o ops) GetOrSet(key string, value []byte, opts ...diskcache.SetOption) (actual []byte, loaded bool, err error) {
	stored, err := o.store(key, value, opts, func(b *batch, s *slot) bool {
		if s == nil {
			return true
		}
		b.s.used(s)
		actual, loaded = clone(s.value), true
		return false
	})
	if stored {
		actual = clone(value)
	}
	return actual, loaded, err
}

// Touch changes when an item expires.
func (o ops) Touch(key string, opts ...diskcache.SetOption) (found bool, err error) {
	a, err := o.attrs(opts)
	if err != nil {
		return false, err
	}
	err = o.write(func(b *batch) error {
		s, err := b.find(key)
		if err != nil {
			return nil
		}
		found = true
		e := *s.entry
		e.version, e.expires = b.s.nextVersion(), 0
		if !a.Expires.IsZero() {
			e.expires = a.Expires.UnixNano()
		}
		b.putEntry(key, &e)
		return nil
	})
	return found && err == nil, err
}

// Pop removes an item and returns it.
func (o ops) Pop(key string) (it diskcache.Item, err error) {
	err = o.write(func(b *batch) error {
		s, err := b.find(key)
		if err != nil {
			return err
		}
		it = b.item(s)
		b.delete(key)
		return nil
	})
	return it, err
}

// Delete removes key and reports whether it had an item.
func (o ops) Delete(key string) (found bool, err error) {
	err = o.write(func(b *batch) error {
		_, err := b.find(key)
		if found = err == nil; found {
			b.delete(key)
		}
		return nil
	})
	return found && err == nil, err
}

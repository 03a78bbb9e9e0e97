package fanout

import (
	"github.com/go-diskcache/diskcache"
)

// ops are the operations of a Store and of a transaction, which differ in how they come to
// a shard.
type ops struct{ router }

type router interface {
	// read calls fn with the shard of a home.
	read(home string, fn func(o diskcache.Ops) error) error
	// write is read for what may change a key, which fn returns; none, if it is "".
	write(home string, c change, fn func(o diskcache.Ops) (key string, err error)) error
}

// change says what a write does.
type change int

const (
	stores change = iota
	removes
)

// Get returns the value of key, which is the caller's.
func (o ops) Get(key string) (v []byte, err error) {
	err = o.read(home(key), func(s diskcache.Ops) (err error) {
		v, err = s.Get(key)
		return err
	})
	return v, err
}

// GetAppend appends the value of key to buf.
func (o ops) GetAppend(key string, buf []byte) (v []byte, err error) {
	v = buf
	err = o.read(home(key), func(s diskcache.Ops) (err error) {
		v, err = s.GetAppend(key, buf)
		return err
	})
	return v, err
}

// Item returns the value of key and what is known of it.
func (o ops) Item(key string) (it diskcache.Item, err error) {
	err = o.read(home(key), func(s diskcache.Ops) (err error) {
		it, err = s.Item(key)
		return err
	})
	return it, err
}

// Has reports whether key has an item.
func (o ops) Has(key string) (ok bool, err error) {
	err = o.read(home(key), func(s diskcache.Ops) (err error) {
		ok, err = s.Has(key)
		return err
	})
	return ok, err
}

// onKey runs what changes a key in its shard.
func onKey[T any](o ops, key string, c change, fn func(s diskcache.Ops) (T, error)) (v T, err error) {
	err = o.write(home(key), c, func(s diskcache.Ops) (_ string, err error) {
		v, err = fn(s)
		return key, err
	})
	return v, err
}

// Set stores value under key in place of what was there.
func (o ops) Set(key string, value []byte, opts ...diskcache.SetOption) error {
	_, err := onKey(o, key, stores, func(s diskcache.Ops) (bool, error) { return true, s.Set(key, value, opts...) })
	return err
}

// Add stores value if key has no item.
func (o ops) Add(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (bool, error) { return s.Add(key, value, opts...) })
}

// Replace stores value if key has an item.
func (o ops) Replace(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (bool, error) { return s.Replace(key, value, opts...) })
}

// CompareAndSwap stores value if the item of key has the version.
func (o ops) CompareAndSwap(key string, version uint64, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (bool, error) { return s.CompareAndSwap(key, version, value, opts...) })
}

// GetOrSet returns the value of key, or stores one.
func (o ops) GetOrSet(key string, value []byte, opts ...diskcache.SetOption) (actual []byte, loaded bool, err error) {
	actual, err = onKey(o, key, stores, func(s diskcache.Ops) (v []byte, err error) {
		v, loaded, err = s.GetOrSet(key, value, opts...)
		return v, err
	})
	return actual, loaded, err
}

// Incr adds delta to the number that key has.
func (o ops) Incr(key string, delta int64, opts ...diskcache.SetOption) (int64, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (int64, error) { return s.Incr(key, delta, opts...) })
}

// Decr subtracts delta from the number that key has.
func (o ops) Decr(key string, delta int64, opts ...diskcache.SetOption) (int64, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (int64, error) { return s.Decr(key, delta, opts...) })
}

// IncrFloat adds delta to the number that key has.
func (o ops) IncrFloat(key string, delta float64, opts ...diskcache.SetOption) (float64, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (float64, error) { return s.IncrFloat(key, delta, opts...) })
}

// Touch changes when an item expires.
func (o ops) Touch(key string, opts ...diskcache.SetOption) (bool, error) {
	return onKey(o, key, stores, func(s diskcache.Ops) (bool, error) { return s.Touch(key, opts...) })
}

// Pop removes an item and returns it.
func (o ops) Pop(key string) (diskcache.Item, error) {
	return onKey(o, key, removes, func(s diskcache.Ops) (diskcache.Item, error) { return s.Pop(key) })
}

// Delete removes key and reports whether it had an item.
func (o ops) Delete(key string) (bool, error) {
	return onKey(o, key, removes, func(s diskcache.Ops) (bool, error) { return s.Delete(key) })
}

// Push stores value at an end of the queue prefix.
func (o ops) Push(prefix string, value []byte, side diskcache.Side, opts ...diskcache.SetOption) (key string, err error) {
	err = o.write(queueHome(prefix), stores, func(s diskcache.Ops) (_ string, err error) {
		key, err = s.Push(prefix, value, side, opts...)
		return key, err
	})
	return key, err
}

// Pull removes the item at an end of a queue and returns it.
func (o ops) Pull(prefix string, side diskcache.Side) (it diskcache.Item, err error) {
	err = o.write(queueHome(prefix), removes, func(s diskcache.Ops) (_ string, err error) {
		it, err = s.Pull(prefix, side)
		return it.Key, err
	})
	return it, err
}

// Peek returns the item at an end of a queue.
func (o ops) Peek(prefix string, side diskcache.Side) (it diskcache.Item, err error) {
	err = o.read(queueHome(prefix), func(s diskcache.Ops) (err error) {
		it, err = s.Peek(prefix, side)
		return err
	})
	return it, err
}

// QueueAt returns the item at a place of a queue.
func (o ops) QueueAt(prefix string, i int) (it diskcache.Item, err error) {
	err = o.read(queueHome(prefix), func(s diskcache.Ops) (err error) {
		it, err = s.QueueAt(prefix, i)
		return err
	})
	return it, err
}

// QueueLen returns how many items a queue has.
func (o ops) QueueLen(prefix string) (n int, err error) {
	err = o.read(queueHome(prefix), func(s diskcache.Ops) (err error) {
		n, err = s.QueueLen(prefix)
		return err
	})
	return n, err
}

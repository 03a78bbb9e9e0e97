package diskcache

import (
	"github.com/go-diskcache/diskcache/engine"
)

// Add stores value if key has no item, and reports whether it has done so. One that has
// expired is none. Errors are those of Set.
func (c *Cache) Add(key string, value []byte, opts ...SetOption) (bool, error) {
	return c.setIf(c.e.Load(), key, value, engine.IfAbsent, opts)
}

// Replace stores value if key has an item, and reports whether it has done so. Like Set it
// replaces all of the item. Errors are those of Set.
func (c *Cache) Replace(key string, value []byte, opts ...SetOption) (bool, error) {
	return c.setIf(c.e.Load(), key, value, engine.IfPresent, opts)
}

// CompareAndSwap stores value if the item of key still has the version, which Item tells;
// version 0 is that there is none. It reports whether it has done so. Errors are those of Set.
func (c *Cache) CompareAndSwap(key string, version uint64, value []byte, opts ...SetOption) (bool, error) {
	return c.setIf(c.e.Load(), key, value, engine.IfVersion(version), opts)
}

// GetOrSet returns the value of key, or stores one if there is none and returns that. loaded
// reports whether it was there. What is returned is the caller's. Errors are those of Get and Set.
func (c *Cache) GetOrSet(key string, value []byte, opts ...SetOption) (actual []byte, loaded bool, err error) {
	return c.getOrSet(c.e.Load(), key, value, opts)
}

// Incr adds delta to the number that key has and returns the sum. A number is stored as
// its decimal digits, as a value that is always in the log and never compressed. Where there is
// none it begins at 0, and opts are stored with it; one that is there keeps its time to live,
// its tag and its kind. ErrNotNumber: the value is not an integer. ErrOverflow: it, or the sum,
// is none of int64. Nothing is changed then. Other errors are those of Get and Set.
func (c *Cache) Incr(key string, delta int64, opts ...SetOption) (int64, error) {
	return c.incr(c.e.Load(), key, delta, false, opts)
}

// Decr is Incr that subtracts.
func (c *Cache) Decr(key string, delta int64, opts ...SetOption) (int64, error) {
	return c.incr(c.e.Load(), key, delta, true, opts)
}

// IncrFloat is Incr of floating-point numbers, stored as the shortest text that reads
// back as the same. It takes integers, too. ErrOverflow: the sum is not finite.
func (c *Cache) IncrFloat(key string, delta float64, opts ...SetOption) (float64, error) {
	return c.incrFloat(c.e.Load(), key, delta, opts)
}

// Touch changes when an item expires to what opts say, TTL or ExpireAt; without either it
// never does. It keeps the rest, but the item counts as stored anew: it has another version.
// A value in a file of its own is not copied. It reports whether there is an item. Errors are
// those of Set.
func (c *Cache) Touch(key string, opts ...SetOption) (bool, error) {
	return c.touch(c.e.Load(), key, opts)
}

// Pop removes an item and returns it. ErrNotFound: there is none. One whose value cannot be
// read stays; Delete removes it.
func (c *Cache) Pop(key string) (Item, error) { return made(c.e.Load().Pop(key)) }

// GetMany returns the values of keys, in their order and as they were at one moment: nil for
// those that have no item. A value that is there is never nil. The values belong to the caller.
// One that cannot be read is nil too, and its error is part of the one returned.
func (c *Cache) GetMany(keys []string) ([][]byte, error) { return c.e.Load().GetMany(keys) }

// SetMany stores all items, or none, in the order given: of several with the same key the last
// one stays. It has the limits and the errors of Update.
func (c *Cache) SetMany(items []KeyValue, opts ...SetOption) error {
	a, err := c.attrs(opts)
	if err != nil {
		return err
	}
	return c.e.Load().SetMany(items, a)
}

// DeleteMany removes all keys, or none, and returns how many had an item. Errors are those of
// Update.
func (c *Cache) DeleteMany(keys []string) (int, error) { return c.e.Load().DeleteMany(keys) }

// changer is an engine, or a transaction of it.
type changer interface {
	GetOrSet(key string, value []byte, a engine.Attrs) ([]byte, bool, error)
	SetIf(key string, value []byte, a engine.Attrs, c engine.Condition) (bool, error)
	Incr(key string, delta int64, subtract bool, a engine.Attrs) (int64, error)
	IncrFloat(key string, delta float64, a engine.Attrs) (float64, error)
	Touch(key string, expires int64) (bool, error)
}

func (c *Cache) setIf(to changer, key string, value []byte, when engine.Condition, opts []SetOption) (bool, error) {
	a, err := c.attrs(opts)
	if err != nil {
		return false, err
	}
	return to.SetIf(key, value, a, when)
}

func (c *Cache) getOrSet(to changer, key string, value []byte, opts []SetOption) (actual []byte, loaded bool, err error) {
	a, err := c.attrs(opts)
	if err != nil {
		return nil, false, err
	}
	return to.GetOrSet(key, value, a)
}

func (c *Cache) incr(to changer, key string, delta int64, subtract bool, opts []SetOption) (int64, error) {
	a, err := c.attrs(opts)
	if err != nil {
		return 0, err
	}
	return to.Incr(key, delta, subtract, a)
}

func (c *Cache) incrFloat(to changer, key string, delta float64, opts []SetOption) (float64, error) {
	a, err := c.attrs(opts)
	if err != nil {
		return 0, err
	}
	return to.IncrFloat(key, delta, a)
}

func (c *Cache) touch(to changer, key string, opts []SetOption) (bool, error) {
	a, err := c.attrs(opts)
	if err != nil {
		return false, err
	}
	return to.Touch(key, a.Expires)
}

package diskcache

import (
	"context"

	"github.com/go-diskcache/diskcache/engine"
)

// Tx is a transaction: the cache as it is, with its own changes on top. It is for the
// function that Update calls; later uses return ErrTxDone, and a use while another goroutine is
// in one ErrTxBusy.
type Tx struct {
	t *engine.Tx
	c *Cache
}

// Update calls fn and then makes the changes that fn made through tx, all at once
// or, if fn returns an error or panics, none of them. Between what fn reads and
// what it writes no other change of the cache comes. Other writers wait for fn;
// readers do not. fn must use tx only: a change through the Cache waits for fn,
// and so for ever.
//
// Time goes on in a transaction: what it has read may be over as it commits, and others may
// have found it so.
//
// A transaction is limited by what fits a segment, twice SegmentSize or so:
// ErrTooLarge. Its other errors are those of Set and those of fn, as they are.
func (c *Cache) Update(fn func(tx *Tx) error) error {
	return c.e.Load().Update(func(t *engine.Tx) error { return fn(&Tx{t, c}) })
}

// UpdateContext is Update that waits for other transactions and other processes only as long
// as ctx lets it, and returns ErrTimeout then. It does not end fn.
func (c *Cache) UpdateContext(ctx context.Context, fn func(tx *Tx) error) error {
	return c.e.Load().UpdateContext(ctx, func(t *engine.Tx) error { return fn(&Tx{t, c}) })
}

// Get returns the value of key, which is the caller's.
func (tx *Tx) Get(key string) ([]byte, error) { return tx.t.Get(key, nil) }

// GetAppend appends the value of key to buf.
func (tx *Tx) GetAppend(key string, buf []byte) ([]byte, error) { return tx.t.Get(key, buf) }

// Item returns the value of key and what is known of it. Of what the transaction itself has
// set Stored, Created and Version are zero.
func (tx *Tx) Item(key string) (Item, error) { return made(tx.t.GetItem(key)) }

// Has reports whether key has an item.
func (tx *Tx) Has(key string) (bool, error) {
	_, err := tx.t.Item(key)
	return engine.Present(err)
}

// Set stores value under key. The caller keeps value, and may change it at once.
func (tx *Tx) Set(key string, value []byte, opts ...SetOption) error {
	a, err := tx.c.attrs(opts)
	if err != nil {
		return err
	}
	return tx.t.Set(key, value, a)
}

// Delete removes key and reports whether it had an item.
func (tx *Tx) Delete(key string) (bool, error) { return tx.t.Delete(key) }

// Add is Cache.Add.
func (tx *Tx) Add(key string, value []byte, opts ...SetOption) (bool, error) {
	return tx.c.setIf(tx.t, key, value, engine.IfAbsent, opts)
}

// Replace is Cache.Replace.
func (tx *Tx) Replace(key string, value []byte, opts ...SetOption) (bool, error) {
	return tx.c.setIf(tx.t, key, value, engine.IfPresent, opts)
}

// CompareAndSwap is Cache.CompareAndSwap. What the transaction itself has set has no version
// that could be given.
func (tx *Tx) CompareAndSwap(key string, version uint64, value []byte, opts ...SetOption) (bool, error) {
	return tx.c.setIf(tx.t, key, value, engine.IfVersion(version), opts)
}

// GetOrSet is Cache.GetOrSet.
func (tx *Tx) GetOrSet(key string, value []byte, opts ...SetOption) (actual []byte, loaded bool, err error) {
	return tx.c.getOrSet(tx.t, key, value, opts)
}

// Incr is Cache.Incr.
func (tx *Tx) Incr(key string, delta int64, opts ...SetOption) (int64, error) {
	return tx.c.incr(tx.t, key, delta, false, opts)
}

// Decr is Cache.Decr.
func (tx *Tx) Decr(key string, delta int64, opts ...SetOption) (int64, error) {
	return tx.c.incr(tx.t, key, delta, true, opts)
}

// IncrFloat is Cache.IncrFloat.
func (tx *Tx) IncrFloat(key string, delta float64, opts ...SetOption) (float64, error) {
	return tx.c.incrFloat(tx.t, key, delta, opts)
}

// Touch is Cache.Touch.
func (tx *Tx) Touch(key string, opts ...SetOption) (bool, error) {
	return tx.c.touch(tx.t, key, opts)
}

// Pop is Cache.Pop.
func (tx *Tx) Pop(key string) (Item, error) { return made(tx.t.Pop(key)) }

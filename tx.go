package diskcache

import (
	"context"

	"github.com/go-diskcache/diskcache/engine"
)

// Tx is a transaction: the cache as it is, with its own changes on top. It is for
// the function that Update calls, and one goroutine; later uses return ErrTxDone.
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

// UpdateContext is Update that waits for other processes only as long as ctx lets it, and
// returns ErrTimeout then. It does not end fn.
func (c *Cache) UpdateContext(ctx context.Context, fn func(tx *Tx) error) error {
	return c.e.Load().UpdateContext(ctx, func(t *engine.Tx) error { return fn(&Tx{t, c}) })
}

// Get returns the value of key, which is the caller's.
func (tx *Tx) Get(key string) ([]byte, error) { return tx.t.Get(key, nil) }

// GetAppend appends the value of key to buf.
func (tx *Tx) GetAppend(key string, buf []byte) ([]byte, error) { return tx.t.Get(key, buf) }

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

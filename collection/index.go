package collection

import (
	"context"
	"errors"

	"github.com/go-diskcache/diskcache"
)

// Index is a map whose keys keep the order in which they were inserted: the items of a Store, or
// those whose keys begin with a prefix. Setting a key that is there keeps its place; one that was
// deleted and is set again comes last. All Indexes of one prefix in one store are the same map.
// Its methods may be called by any number of goroutines at once.
//
// Get, Set, Has, Delete, Pop and SetDefault are single operations of the store. Within a
// transaction they are those of the Txn, with the key that Key returns.
type Index struct {
	store  diskcache.Store
	prefix string
}

// NewIndex returns the map of the items of s whose keys begin with prefix, of all of them if it is
// empty. Its keys are without the prefix. With a prefix, what is about the order (PeekItem,
// PopItem, iteration) passes over the other items of the store, and Len and Clear walk it.
func NewIndex(s diskcache.Store, prefix string) *Index { return &Index{store: s, prefix: prefix} }

// Key returns the key in the store of a key of the map.
func (x *Index) Key(key string) string { return x.prefix + key }

// Get returns the value of key, which is the caller's. Errors are those of Store.Get,
// diskcache.ErrNotFound among them.
func (x *Index) Get(key string) ([]byte, error) { return x.store.Get(x.Key(key)) }

// Has reports whether key is there.
func (x *Index) Has(key string) (bool, error) { return x.store.Has(x.Key(key)) }

// Set stores value under key. The caller keeps value.
func (x *Index) Set(key string, value []byte, opts ...diskcache.SetOption) error {
	return x.store.Set(x.Key(key), value, opts...)
}

// SetDefault returns the value of key, or stores one if there is none. loaded reports which.
func (x *Index) SetDefault(key string, value []byte, opts ...diskcache.SetOption) (actual []byte, loaded bool, err error) {
	return x.store.GetOrSet(x.Key(key), value, opts...)
}

// Update stores all items, in their order, or none.
func (x *Index) Update(items []diskcache.KeyValue, opts ...diskcache.SetOption) error {
	own := make([]diskcache.KeyValue, len(items))
	for i, kv := range items {
		own[i] = diskcache.KeyValue{Key: x.Key(kv.Key), Value: kv.Value}
	}
	return x.store.SetMany(own, opts...)
}

// Delete removes key and reports whether it was there.
func (x *Index) Delete(key string) (bool, error) { return x.store.Delete(x.Key(key)) }

// Pop removes key and returns its value. diskcache.ErrNotFound: it is not there.
func (x *Index) Pop(key string) ([]byte, error) {
	it, err := x.store.Pop(x.Key(key))
	return it.Value, err
}

// PeekItem returns the key that was inserted first (diskcache.Front) or last (diskcache.Back),
// and its value. ErrEmpty: there is none.
func (x *Index) PeekItem(side diskcache.Side) (diskcache.KeyValue, error) {
	if x.prefix == "" {
		return x.found(x.store.PeekItem(side))
	}
	for it, err := range x.store.ScanItems(x.all(side)) {
		if !errors.Is(err, diskcache.ErrNotFound) {
			return x.found(it, err)
		}
	}
	return diskcache.KeyValue{}, ErrEmpty
}

// PopItem removes the key that was inserted first or last and returns it with its value. ErrEmpty:
// there is none.
func (x *Index) PopItem(side diskcache.Side) (kv diskcache.KeyValue, err error) {
	err = x.update(func(tx diskcache.Txn) error {
		// The walk is one of the store, which is as the transaction has found it: nothing was
		// changed by it so far, and nobody else changes anything.
		kv, err = x.PeekItem(side)
		if err != nil {
			return err
		}
		_, err := tx.Delete(x.Key(kv.Key))
		return err
	})
	if err != nil {
		return diskcache.KeyValue{}, err
	}
	return kv, nil
}

// Len returns the number of keys; those that have expired and are not yet removed may count.
func (x *Index) Len() (n int, err error) {
	if x.prefix == "" {
		return x.store.Len()
	}
	for _, err := range x.store.Scan(x.any()) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Clear removes all keys and returns how many these were. With a prefix, those that are more than
// what the store takes in one transaction go one after the other.
func (x *Index) Clear() (n int, err error) {
	if x.prefix == "" {
		return x.store.Clear()
	}
	err = x.update(func(tx diskcache.Txn) (err error) {
		n, err = x.drop(tx)
		return err
	})
	if errors.Is(err, diskcache.ErrTooLarge) {
		return x.drop(x.store)
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// drop removes all keys by ops.
func (x *Index) drop(ops diskcache.Ops) (n int, err error) {
	for key, err := range x.store.Scan(x.any()) {
		if err != nil {
			return n, err
		}
		found, err := ops.Delete(key)
		if err != nil {
			return n, err
		}
		if found {
			n++
		}
	}
	return n, nil
}

// update calls fn within a transaction.
func (x *Index) update(fn func(tx diskcache.Txn) error) error {
	return diskcache.Transact(context.Background(), x.store, fn)
}

// found is the key and the value of an item of the store.
func (x *Index) found(it diskcache.Item, err error) (diskcache.KeyValue, error) {
	if errors.Is(err, diskcache.ErrNotFound) {
		return diskcache.KeyValue{}, ErrEmpty
	}
	if err != nil {
		return diskcache.KeyValue{}, err
	}
	return diskcache.KeyValue{Key: it.Key[len(x.prefix):], Value: it.Value}, nil
}

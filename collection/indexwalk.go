package collection

import (
	"bytes"
	"errors"
	"iter"

	"github.com/go-diskcache/diskcache"
)

// Keys returns all keys as they were inserted. Others may change the map during the walk: what is
// there all the while comes once, what is inserted after its beginning does not. A key that
// cannot be read yields its error, and the walk goes on.
func (x *Index) Keys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key, err := range x.store.Scan(x.all(diskcache.Front)) {
			if err == nil {
				key = key[len(x.prefix):]
			}
			if !yield(key, err) {
				return
			}
		}
	}
}

// Values returns the values of all keys as these were inserted, as Keys does the keys. They are
// the caller's.
func (x *Index) Values() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for kv, err := range x.Items() {
			if !yield(kv.Value, err) {
				return
			}
		}
	}
}

// Items returns all keys with their values as they were inserted.
func (x *Index) Items() iter.Seq2[diskcache.KeyValue, error] { return x.walk(diskcache.Front) }

// Backward is Items from what was inserted last to what was first.
func (x *Index) Backward() iter.Seq2[diskcache.KeyValue, error] { return x.walk(diskcache.Back) }

func (x *Index) walk(from diskcache.Side) iter.Seq2[diskcache.KeyValue, error] {
	return func(yield func(diskcache.KeyValue, error) bool) {
		for it, err := range x.store.ScanItems(x.all(from)) {
			if errors.Is(err, diskcache.ErrNotFound) {
				continue // it was removed meanwhile
			}
			if kv, err := x.found(it, err); !yield(kv, err) {
				return
			}
		}
	}
}

// all is the range of the map's keys.
func (x *Index) all(from diskcache.Side) diskcache.Range {
	return diskcache.Range{Order: diskcache.ByInsertion, Reverse: from == diskcache.Back, Prefix: x.prefix}
}

// any is the range of the map's keys where the order is of no matter: this one has them together.
func (x *Index) any() diskcache.Range {
	return diskcache.Range{Order: diskcache.ByKey, Prefix: x.prefix}
}

// Equal reports whether the map has the items given, in their order, and no others, all at one
// moment. Other writers wait while it looks.
func (x *Index) Equal(items []diskcache.KeyValue) (bool, error) {
	return x.compare(len(items), func(i int, kv diskcache.KeyValue) bool {
		return items[i].Key == kv.Key && bytes.Equal(items[i].Value, kv.Value)
	})
}

// EqualMap is Equal in any order.
func (x *Index) EqualMap(items map[string][]byte) (bool, error) {
	return x.compare(len(items), func(_ int, kv diskcache.KeyValue) bool {
		v, found := items[kv.Key]
		return found && bytes.Equal(v, kv.Value)
	})
}

// compare reports whether the map has n items at one moment, and same is true of each of them.
func (x *Index) compare(n int, same func(i int, kv diskcache.KeyValue) bool) (equal bool, err error) {
	look := func(diskcache.Txn) error {
		i := 0
		for kv, err := range x.Items() {
			if err != nil {
				return err
			}
			if i == n || !same(i, kv) {
				return nil
			}
			i++
		}
		equal = i == n
		return nil
	}
	err = x.update(look)
	if errors.Is(err, diskcache.ErrReadOnly) { // nobody can be kept out
		err = look(nil)
	}
	return equal && err == nil, err
}

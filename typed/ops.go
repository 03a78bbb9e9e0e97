package typed

import (
	"github.com/go-diskcache/diskcache"
)

// Ops are the operations of a Store, and of a transaction of the store below (Store.In). What
// is said of those of diskcache.Ops holds for them; errors beside are *DecodeError and
// *EncodeError.
type Ops[K, V any] struct {
	o diskcache.Ops
	coding[K, V]
}

// coding is how keys and values are bytes.
type coding[K, V any] struct {
	prefix string
	keys   Keys[K]
	values Serializer[V]
}

func (c *coding[K, V]) key(key K) string { return c.prefix + c.keys.Encode(key) }

func (c *coding[K, V]) encode(key K, value V) (string, []byte, error) {
	k := c.key(key)
	b, err := c.values.Marshal(value)
	if err != nil {
		return k, nil, &EncodeError{k, err}
	}
	return k, b, nil
}

func (c *coding[K, V]) decode(it diskcache.Item) (v V, t trailer, err error) {
	b, t, err := split(it)
	if err == nil {
		v, err = c.values.Unmarshal(b)
	}
	if err != nil {
		var zero V
		return zero, trailer{}, &DecodeError{it.Key, err}
	}
	return v, t, nil
}

func (c *coding[K, V]) item(it diskcache.Item) (x Item[K, V], err error) {
	x.Meta = it
	if x.Key, err = c.keys.Decode(it.Key[len(c.prefix):]); err != nil {
		return x, &DecodeError{it.Key, err}
	}
	x.Value, _, err = c.decode(it)
	return x, err
}

// Get returns the value of key.
func (o *Ops[K, V]) Get(key K) (v V, err error) {
	it, err := o.o.Item(o.key(key))
	if err != nil {
		return v, err
	}
	v, _, err = o.decode(it)
	return v, err
}

// Item returns the value of key and what is known of it.
func (o *Ops[K, V]) Item(key K) (Item[K, V], error) {
	it, err := o.o.Item(o.key(key))
	if err != nil {
		return Item[K, V]{}, err
	}
	return o.item(it)
}

// Has reports whether key has an item. It may be one that cannot be decoded.
func (o *Ops[K, V]) Has(key K) (bool, error) { return o.o.Has(o.key(key)) }

// Set stores value under key.
func (o *Ops[K, V]) Set(key K, value V, opts ...diskcache.SetOption) error {
	k, b, err := o.encode(key, value)
	if err != nil {
		return err
	}
	return o.o.Set(k, b, opts...)
}

// Add stores value if key has no item.
func (o *Ops[K, V]) Add(key K, value V, opts ...diskcache.SetOption) (bool, error) {
	k, b, err := o.encode(key, value)
	if err != nil {
		return false, err
	}
	return o.o.Add(k, b, opts...)
}

// Replace stores value if key has an item.
func (o *Ops[K, V]) Replace(key K, value V, opts ...diskcache.SetOption) (bool, error) {
	k, b, err := o.encode(key, value)
	if err != nil {
		return false, err
	}
	return o.o.Replace(k, b, opts...)
}

// CompareAndSwap stores value if the item of key still has the version.
func (o *Ops[K, V]) CompareAndSwap(key K, version uint64, value V, opts ...diskcache.SetOption) (bool, error) {
	k, b, err := o.encode(key, value)
	if err != nil {
		return false, err
	}
	return o.o.CompareAndSwap(k, version, b, opts...)
}

// Touch changes when an item expires. What Fetch has stored is fresh for as long as Fetch said
// all the same.
func (o *Ops[K, V]) Touch(key K, opts ...diskcache.SetOption) (bool, error) {
	return o.o.Touch(o.key(key), opts...)
}

// Delete removes key and reports whether it had an item.
func (o *Ops[K, V]) Delete(key K) (bool, error) { return o.o.Delete(o.key(key)) }

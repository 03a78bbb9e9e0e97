package fanout

import (
	"context"

	"github.com/go-diskcache/diskcache"
)

// only returns the shard in which all keys are, if they are in one.
func (s *Store) only(n int, key func(i int) string) (shard diskcache.Store, home_ string, ok bool) {
	if n == 0 {
		return s.shards[0], "", true
	}
	home_ = home(key(0))
	at := place(home_, len(s.shards))
	for i := 1; i < n; i++ {
		if place(home(key(i)), len(s.shards)) != at {
			return nil, "", false
		}
	}
	return s.shards[at], home_, true
}

// GetMany returns the values of keys as they are at one moment. Where they are in several
// shards it waits for writers; with ReadOnly it does not, and each value is one that was there.
func (s *Store) GetMany(keys []string) (values [][]byte, err error) {
	if shard, home, ok := s.only(len(keys), func(i int) string { return keys[i] }); ok {
		h := s.gate.enter(home)
		defer h.RUnlock()
		return shard.GetMany(keys)
	}
	var from diskcache.Ops = s
	if !s.readOnly {
		t, err := s.begin(context.Background(), s.concerned(keys))
		if err != nil {
			return nil, err
		}
		defer func() { err = firstError(err, t.Rollback()) }()
		from = t
	}
	values = make([][]byte, len(keys))
	var errs []error
	for i, key := range keys {
		v, err := from.Get(key)
		switch {
		case isMiss(err):
		case err != nil:
			errs = append(errs, err)
		case v == nil:
			values[i] = []byte{}
		default:
			values[i] = v
		}
	}
	return values, joined(errs)
}

// SetMany stores all items, or none; where they are in several shards, as a transaction does.
func (s *Store) SetMany(items []diskcache.KeyValue, opts ...diskcache.SetOption) error {
	if shard, _, ok := s.only(len(items), func(i int) string { return items[i].Key }); ok {
		return shard.SetMany(items, opts...)
	}
	keys := make([]string, len(items))
	for i, it := range items {
		keys[i] = it.Key
	}
	return s.transact(keys, func(t *tx) error {
		for _, it := range items {
			if err := t.Set(it.Key, it.Value, opts...); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteMany removes all keys, and returns how many had an item; where they are in several
// shards, as a transaction does.
func (s *Store) DeleteMany(keys []string) (n int, err error) {
	if shard, _, ok := s.only(len(keys), func(i int) string { return keys[i] }); ok {
		return shard.DeleteMany(keys)
	}
	err = s.transact(keys, func(t *tx) error {
		for _, key := range keys {
			ok, err := t.Delete(key)
			if err != nil {
				return err
			}
			if ok {
				n++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// concerned returns for each shard whether it has one of the keys.
func (s *Store) concerned(keys []string) []bool {
	which := make([]bool, len(s.shards))
	for _, key := range keys {
		which[place(home(key), len(s.shards))] = true
	}
	return which
}

// transact runs fn in a transaction of the shards of some keys.
func (s *Store) transact(keys []string, fn func(t *tx) error) error {
	t, err := s.begin(context.Background(), s.concerned(keys))
	if err != nil {
		return err
	}
	if err := fn(t); err != nil {
		return firstError(err, t.Rollback())
	}
	return t.Commit()
}

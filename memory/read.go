package memory

import (
	"github.com/go-diskcache/diskcache"
)

// look calls fn with the slot of a key that has an item, under the lock of its shard alone.
func (s *Store) look(key string, fn func(*slot)) error {
	if err := s.closed(); err != nil {
		return err
	}
	h := s.table.shard(key)
	h.mu.RLock()
	defer h.mu.RUnlock()
	x, err := s.alive(h.slots[key])
	if err == nil {
		fn(x)
	}
	return err
}

// Get returns the value of key, which is the caller's. Errors: ErrNotFound, ErrExpired, which
// matches it, and ErrClosed.
func (s *Store) Get(key string) (value []byte, err error) {
	err = s.look(key, func(x *slot) {
		s.used(x)
		value = clone(x.value)
	})
	s.table.shard(key).count(err)
	return value, err
}

// GetAppend appends the value of key to buf, and allocates nothing where that has room. After
// an error it returns buf.
func (s *Store) GetAppend(key string, buf []byte) ([]byte, error) {
	err := s.look(key, func(x *slot) {
		s.used(x)
		buf = append(buf, x.value...)
	})
	s.table.shard(key).count(err)
	return buf, err
}

// Item returns the value of key and what is known of it.
func (s *Store) Item(key string) (it diskcache.Item, err error) {
	err = s.look(key, func(x *slot) {
		s.used(x)
		it = x.item()
	})
	s.table.shard(key).count(err)
	return it, err
}

// Has reports whether key has an item.
func (s *Store) Has(key string) (bool, error) {
	err := s.look(key, func(*slot) {})
	if isMiss(err) {
		return false, nil
	}
	return err == nil, err
}

func isMiss(err error) bool { return err == diskcache.ErrNotFound || err == diskcache.ErrExpired }

// GetMany returns the values of keys as they are at one moment.
func (s *Store) GetMany(keys []string) (values [][]byte, err error) {
	values = make([][]byte, len(keys))
	err = s.read(none, func(b *batch) error {
		for i, key := range keys {
			x, err := b.find(key)
			if err == nil {
				s.used(x)
				values[i] = clone(x.value)
			}
			s.table.shard(key).count(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// Len returns the number of items; those that have expired and are not yet removed count.
func (s *Store) Len() (n int, err error) {
	err = s.read(none, func(*batch) error {
		n = s.n
		return nil
	})
	return n, err
}

// Volume returns how many bytes the items take: keys, values, tags, and what is kept beside.
func (s *Store) Volume() (n int64, err error) {
	err = s.read(none, func(*batch) error {
		n = s.volume
		return nil
	})
	return n, err
}

// Stats returns the statistics. What is about a disk is 0.
func (s *Store) Stats() (st diskcache.Stats, err error) {
	c := &s.stats
	err = s.read(none, func(*batch) error {
		st = diskcache.Stats{
			Sets: c.sets.Load(), Deletes: c.deletes.Load(), SetBytes: c.setBytes.Load(),
			Evicted: c.evicted.Load(), EvictedBytes: c.evictedBytes.Load(),
			Expired: c.expired.Load(), ExpiredBytes: c.expiredBytes.Load(),
			Items: int64(s.n), LiveBytes: s.volume,
		}
		for i := range s.table.shards {
			st.Hits += s.table.shards[i].hits.Load()
			st.Misses += s.table.shards[i].misses.Load()
		}
		return nil
	})
	return st, err
}

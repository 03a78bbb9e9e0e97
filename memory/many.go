package memory

import (
	"context"

	"github.com/go-diskcache/diskcache"
)

// SetMany stores all items, or none, in the order given.
func (s *Store) SetMany(items []diskcache.KeyValue, opts ...diskcache.SetOption) error {
	a, err := s.attrs(opts)
	if err != nil {
		return err
	}
	return s.write(func(b *batch) error {
		for _, it := range items {
			if err := b.put(it.Key, it.Value, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteMany removes all keys, and returns how many had an item.
func (s *Store) DeleteMany(keys []string) (n int, err error) {
	err = s.write(func(b *batch) error {
		for _, key := range keys {
			if _, err := b.find(key); err == nil {
				b.delete(key)
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

// removeAll removes at one moment the slots that which returns, and returns how many these were.
func (s *Store) removeAll(which func() []*slot) (int, error) {
	if err := s.lock(context.Background()); err != nil {
		return 0, err
	}
	defer s.unlock()
	gone := which()
	s.remove(gone)
	return len(gone), nil
}

// EvictTag removes the items that have a tag, all at one moment. The empty tag is that of the
// items without one.
func (s *Store) EvictTag(tag string) (int, error) {
	return s.removeAll(func() (gone []*slot) {
		s.build(tagByAge)
		s.mu.RLock()
		defer s.mu.RUnlock()
		if tag == "" {
			for x := range s.table.all {
				if x.tag == "" {
					gone = append(gone, x)
				}
			}
			return gone
		}
		for _, c := range s.index.of(tagByAge, tag).chunks {
			gone = append(gone, c...)
		}
		return gone
	})
}

// expireBatch is how many items Expire removes at a moment, so that readers do not wait long.
const expireBatch = 256

// Expire removes the items whose time is over, and returns how many these were.
func (s *Store) Expire() (n int, err error) {
	for {
		gone, err := s.removeAll(func() []*slot {
			return s.takeExpired(&batch{s: s}, func(taken int) bool { return taken < expireBatch }, &extent{})
		})
		n += gone
		if err != nil || gone < expireBatch {
			return n, err
		}
	}
}

// Cull removes what has expired. There is never anything beyond the limits.
func (s *Store) Cull() (int, error) { return s.Expire() }

// Clear removes all items, at one moment, and returns how many these were.
func (s *Store) Clear() (n int, err error) {
	if err := s.lock(context.Background()); err != nil {
		return 0, err
	}
	defer s.unlock()
	s.mu.Lock()
	s.table.lock(allShards)
	n = s.n
	s.n, s.volume = 0, 0
	s.table.clear()
	s.index.clear()
	s.empty()
	s.table.unlock(allShards)
	s.mu.Unlock()
	s.waiters.wakeAll()
	return n, nil
}

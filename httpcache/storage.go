package httpcache

import (
	"context"
	"errors"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Storage is the Storage of gofiber/fiber, versions 2 and 3.
type Storage struct {
	store  diskcache.Store
	prefix string
}

// NewStorage returns the storage that s keeps under a prefix.
func NewStorage(s diskcache.Store, prefix string) *Storage { return &Storage{s, prefix} }

// Get returns the value of key, which is the caller's; nil, without an error, if there is none.
func (s *Storage) Get(key string) ([]byte, error) {
	v, _, err := find(s.store, s.prefix+key)
	return v, err
}

// Set stores val under key until exp has passed, for ever if it is zero. The caller keeps val. As
// fiber has it, an empty key or value is ignored without an error.
func (s *Storage) Set(key string, val []byte, exp time.Duration) error {
	if key == "" || len(val) == 0 {
		return nil
	}
	if exp == 0 {
		return s.store.Set(s.prefix+key, val)
	}
	return s.store.Set(s.prefix+key, val, diskcache.TTL(exp))
}

// Delete removes key. That there is none is no error.
func (s *Storage) Delete(key string) error {
	_, err := s.store.Delete(s.prefix + key)
	return err
}

// Reset removes all keys: those of the prefix, all of the store without one.
func (s *Storage) Reset() error { return s.ResetWithContext(context.Background()) }

// Close closes the store. What shares it should be closed before.
func (s *Storage) Close() error { return s.store.Close() }

// GetWithContext is Get, unless ctx has ended.
func (s *Storage) GetWithContext(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Get(key)
}

// SetWithContext is Set, unless ctx has ended.
func (s *Storage) SetWithContext(ctx context.Context, key string, val []byte, exp time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Set(key, val, exp)
}

// DeleteWithContext is Delete, unless ctx has ended.
func (s *Storage) DeleteWithContext(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Delete(key)
}

// ResetWithContext is Reset that waits for other writers no longer than ctx lets it. Keys of the
// prefix are removed all or none, or, if they are more than the store takes in one transaction,
// one after the other until ctx ends.
func (s *Storage) ResetWithContext(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.prefix == "" {
		_, err := s.store.Clear()
		return err
	}
	err := diskcache.Transact(ctx, s.store, func(tx diskcache.Txn) error { return s.drop(ctx, tx) })
	if errors.Is(err, diskcache.ErrTooLarge) {
		return s.drop(ctx, s.store)
	}
	return err
}

// drop removes the keys of the prefix by ops.
func (s *Storage) drop(ctx context.Context, ops diskcache.Ops) error {
	for key, err := range s.store.Scan(diskcache.Range{Order: diskcache.ByKey, Prefix: s.prefix}) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			_, err = ops.Delete(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

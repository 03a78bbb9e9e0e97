package main

import (
	"errors"
	"sync"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// store is what tortured clients work with: the cache, or in tests something that is
// known to be right, or wrong in a way that must be found. A key that is missing is
// diskcache.ErrNotFound.
type store interface {
	Get(key string) ([]byte, error)
	Set(key string, value []byte, ttl time.Duration) error // a ttl of 0 has no end
	Delete(key string) (bool, error)
	Update(fn func(tx transaction) error) error
	Incr(key string, delta int64) (int64, error)
	Add(key string, value []byte) (bool, error)
	Item(key string) (value []byte, version uint64, err error)
	CompareAndSwap(key string, version uint64, value []byte) (bool, error)
	Push(prefix string, value []byte, back bool) error
	Pull(prefix string, back bool) ([]byte, error)
	Clear() error
	Compact() error
	Reopen() error
	Counts() (history.Counts, error) // what came since Counts was called before
	Close() error
}

// transaction is what store.Update hands out.
type transaction interface {
	Get(key string) ([]byte, error)
	Set(key string, value []byte) error
	Delete(key string) (bool, error)
}

// cacheStore is the cache of a process.
type cacheStore struct {
	dir  string
	opts diskcache.Options

	patience time.Duration // for how long it is tried again to open the cache

	mu    sync.RWMutex // held for writing while the cache is closed and opened again
	cache *diskcache.Cache

	countsMu sync.Mutex
	told     history.Counts // of this opening
}

// Small enough that a second meets all that a cache does in a day.
const (
	tortureFileThreshold = 8 << 10
	tortureSegment       = 64 << 10
)

func tortureOptions(limit int64) diskcache.Options {
	return diskcache.Options{SegmentSize: segmentOf(limit), FileThreshold: tortureFileThreshold, SizeLimit: limit, Now: tortureClock}
}

// tortureClock is what items expire by: the clock of the histories, so that it is known
// to the nanosecond whether an item may be there still.
func tortureClock() time.Time { return time.Unix(1<<31, monotonic()) }

// segmentOf returns the length of segments within a limit, of which there must be several.
func segmentOf(limit int64) int64 {
	if limit == 0 {
		return tortureSegment
	}
	return min(tortureSegment, limit/8)
}

func openStore(dir string, o diskcache.Options, patience time.Duration) (*cacheStore, error) {
	s := &cacheStore{dir: dir, opts: o, patience: patience}
	return s, s.open()
}

// betweenOpens is how long it is waited before a cache is opened that could not be.
const betweenOpens = 250 * time.Millisecond

func (s *cacheStore) open() (err error) {
	for begin := time.Now(); ; time.Sleep(betweenOpens) {
		s.cache, err = diskcache.Open(s.dir, &s.opts)
		if err == nil || time.Since(begin) >= s.patience {
			return err
		}
	}
}

func (s *cacheStore) use() (c *diskcache.Cache, done func()) {
	s.mu.RLock()
	return s.cache, s.mu.RUnlock
}

func (s *cacheStore) Get(key string) ([]byte, error) {
	c, done := s.use()
	defer done()
	return c.Get(key)
}

func (s *cacheStore) Set(key string, value []byte, ttl time.Duration) error {
	c, done := s.use()
	defer done()
	if ttl != 0 {
		return c.Set(key, value, diskcache.TTL(ttl))
	}
	return c.Set(key, value)
}

func (s *cacheStore) Delete(key string) (bool, error) {
	c, done := s.use()
	defer done()
	return c.Delete(key)
}

func (s *cacheStore) Update(fn func(tx transaction) error) error {
	c, done := s.use()
	defer done()
	return c.Update(func(tx *diskcache.Tx) error { return fn(cacheTx{tx}) })
}

func (s *cacheStore) Incr(key string, delta int64) (int64, error) {
	c, done := s.use()
	defer done()
	return c.Incr(key, delta)
}

func (s *cacheStore) Add(key string, value []byte) (bool, error) {
	c, done := s.use()
	defer done()
	return c.Add(key, value)
}

func (s *cacheStore) Item(key string) ([]byte, uint64, error) {
	c, done := s.use()
	defer done()
	it, err := c.Item(key)
	return it.Value, it.Version, err
}

func (s *cacheStore) CompareAndSwap(key string, version uint64, value []byte) (bool, error) {
	c, done := s.use()
	defer done()
	return c.CompareAndSwap(key, version, value)
}

func (s *cacheStore) Push(prefix string, value []byte, back bool) error {
	c, done := s.use()
	defer done()
	_, err := c.Push(prefix, value, sideOf(back))
	return err
}

func (s *cacheStore) Pull(prefix string, back bool) ([]byte, error) {
	c, done := s.use()
	defer done()
	it, err := c.Pull(prefix, sideOf(back))
	return it.Value, err
}

func sideOf(back bool) diskcache.Side {
	if back {
		return diskcache.Back
	}
	return diskcache.Front
}

func (s *cacheStore) Clear() error {
	c, done := s.use()
	defer done()
	_, err := c.Clear()
	return err
}

func (s *cacheStore) Compact() error {
	c, done := s.use()
	defer done()
	return c.Compact()
}

func (s *cacheStore) Counts() (history.Counts, error) {
	c, done := s.use()
	defer done()
	s.countsMu.Lock()
	defer s.countsMu.Unlock()
	stats, err := c.Stats()
	if err != nil {
		return history.Counts{}, err
	}
	now := history.Counts{Evicted: stats.Evicted, Compactions: stats.Compactions}
	more := history.Counts{Evicted: now.Evicted - s.told.Evicted, Compactions: now.Compactions - s.told.Compactions}
	s.told = now
	return more, nil
}

// Reopen closes the cache and opens it again; the other clients of the process wait.
func (s *cacheStore) Reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = history.Counts{}
	err := s.cache.Close()
	if s.patience > 0 {
		err = nil // it is known by the operations what was lost
	}
	return errors.Join(err, s.open())
}

func (s *cacheStore) Close() error { return s.cache.Close() }

type cacheTx struct{ *diskcache.Tx }

func (tx cacheTx) Set(key string, value []byte) error { return tx.Tx.Set(key, value) }

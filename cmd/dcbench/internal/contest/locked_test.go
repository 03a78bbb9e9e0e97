package contest_test

import "sync"

// lockedStore is a map that several goroutines may use.
type lockedStore struct {
	mapStore
	mu sync.Mutex
}

func (s *lockedStore) Set(key, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mapStore.Set(key, value)
}

func (s *lockedStore) Get(key, buf []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mapStore.Get(key, buf)
}

func (s *lockedStore) Delete(key []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mapStore.Delete(key)
}

func (s *lockedStore) Batch(keys, values [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mapStore.Batch(keys, values)
}

package fanout

import (
	"container/list"
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// lru is a shard in memory whose limits can be changed: of items, and of bytes, all values
// being of one size.
type lru struct {
	diskcache.Store // nothing of it

	mu    sync.Mutex
	set   diskcache.Settings
	size  int64 // of an item
	items map[string]*list.Element
	order *list.List // what was used last comes first
	stats diskcache.Stats
	after func() // called after the settings were changed
}

func newLRU(size int64, limit amounts) *lru {
	return &lru{
		set: diskcache.Settings{SizeLimit: limit[bytes], CountLimit: limit[items]}, size: size,
		items: make(map[string]*list.Element), order: list.New(), after: func() {},
	}
}

func (c *lru) Get(key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		c.stats.Misses++
		return nil, diskcache.ErrNotFound
	}
	c.stats.Hits++
	c.order.MoveToFront(e)
	return nil, nil
}

func (c *lru) Set(key string, _ []byte, _ ...diskcache.SetOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items[key] = c.order.PushFront(key)
	c.evict()
	return nil
}

func (c *lru) evict() {
	most := c.set.CountLimit
	if n := c.set.SizeLimit / c.size; c.set.SizeLimit > 0 && (most == 0 || n < most) {
		most = n
	}
	for int64(c.order.Len()) > most {
		delete(c.items, c.order.Remove(c.order.Back()).(string))
		c.stats.Evicted++
		c.stats.EvictedBytes += c.size
	}
}

func (c *lru) Cull() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evict()
	return 0, nil
}

func (c *lru) Stats() (diskcache.Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Items = int64(c.order.Len())
	c.stats.DiskBytes = c.stats.Items * c.size
	return c.stats, nil
}

func (c *lru) Settings() (diskcache.Settings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set, nil
}

func (c *lru) ConfigureContext(_ context.Context, fn func(*diskcache.Settings)) error {
	c.mu.Lock()
	fn(&c.set)
	c.mu.Unlock()
	c.after()
	return nil
}

func (c *lru) Close() error { return nil }

// newModel returns a store of such shards that have equal parts of a whole, and the notes of it in
// a directory.
func newModel(t *testing.T, n int, size int64, whole amounts) *Store {
	t.Helper()
	notes, err := openNotes(t.TempDir(), &diskcache.Options{})
	require.NoError(t, err)
	k, err := readNotes(notes, n)
	require.NoError(t, err)
	k.Whole = whole
	require.NoError(t, k.write(notes))
	var shards []limited
	s := newStore(nil)
	for range n {
		c := newLRU(size, amounts{whole[bytes] / int64(n), whole[items] / int64(n)})
		shards, s.shards = append(shards, c), append(s.shards, c)
	}
	s.balancer = newBalancer(shards, notes, nil)
	return s
}

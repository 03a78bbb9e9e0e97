package memory

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const shards = 64

// table finds the slot of a key. Slots come and go under Store.mu and the locks of their shards,
// by one writer at a time; who has neither that turn nor Store.mu reads under the shard's lock.
type table struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu           sync.RWMutex
	slots        map[string]*slot
	hits, misses atomic.Int64
	_            [64]byte // neighbours are in other cache lines
}

func (t *table) init() {
	t.seed = maphash.MakeSeed()
	for i := range t.shards {
		t.shards[i].slots = make(map[string]*slot)
	}
}

func (t *table) number(key string) int { return int(maphash.String(t.seed, key) % shards) }

func (t *table) shard(key string) *shard { return &t.shards[t.number(key)] }

// get returns the slot of a key, or nil.
func (t *table) get(key string) *slot { return t.shard(key).slots[key] }

func (t *table) put(s *slot) { t.shard(s.key).slots[s.key] = s }

func (t *table) remove(s *slot) { delete(t.shard(s.key).slots, s.key) }

// all yields every slot, in no order.
func (t *table) all(yield func(*slot) bool) {
	for i := range t.shards {
		for _, s := range t.shards[i].slots {
			if !yield(s) {
				return
			}
		}
	}
}

// locks is a set of shards.
type locks uint64

func (l *locks) add(shard int) { *l |= 1 << shard }

// lock locks the shards of a set, always in the same order.
func (t *table) lock(l locks) {
	for i := range t.shards {
		if l&(1<<i) != 0 {
			t.shards[i].mu.Lock()
		}
	}
}

func (t *table) unlock(l locks) {
	for i := range t.shards {
		if l&(1<<i) != 0 {
			t.shards[i].mu.Unlock()
		}
	}
}

// count notes whether a read has found something.
func (s *shard) count(err error) {
	if err == nil {
		s.hits.Add(1)
	} else {
		s.misses.Add(1)
	}
}

const allShards = ^locks(0)

func (t *table) clear() {
	for i := range t.shards {
		t.shards[i].slots = make(map[string]*slot)
	}
}

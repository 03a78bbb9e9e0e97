package keydir

import (
	"sync"
	"sync/atomic"
)

// A side table holds what has no slot: the second and further keys of an
// identity, with their keys in full. It is rarely there at all, so it may be
// slow and roomy.
type side struct {
	mu    sync.RWMutex
	items map[uint64][]*sideItem // by identity
	count int
	bytes int // of the keys
}

// A sideItem is an entry. Readers change its hits and its rank.
type sideItem struct {
	key   string
	place uint64
	class uint8
	hits  atomic.Uint32
	rank  atomic.Uint64
}

func (it *sideItem) entry() Entry {
	return Entry{Place: it.place, Class: it.class, Hits: uint8(it.hits.Load()), Rank: it.rank.Load()}
}

func (it *sideItem) set(e Entry) {
	it.place, it.class = e.Place, e.Class
	it.hits.Store(uint32(e.Hits))
	it.rank.Store(e.Rank)
}

func newSide() *side { return &side{items: make(map[uint64][]*sideItem)} }

func (t *side) lookup(identity uint64, key []byte) (Entry, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, it := range t.items[identity] {
		if it.key == string(key) {
			return it.entry(), true
		}
	}
	return Entry{}, false
}

// at returns the item of this identity at a place, or nil. The caller holds mu.
func (t *side) at(identity, place uint64) *sideItem {
	for _, it := range t.items[identity] {
		if it.place == place {
			return it
		}
	}
	return nil
}

func (t *side) touch(identity, place uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if it := t.at(identity, place); it != nil {
		if n := it.hits.Load(); n < MaxHits {
			it.hits.CompareAndSwap(n, n+1)
		}
	}
}

func (t *side) rank(identity, place uint64) (uint64, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if it := t.at(identity, place); it != nil {
		return it.rank.Load(), true
	}
	return 0, false
}

func (t *side) setRank(identity, place, old, new uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	it := t.at(identity, place)
	return it != nil && it.rank.CompareAndSwap(old, new)
}

// like returns how many entries have this identity.
func (t *side) like(identity uint64) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.items[identity])
}

// put inserts or replaces an entry, and reports whether it is new.
func (t *side) put(identity uint64, key string, e Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	group := t.items[identity]
	for _, it := range group {
		if it.key == key {
			it.set(e)
			return false
		}
	}
	it := &sideItem{key: key}
	it.set(e)
	t.items[identity] = append(group, it)
	t.count++
	t.bytes += len(key)
	return true
}

// remove deletes an entry, if it is there, and returns how many are left.
func (t *side) remove(identity uint64, key []byte) (left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	group := t.items[identity]
	for i := range group {
		if group[i].key != string(key) {
			continue
		}
		last := len(group) - 1
		group[i] = group[last]
		group[last] = nil
		if t.items[identity] = group[:last]; last == 0 {
			delete(t.items, identity)
		}
		t.count--
		t.bytes -= len(key)
		break
	}
	return t.count
}

// move replaces the entry of this identity at place from. Its rank stays.
func (t *side) move(identity, from uint64, to Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	it := t.at(identity, from)
	if it == nil {
		return false
	}
	to.Rank = it.rank.Load()
	it.set(to)
	return true
}

// each calls f for all entries.
func (t *side) each(f func(identity uint64, e Entry)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for identity, group := range t.items {
		for _, it := range group {
			f(identity, it.entry())
		}
	}
}

// memBytes is about what the entries take: their keys, a slice of one item and
// its place in the map.
func (t *side) memBytes() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.bytes + t.count*120
}

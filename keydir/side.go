package keydir

import "sync"

// A side table holds what has no slot: the second and further keys of an
// identity, with their keys in full. It is rarely there at all, so it may be
// slow and roomy.
type side struct {
	mu    sync.RWMutex
	items map[uint64][]sideItem // by identity
	count int
	bytes int // of the keys
}

type sideItem struct {
	key   string
	entry Entry
}

func newSide() *side { return &side{items: make(map[uint64][]sideItem)} }

func (t *side) lookup(identity uint64, key []byte) (Entry, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, it := range t.items[identity] {
		if it.key == string(key) {
			return it.entry, true
		}
	}
	return Entry{}, false
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
	for i := range group {
		if group[i].key == key {
			group[i].entry = e
			return false
		}
	}
	t.items[identity] = append(group, sideItem{key, e})
	t.count++
	t.bytes += len(key)
	return true
}

// remove deletes an entry, reports whether it was there, and how many are left.
func (t *side) remove(identity uint64, key []byte) (removed bool, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	group := t.items[identity]
	for i := range group {
		if group[i].key != string(key) {
			continue
		}
		last := len(group) - 1
		group[i] = group[last]
		group[last] = sideItem{}
		if t.items[identity] = group[:last]; last == 0 {
			delete(t.items, identity)
		}
		t.count--
		t.bytes -= len(key)
		return true, t.count
	}
	return false, t.count
}

// move replaces the entry of this identity at place from.
func (t *side) move(identity, from uint64, to Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	group := t.items[identity]
	for i := range group {
		if group[i].entry.Place == from {
			group[i].entry = to
			return true
		}
	}
	return false
}

func (t *side) entries(dst []Entry) []Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, group := range t.items {
		for _, it := range group {
			dst = append(dst, it.entry)
		}
	}
	return dst
}

// memBytes is about what the entries take: their keys, a slice of one item and
// its place in the map.
func (t *side) memBytes() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.bytes + t.count*96
}

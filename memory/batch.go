package memory

import (
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// batch is the store as it is with changes on top, which apply makes. Who has one holds the
// writer lock; one that only reads may hold Store.mu in its place.
type batch struct {
	s       *Store
	reads   bool // Store.mu is held, and nothing is changed
	changes []change
	at      map[string]int // where the change of a key is; nil while there are few
	own     indexes        // of the slots that were changed
	skipped map[end]place  // how far the slots at an end of a list have been changed
	one     [1]change
}

// change is a key that was set or, if its slot is nil, deleted.
type change struct {
	key string
	*slot
}

// end is an end of a list of the store.
type end struct {
	order order
	name  string
	back  bool
}

const few = 8 // changes that are looked through one by one

// changed returns the change of a key, or nil. It is good until the next change.
func (b *batch) changed(key string) *change {
	if b.at != nil {
		if i, ok := b.at[key]; ok {
			return &b.changes[i]
		}
		return nil
	}
	for i := range b.changes {
		if b.changes[i].key == key {
			return &b.changes[i]
		}
	}
	return nil
}

// find returns the slot of a key that has an item.
func (b *batch) find(key string) (*slot, error) {
	var s *slot
	if c := b.changed(key); c != nil {
		s = c.slot
	} else {
		s = b.s.table.get(key)
	}
	return b.s.alive(s)
}

// isOwn reports whether the key was changed here.
func (b *batch) isOwn(key string) bool { return b.changed(key) != nil }

// item returns what is known of a slot. What is set here has no version yet that others will
// know.
func (b *batch) item(s *slot) diskcache.Item {
	it := s.item()
	if !b.reads && b.isOwn(s.key) {
		it.Version = 0
	}
	return it
}

// put sets a key.
func (b *batch) put(key string, value []byte, a diskcache.Attrs) error {
	if len(key) > diskcache.MaxKeySize {
		return fmt.Errorf("%w: a key of %d bytes, the limit is %d", diskcache.ErrTooLarge, len(key), diskcache.MaxKeySize)
	}
	version := b.s.nextVersion()
	e := &entry{value: clone(value), tag: a.Tag, version: version, stored: version, kind: a.Kind}
	if !a.Expires.IsZero() {
		e.expires = a.Expires.UnixNano()
	}
	b.putEntry(key, e)
	return nil
}

// putEntry gives a key that has an item another entry, in the same place; else it is the last
// that was inserted.
func (b *batch) putEntry(key string, e *entry) {
	first := e.version
	if s, err := b.find(key); err == nil {
		first = s.first
	}
	b.change(key, newSlot(key, first, e))
}

func (b *batch) delete(key string) { b.change(key, nil) }

func (b *batch) change(key string, s *slot) {
	if c := b.changed(key); c != nil {
		if c.slot != nil {
			b.own.remove(c.slot)
		}
		c.slot = s
	} else {
		b.append(change{key, s})
	}
	if s != nil {
		b.own.add(s)
	}
}

func (b *batch) append(c change) {
	if b.changes == nil {
		b.changes = b.one[:0]
	}
	b.changes = append(b.changes, c)
	switch n := len(b.changes); {
	case b.at != nil:
		b.at[c.key] = n - 1
	case n > few:
		b.at = make(map[string]int, 4*few)
		for i, c := range b.changes {
			b.at[c.key] = i
		}
	}
}

// slots yields those that were set.
func (b *batch) slots(yield func(*slot) bool) {
	for _, c := range b.changes {
		if c.slot != nil && !yield(c.slot) {
			return
		}
	}
}

package engine

import (
	"errors"

	"pgregory.net/rapid"
)

// update commits a transaction.
func (m *model) update() {
	before, evicted := m.snapshot(), m.evicted
	keys, err := m.transaction(nil)
	if m.refused(err, "update") {
		m.items, m.evicted = before, evicted
	}
	m.lookForEvicted()
	for _, key := range keys {
		m.compare(key)
	}
}

// updateFails rolls a transaction back, by an error or by a panic.
func (m *model) updateFails() {
	before, evicted := m.snapshot(), m.evicted
	panics := rapid.Bool().Draw(m.T, "panics")
	keys, err := m.transaction(func() error {
		if panics {
			panic(errModel)
		}
		return errModel
	})
	if !errors.Is(err, errModel) && !m.refused(err, "update that fails") {
		m.Fatalf("update that fails: %v", err)
	}
	m.items, m.evicted = before, evicted
	m.lookForEvicted()
	for _, key := range keys {
		m.compare(key)
	}
}

func (m *model) snapshot() map[string]*modelItem {
	c := make(map[string]*modelItem, len(m.items))
	for k, v := range m.items {
		c[k] = v
	}
	return c
}

// transaction does some things in an Update that ends with end, in the map too,
// and returns which keys it changed.
func (m *model) transaction(end func() error) (keys []string, err error) {
	if end == nil {
		end = func() error { return nil }
	}
	n := rapid.IntRange(0, 6).Draw(m.T, "operations")
	changed := make(map[string]bool)
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			if !ok || !errors.Is(e, errModel) {
				panic(r)
			}
			err = e
		}
	}()
	var kept *Tx
	err = m.e.Update(func(tx *Tx) error {
		kept = tx
		for range n {
			key := m.key()
			if !changed[key] {
				m.evictedBefore(key)
			}
			if m.inTx(tx, key) && !changed[key] {
				changed[key] = true
				keys = append(keys, key)
			}
		}
		return end()
	})
	if _, err := kept.Get("a", nil); !errors.Is(err, ErrTxDone) {
		m.Fatalf("a transaction that has ended: %v", err)
	}
	return keys, err
}

// inTx does one thing in a transaction, and reports whether key has changed.
func (m *model) inTx(tx *Tx, key string) bool {
	switch rapid.IntRange(0, 5).Draw(m.T, "in the transaction") {
	case 0:
		v, err := tx.Get(key, nil)
		m.compareValue(key, v, err, "get in a transaction")
		return false
	case 1:
		existed, err := tx.Delete(key)
		m.must(err, "delete in a transaction")
		m.saw(key, existed, "delete in a transaction")
		had := m.items[key] != nil
		delete(m.items, key)
		return had
	case 2, 3:
		changed := m.change(tx, key)
		v, err := tx.Get(key, nil)
		m.compareValue(key, v, err, "get in a transaction, after a change")
		return changed
	}
	value, a := m.value(), m.attrs()
	if m.refused(tx.Set(key, value, a), "set in a transaction") {
		return false
	}
	m.store(key, value, a)
	m.items[key].first = 0 // it may have been deleted before, in the same transaction
	v, err := tx.Get(key, nil)
	m.compareValue(key, v, err, "get in a transaction, after a set")
	return true
}

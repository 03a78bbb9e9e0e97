package engine

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"

	"pgregory.net/rapid"
)

// What depends on what is there, done to an engine or within a transaction, and to the map.

// changer is an engine, or a transaction of it.
type changer interface {
	GetItem(key string) (Item, []byte, error)
	GetOrSet(key string, value []byte, a Attrs) ([]byte, bool, error)
	SetIf(key string, value []byte, a Attrs, c Condition) (bool, error)
	Incr(key string, delta int64, subtract bool, a Attrs) (int64, error)
	IncrFloat(key string, delta float64, a Attrs) (float64, error)
	Touch(key string, expires int64) (bool, error)
	Pop(key string) (Item, []byte, error)
}

func (m *model) changeOne() {
	key := m.key()
	m.change(m.e, key)
	m.lookForEvicted()
	m.compare(key)
}

// change does one such thing. It reports whether key may have changed.
func (m *model) change(to changer, key string) bool {
	switch rapid.IntRange(0, 5).Draw(m.T, "change") {
	case 0, 1:
		return m.setIf(to, key)
	case 2:
		return m.getOrSet(to, key)
	case 3:
		return m.count(to, key)
	case 4:
		return m.touch(to, key)
	}
	return m.pop(to, key)
}

// found is saw for an operation that may itself have given up what was there, to make room.
func (m *model) found(key string, existed bool, what string) {
	m.Helper()
	if !existed && m.lifeOf(key) == alive && m.evicts() {
		m.evicted++
		delete(m.items, key)
	}
	m.saw(key, existed, what)
}

// evicts reports whether something was given up that the model does not know of.
func (m *model) evicts() bool {
	s, err := m.e.Stats()
	m.must(err, "stats")
	return s.Evicted > m.evicted
}

func (m *model) setIf(to changer, key string) bool {
	value, a := m.value(), m.attrs()
	when, wants := IfAbsent, func(existed bool) bool { return !existed }
	switch rapid.IntRange(0, 3).Draw(m.T, "condition") {
	case 0:
		when, wants = IfPresent, func(existed bool) bool { return existed }
	case 1:
		it, _, err := to.GetItem(key)
		if err == nil && it.Stored == 0 {
			break // it is the transaction's own
		}
		when, wants = IfVersion(it.Stored), func(existed bool) bool { return existed == (err == nil) }
	case 2:
		when, wants = IfVersion(1), func(bool) bool { return false } // nothing has that
	}
	given := slices.Clone(value)
	ok, err := to.SetIf(key, given, a, when)
	clear(given)
	if m.refused(err, "set if") {
		return false
	}
	switch {
	case wants(true) != wants(false):
		m.found(key, ok == wants(true), "set if")
	case ok:
		m.Fatalf("set if: %q was set, in place of another version", key)
	}
	if ok {
		m.storeNow(to, key, value, a)
	}
	return ok
}

// storeNow is store, for what is stored in a transaction too: the key may have been deleted
// before by the same one, so that when it was first stored is not known.
func (m *model) storeNow(to changer, key string, value []byte, a Attrs) {
	m.store(key, value, a)
	if to != changer(m.e) {
		m.items[key].first = 0
	}
}

func (m *model) getOrSet(to changer, key string) bool {
	value, a := m.value(), m.attrs()
	v, loaded, err := to.GetOrSet(key, value, a)
	if m.refused(err, "get or set") {
		return false
	}
	m.found(key, loaded, "get or set")
	if !loaded {
		m.storeNow(to, key, value, a)
	}
	if !bytes.Equal(v, m.items[key].value) {
		m.Fatalf("get or set: %q has %d bytes that are not the %d stored", key, len(v), len(m.items[key].value))
	}
	return !loaded
}

func (m *model) touch(to changer, key string) bool {
	expires := m.attrs().Expires
	ok, err := to.Touch(key, expires)
	if m.refused(err, "touch") {
		return false
	}
	m.found(key, ok, "touch")
	if !ok {
		return false
	}
	it := *m.items[key]
	a := it.attrs
	a.Expires = expires
	m.storeNow(to, key, it.value, a)
	m.items[key].first = it.first
	return true
}

func (m *model) pop(to changer, key string) bool {
	it, v, err := to.Pop(key)
	m.compareItem(key, it, err)
	m.compareValue(key, v, err, "pop")
	if err == nil {
		delete(m.items, key)
	}
	return err == nil
}

// count counts by one of the ways, by as much as overflows now and then.
func (m *model) count(to changer, key string) bool {
	a := m.attrs()
	if rapid.IntRange(0, 3).Draw(m.T, "float") == 0 {
		delta := rapid.SampledFrom([]float64{0, 1, -0.5, 1e300, math.MaxFloat64, -math.MaxFloat64, math.Inf(1)}).Draw(m.T, "delta")
		sum, err := to.IncrFloat(key, delta, a)
		return m.counted(to, key, a, []byte(strconv.FormatFloat(sum, 'g', -1, 64)), err, func(old string) (string, bool) {
			n, err := strconv.ParseFloat(old, 64)
			n += delta
			return strconv.FormatFloat(n, 'g', -1, 64), err == nil && !math.IsInf(n, 0)
		})
	}
	delta := rapid.SampledFrom([]int64{0, 1, -1, 7, math.MaxInt64, math.MinInt64}).Draw(m.T, "delta")
	subtract := rapid.Bool().Draw(m.T, "subtract")
	sum, err := to.Incr(key, delta, subtract, a)
	return m.counted(to, key, a, strconv.AppendInt(nil, sum, 10), err, func(old string) (string, bool) {
		n, err := strconv.ParseInt(old, 10, 64)
		if subtract {
			return strconv.FormatInt(n-delta, 10), err == nil && (n-delta < n) == (delta > 0)
		}
		return strconv.FormatInt(n+delta, 10), err == nil && (n+delta > n) == (delta > 0)
	})
}

// counted compares the outcome of a count with what add makes of the map.
func (m *model) counted(to changer, key string, a Attrs, sum []byte, err error, add func(string) (string, bool)) bool {
	fails := errors.Is(err, ErrOverflow) || errors.Is(err, ErrNotNumber)
	if !fails && m.refused(err, "count") {
		return false
	}
	old, had := "0", m.lifeOf(key) == alive
	if m.lifeOf(key) == maybe || had && m.evicts() { // what is there tells
		it, _, gerr := to.GetItem(key)
		was := m.items[key]
		text, ok := add(string(was.value))
		had = gerr == nil && it.Tag == was.attrs.Tag && it.User == was.attrs.User && (fails || ok && text == string(sum))
		m.found(key, had, "count")
	}
	if had {
		old = string(m.items[key].value)
		was := m.items[key].attrs
		a.Expires, a.Tag, a.User = was.Expires, was.Tag, was.User
	}
	want, ok := add(old)
	if ok == fails || ok && want != string(sum) {
		m.Fatalf("count: %q had %.30q, has %q, %v, want %q", key, old, sum, err, want)
	}
	if fails {
		return false
	}
	m.storeNow(to, key, sum, a)
	return true
}

func (m *model) setMany() {
	before := m.snapshot()
	a := m.attrs()
	var items []KeyValue
	for range rapid.IntRange(0, 5).Draw(m.T, "items") {
		items = append(items, KeyValue{m.key(), m.value()})
	}
	evicted := m.evicted
	if err := m.e.SetMany(items, a); m.refused(err, "set many") {
		m.items, m.evicted = before, evicted
	} else {
		for _, it := range items {
			m.storeNow(nil, it.Key, it.Value, a)
		}
	}
	m.lookForEvicted()
	m.getMany()
}

func (m *model) deleteMany() {
	keys := rapid.SliceOfN(rapid.SampledFrom(modelKeys), 0, 5).Draw(m.T, "keys")
	n, err := m.e.DeleteMany(keys)
	m.must(err, "delete many")
	least, most := 0, 0
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		switch m.lifeOf(key) {
		case alive:
			least++
			most++
		case maybe:
			most++
		}
		delete(m.items, key)
	}
	if n < least || n > most {
		m.Fatalf("delete many: %d items, want %d to %d", n, least, most)
	}
	m.getMany()
}

func (m *model) getMany() {
	values, err := m.e.GetMany(modelKeys)
	m.must(err, "get many")
	for i, key := range modelKeys {
		var err error
		if values[i] == nil {
			err = ErrNotFound
		}
		m.compareValue(key, values[i], err, "get many")
	}
}

package storetest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache"
)

// model is what a store should be, in plain loops over a map. It is a diskcache.Ops, so that
// the same code drives it and a store.
type model struct {
	now   func() time.Time
	items map[string]*modelItem
	last  int // insertion
	began int // what last was as the transaction began
}

const outside = math.MaxInt // of a transaction

type modelItem struct {
	key     string
	value   string
	attrs   diskcache.Attrs
	first   int
	version uint64
}

func newModel(now func() time.Time) *model {
	return &model{now: now, items: make(map[string]*modelItem), began: outside}
}

// clone returns a copy, for a transaction that may be rolled back.
func (m *model) clone() *model {
	c := &model{now: m.now, items: make(map[string]*modelItem), last: m.last, began: m.last}
	for k, it := range m.items {
		copied := *it
		c.items[k] = &copied
	}
	return c
}

func (m *model) find(key string) *modelItem {
	it := m.items[key]
	if it == nil || m.over(it) {
		return nil
	}
	return it
}

func (m *model) over(it *modelItem) bool {
	return !it.attrs.Expires.IsZero() && !it.attrs.Expires.After(m.now())
}

func (m *model) item(it *modelItem) diskcache.Item {
	version := it.version
	if version > uint64(m.began) { // what a transaction has set itself has none
		version = 0
	}
	return diskcache.Item{Key: it.key, Value: []byte(it.value), Tag: it.attrs.Tag, Kind: it.attrs.Kind,
		Expires: it.attrs.Expires, Size: int64(len(it.value)), Version: version}
}

func (m *model) put(key, value string, a diskcache.Attrs) {
	m.last++
	first := m.last
	if it := m.find(key); it != nil {
		first = it.first
	}
	m.items[key] = &modelItem{key, value, a, first, uint64(m.last)}
}

func (m *model) setIf(key string, value []byte, opts []diskcache.SetOption, ok bool) (bool, error) {
	a, err := diskcache.AttrsOf(m.now, opts...)
	if err != nil || !ok {
		return false, err
	}
	m.put(key, string(value), a)
	return true, nil
}

func (m *model) Get(key string) ([]byte, error) {
	it, err := m.Item(key)
	return it.Value, err
}

func (m *model) GetAppend(key string, buf []byte) ([]byte, error) {
	it, err := m.Item(key)
	return append(buf, it.Value...), err
}

func (m *model) Item(key string) (diskcache.Item, error) {
	it := m.find(key)
	if it == nil {
		return diskcache.Item{}, diskcache.ErrNotFound
	}
	return m.item(it), nil
}

func (m *model) Has(key string) (bool, error) { return m.find(key) != nil, nil }

func (m *model) Set(key string, value []byte, opts ...diskcache.SetOption) error {
	_, err := m.setIf(key, value, opts, true)
	return err
}

func (m *model) Add(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return m.setIf(key, value, opts, m.find(key) == nil)
}

func (m *model) Replace(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	return m.setIf(key, value, opts, m.find(key) != nil)
}

func (m *model) CompareAndSwap(key string, version uint64, value []byte, opts ...diskcache.SetOption) (bool, error) {
	is := uint64(0)
	if it := m.find(key); it != nil {
		is = it.version
	}
	return m.setIf(key, value, opts, is == version)
}

func (m *model) GetOrSet(key string, value []byte, opts ...diskcache.SetOption) ([]byte, bool, error) {
	if it := m.find(key); it != nil {
		return []byte(it.value), true, nil
	}
	return value, false, m.Set(key, value, opts...)
}

func (m *model) Incr(key string, delta int64, opts ...diskcache.SetOption) (int64, error) {
	n := int64(0)
	err := m.number(key, opts, func(text string) (string, error) {
		old, err := strconv.ParseInt(text, 10, 64)
		n = old + delta
		return strconv.FormatInt(n, 10), err
	})
	return n, err
}

func (m *model) Decr(key string, delta int64, opts ...diskcache.SetOption) (int64, error) {
	return m.Incr(key, -delta, opts...)
}

func (m *model) IncrFloat(key string, delta float64, opts ...diskcache.SetOption) (float64, error) {
	f := 0.0
	err := m.number(key, opts, func(text string) (string, error) {
		old, err := strconv.ParseFloat(text, 64)
		f = old + delta
		return strconv.FormatFloat(f, 'g', -1, 64), err
	})
	return f, err
}

func (m *model) number(key string, opts []diskcache.SetOption, next func(string) (string, error)) error {
	a, err := diskcache.AttrsOf(m.now, opts...)
	if err != nil {
		return err
	}
	text := "0"
	if it := m.find(key); it != nil {
		text, a = it.value, it.attrs
	}
	if text, err = next(text); err != nil {
		return diskcache.ErrNotNumber
	}
	m.put(key, text, a)
	return nil
}

func (m *model) Touch(key string, opts ...diskcache.SetOption) (bool, error) {
	a, err := diskcache.AttrsOf(m.now, opts...)
	it := m.find(key)
	if err != nil || it == nil {
		return false, err
	}
	m.put(key, it.value, diskcache.Attrs{Expires: a.Expires, Tag: it.attrs.Tag, Kind: it.attrs.Kind})
	return true, nil
}

func (m *model) Pop(key string) (diskcache.Item, error) {
	it, err := m.Item(key)
	if err == nil { // what has expired is left to those who expire
		delete(m.items, key)
	}
	return it, err
}

func (m *model) Delete(key string) (bool, error) {
	_, err := m.Pop(key)
	return err == nil, nil
}

// queue returns the items of a queue, those that have expired too.
func (m *model) queue(prefix string) (q []*modelItem) {
	if prefix != "" {
		prefix += "-"
	}
	for _, it := range m.items {
		digits, ok := strings.CutPrefix(it.key, prefix)
		if ok && len(digits) == 15 && strings.Trim(digits, "0123456789") == "" {
			q = append(q, it)
		}
	}
	slices.SortFunc(q, func(a, b *modelItem) int { return cmp.Compare(a.key, b.key) })
	return q
}

func (m *model) Push(prefix string, value []byte, side diskcache.Side, opts ...diskcache.SetOption) (string, error) {
	n := int64(500_000_000_000_000)
	if q := m.queue(prefix); len(q) > 0 {
		at, step := q[len(q)-1], int64(1)
		if side == diskcache.Front {
			at, step = q[0], -1
		}
		last, err := strconv.ParseInt(at.key[len(at.key)-15:], 10, 64)
		if err != nil {
			return "", err
		}
		n = last + step
	}
	key := fmt.Sprintf("%015d", n)
	if prefix != "" {
		key = prefix + "-" + key
	}
	return key, m.Set(key, value, opts...)
}

func (m *model) alive(list []*modelItem, side diskcache.Side) (diskcache.Item, error) {
	list = slices.DeleteFunc(list, m.over)
	switch {
	case len(list) == 0:
		return diskcache.Item{}, diskcache.ErrNotFound
	case side == diskcache.Front:
		return m.item(list[0]), nil
	}
	return m.item(list[len(list)-1]), nil
}

func (m *model) Peek(prefix string, side diskcache.Side) (diskcache.Item, error) {
	return m.alive(m.queue(prefix), side)
}

func (m *model) Pull(prefix string, side diskcache.Side) (diskcache.Item, error) {
	it, err := m.Peek(prefix, side)
	if err == nil {
		delete(m.items, it.Key)
	}
	return it, err
}

func (m *model) QueueAt(prefix string, i int) (diskcache.Item, error) {
	q := m.queue(prefix)
	if i < 0 {
		i += len(q)
	}
	if i < 0 || i >= len(q) {
		return diskcache.Item{}, diskcache.ErrNotFound
	}
	return m.item(q[i]), nil
}

func (m *model) QueueLen(prefix string) (int, error) { return len(m.queue(prefix)), nil }

func (m *model) PeekItem(side diskcache.Side) (diskcache.Item, error) {
	return m.alive(m.scan(diskcache.Range{}), side)
}

// scan returns the items of a range.
func (m *model) scan(r diskcache.Range) (list []*modelItem) {
	for _, it := range m.items {
		if !m.over(it) && strings.HasPrefix(it.key, r.Prefix) && it.key >= r.From && (r.To == "" || it.key < r.To) &&
			(r.Tag == "" || it.attrs.Tag == r.Tag) {
			list = append(list, it)
		}
	}
	slices.SortFunc(list, func(a, b *modelItem) int {
		if r.Order == diskcache.ByKey {
			return cmp.Compare(a.key, b.key)
		}
		return cmp.Compare(a.first, b.first)
	})
	if r.Reverse {
		slices.Reverse(list)
	}
	return list
}

// expire removes what has expired. While there is any, a store may have removed it or not.
func (m *model) expire() {
	for k, it := range m.items {
		if m.over(it) {
			delete(m.items, k)
		}
	}
}

func (m *model) anyExpired() bool {
	for _, it := range m.items {
		if m.over(it) {
			return true
		}
	}
	return false
}

// parsable keeps the numbers of random runs away from the limits of int64.
const parsable = math.MaxInt32

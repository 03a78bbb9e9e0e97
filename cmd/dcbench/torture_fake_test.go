package main

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// fakeStore is a store in memory that is right, but for what a test has it do wrong.
type fakeStore struct {
	mu     sync.Mutex
	now    map[string]fakeItem
	before map[string]fakeItem // of each key, what it was before it was changed last
	queues map[string][][]byte
	change uint64 // the last version
	rand   *rand.Rand
	defect string
}

type fakeItem struct {
	value   []byte
	version uint64
	expires time.Time
}

func newFake(defect string, seed uint64) *fakeStore {
	return &fakeStore{now: make(map[string]fakeItem), before: make(map[string]fakeItem), queues: make(map[string][][]byte), rand: rand.New(rand.NewPCG(seed, 1)), defect: defect}
}

// wrong says whether something goes wrong now, in one of many cases.
func (s *fakeStore) wrong(defect string) bool { return s.defect == defect && s.rand.IntN(40) == 0 }

func (s *fakeStore) get(key string) ([]byte, error) {
	it, ok := s.now[key]
	if !ok || !it.expires.IsZero() && !tortureClock().Before(it.expires) {
		return nil, diskcache.ErrNotFound
	}
	return it.value, nil
}

func (s *fakeStore) put(key string, it fakeItem) {
	s.before[key] = s.now[key]
	s.change++
	it.version = s.change
	s.now[key] = it
}

func (s *fakeStore) drop(key string) bool {
	_, err := s.get(key)
	s.before[key] = s.now[key]
	delete(s.now, key)
	return err == nil
}

func (s *fakeStore) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.before[key].value; old != nil && s.wrong("stale") {
		return old, nil
	}
	v, err := s.get(key)
	if err == nil && s.wrong("torn") {
		return slices.Concat(v[:len(v)-1], []byte{v[len(v)-1] ^ 1}), nil
	}
	return v, err
}

func (s *fakeStore) Set(key string, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := fakeItem{value: value}
	if ttl > 0 {
		it.expires = tortureClock().Add(ttl)
		if s.defect == "immortal" {
			it.expires = time.Time{}
		}
	}
	if !s.wrong("lost") {
		s.put(key, it)
	}
	return nil
}

func (s *fakeStore) Delete(key string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.now[key]
	ok := s.drop(key)
	if ok && was.expires.IsZero() && s.wrong("resurrected") {
		s.now[key] = was
	}
	return ok, nil
}

func (s *fakeStore) Update(fn func(tx transaction) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &fakeTx{s: s, writes: make(map[string][]byte)}
	err := fn(tx)
	for i, key := range tx.order {
		if i == 1 && s.wrong("half a transaction") {
			break
		}
		if len(tx.order) == 1 && s.wrong("lost increment") {
			break
		}
		if v := tx.writes[key]; v != nil {
			s.put(key, fakeItem{value: v})
		} else {
			s.drop(key)
		}
	}
	return err
}

func (s *fakeStore) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.now {
		if s.defect != "not cleared" {
			s.drop(key)
		}
	}
	if s.defect != "queues not cleared" {
		clear(s.queues)
	}
	return nil
}

// Compact gives up all items, or brings back what they were.
func (s *fakeStore) Compact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.now {
		if s.defect == "evicts" {
			s.drop(key)
		}
	}
	for prefix, q := range s.queues {
		if s.defect == "evicts" && len(q) > 0 {
			s.queues[prefix] = slices.Delete(q, 0, 1)
		}
	}
	for key, it := range s.before {
		if s.defect == "brings back" && it.value != nil {
			s.now[key] = it
		}
	}
	return nil
}

func (s *fakeStore) Incr(key string, delta int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := delta
	if v, err := s.get(key); err == nil {
		was, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return 0, err
		}
		n += was
	}
	if !s.wrong("count lost") {
		s.put(key, fakeItem{value: strconv.AppendInt(nil, n, 10)})
	}
	return n, nil
}

func (s *fakeStore) Add(key string, value []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.get(key); err == nil && !s.wrong("added to what is there") {
		return false, nil
	}
	s.put(key, fakeItem{value: value})
	return true, nil
}

func (s *fakeStore) Item(key string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.get(key)
	if err != nil {
		return nil, 0, err
	}
	return v, s.now[key].version, nil
}

func (s *fakeStore) CompareAndSwap(key string, version uint64, value []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := uint64(0)
	if _, err := s.get(key); err == nil {
		is = s.now[key].version
	}
	if is != version && s.defect != "swapped blindly" || is == version && s.wrong("not swapped") {
		return false, nil
	}
	s.put(key, fakeItem{value: value})
	return true, nil
}

func (s *fakeStore) Push(prefix string, value []byte, back bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong("push lost") {
		return nil
	}
	q := s.queues[prefix]
	at := 0
	if back != s.wrong("pushed at the wrong end") {
		at = len(q)
	}
	s.queues[prefix] = slices.Insert(q, at, value)
	return nil
}

func (s *fakeStore) Pull(prefix string, back bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[prefix]
	if len(q) == 0 {
		return nil, diskcache.ErrNotFound
	}
	at := 0
	if back != s.wrong("pulled from the wrong end") {
		at = len(q) - 1
	}
	v := q[at]
	if !s.wrong("pulled twice") {
		s.queues[prefix] = slices.Delete(q, at, at+1)
	}
	return v, nil
}

func (s *fakeStore) Reopen() error                   { return nil }
func (s *fakeStore) Counts() (history.Counts, error) { return history.Counts{}, nil }
func (s *fakeStore) Close() error                    { return nil }

type fakeTx struct {
	s      *fakeStore
	writes map[string][]byte // nil: deleted
	order  []string
}

func (tx *fakeTx) Get(key string) ([]byte, error) { return tx.s.get(key) }

func (tx *fakeTx) write(key string, value []byte) {
	tx.writes[key] = value
	tx.order = append(tx.order, key)
}

func (tx *fakeTx) Set(key string, value []byte) error {
	tx.write(key, value)
	return nil
}

func (tx *fakeTx) Delete(key string) (bool, error) {
	_, err := tx.s.get(key)
	tx.write(key, nil)
	return err == nil, nil
}

// locked makes records of several clients come one after the other, as a pipe does.
type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

// fakeHistory has clients do anything to a store and returns what they were told.
func fakeHistory(t *testing.T, s store, what task) *history.Merged {
	t.Helper()
	var log locked
	what.clients, what.parts = 4, 4
	require.NoError(t, what.work(s, history.NewLog(&log, monotonic), func() bool { return false }))
	m := history.NewMerger()
	require.NoError(t, m.Add(log.Bytes()))
	return m.Merge()
}

// The checker finds nothing wrong with a store that is right, and finds each way in
// which one can be wrong, in one history or some more.
func TestTortureFindsDefects(t *testing.T) {
	long(t)
	for defect, test := range map[string]struct {
		evict bool
		fine  bool
		says  string // in an error that a client returns; "": no order explains it
	}{
		"":                   {fine: true},
		"evicts":             {evict: true, fine: true},
		"evicts, unexpected": {},
		"stale":              {},
		"lost":               {},
		"resurrected":        {},
		"immortal":           {},
		"lost increment":     {},
		"half a transaction": {},
		"not cleared":        {},
		"brings back":        {evict: true},

		"count lost":                {},
		"added to what is there":    {},
		"swapped blindly":           {},
		"not swapped":               {},
		"push lost":                 {},
		"pushed at the wrong end":   {},
		"pulled from the wrong end": {},
		"pulled twice":              {evict: true},
		"queues not cleared":        {},
		"torn":                      {says: "a wrong value"},
	} {
		t.Run(defect, func(t *testing.T) {
			if defect == "evicts, unexpected" {
				defect = "evicts"
			}
			found := ""
			n := uint64(0)
			for ; n < 20 && found == ""; n++ {
				m := fakeHistory(t, newFake(defect, n), task{mix: "random", seed: n, ops: 1000, keys: 12, sizes: inline})
				for _, o := range m.Errors {
					found += o.String()
				}
				if v := history.Check(m.Ops, history.Options{Evict: test.evict, Timeout: time.Minute}); len(v) > 0 {
					assert.False(t, v[0].Undecided)
					found += "violation"
				}
			}
			t.Logf("%d histories", n)
			if test.fine {
				assert.Empty(t, found)
				return
			}
			assert.Contains(t, found, cmp.Or(test.says, "violation"))
		})
	}
}

// The scenarios without a search find what they are for, too.
func TestCountsFindDefects(t *testing.T) {
	for name, test := range map[string]struct {
		defect string
		mix    string
		check  func(t *torturing, ops []history.Op)
		says   string
	}{
		"incr":         {"", "incr", (*torturing).checkIncr, ""},
		"incr, lost":   {"lost increment", "incr", (*torturing).checkIncr, "have both incremented to"},
		"add":          {"", "add", func(t *torturing, ops []history.Op) { t.checkAdd(ops, 50) }, ""},
		"add, twice":   {"lost increment", "add", func(t *torturing, ops []history.Op) { t.checkAdd(ops, 50) }, "was added twice"},
		"own":          {"", "own", func(t *torturing, ops []history.Op) { t.checkOrdered(ops, nil) }, ""},
		"own, lost":    {"lost", "own", func(t *torturing, ops []history.Op) { t.checkOrdered(ops, nil) }, "are not so"},
		"own, stale":   {"stale", "own", func(t *torturing, ops []history.Op) { t.checkOrdered(ops, nil) }, "after version"},
		"own, deleted": {"resurrected", "own", func(t *torturing, ops []history.Op) { t.checkOrdered(ops, nil) }, "after version"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFake(test.defect, 1)
			m := fakeHistory(t, s, task{mix: test.mix, seed: 1, ops: 2000, keys: 50, sizes: inline})
			var last bytes.Buffer
			c := &client{store: s, log: history.NewLog(&last, monotonic)}
			for key := range 50 {
				c.get(key)
			}
			after := history.NewMerger()
			require.NoError(t, after.Add(last.Bytes()))
			tt := &torturing{p: &tortureParams{}}
			test.check(tt, append(m.Ops, after.Merge().Ops...))
			assert.Positive(t, tt.out.Acked)
			if test.says == "" {
				assert.Empty(t, tt.wrong)
				return
			}
			require.NotEmpty(t, tt.wrong)
			assert.Contains(t, slices.MaxFunc(tt.wrong, func(a, b string) int { // any of them
				return cmp.Compare(bytes.Count([]byte(a), []byte(test.says)), bytes.Count([]byte(b), []byte(test.says)))
			}), test.says)
		})
	}
}

// Several goroutines of this process with one cache: what the cache promises today.
func TestTortureOfThisProcess(t *testing.T) {
	for name, limit := range map[string]int64{"all kept": 0, "limited": 256 << 10} {
		t.Run(name, func(t *testing.T) {
			s, err := openStore(t.TempDir(), tortureOptions(limit), 0)
			require.NoError(t, err)
			m := fakeHistory(t, s, task{mix: "random", seed: 5, ops: 500, keys: 12, limit: limit, sizes: mixedSizes})
			require.NoError(t, s.Close())
			assert.Empty(t, m.Errors)
			assert.Empty(t, history.Check(m.Ops, history.Options{Evict: limit > 0, Timeout: time.Minute}))
			assert.Equal(t, limit > 0, m.Counts.Evicted > 0)
			assert.Positive(t, m.Counts.Compactions)
		})
	}
}

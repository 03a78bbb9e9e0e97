package contest_test

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest/contesttest"
)

// richStore is a map with all that a store may have besides.
type richStore struct {
	mapStore
	order   [][]byte
	numbers map[string]int64
	queue   [][]byte
	tags    map[string]string
	ends    map[string]time.Time
}

func newRichStore(fault string) *richStore {
	return &richStore{mapStore: mapStore{map[string][]byte{}, fault}, numbers: map[string]int64{}, tags: map[string]string{}, ends: map[string]time.Time{}}
}

func (s *richStore) Set(key, value []byte) error {
	if _, ok := s.items[string(key)]; !ok {
		s.order = append(s.order, bytes.Clone(key))
	}
	return s.mapStore.Set(key, value)
}

func (s *richStore) Batch(keys, values [][]byte) error {
	for i := range keys {
		if err := s.Set(keys[i], values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *richStore) Delete(key []byte) error {
	s.order = slices.DeleteFunc(s.order, func(k []byte) bool { return bytes.Equal(k, key) })
	return s.mapStore.Delete(key)
}

func (s *richStore) Add(key, value []byte) (bool, error) {
	if s.fault == "adds nothing" {
		return false, nil
	}
	return true, s.Set(key, value)
}

func (s *richStore) Incr(key []byte) (int64, error) {
	if s.numbers[string(key)]++; s.fault == "counts twice" {
		s.numbers[string(key)]++
	}
	return s.numbers[string(key)], nil
}

func (s *richStore) Number(key []byte) (int64, error) {
	if s.fault == "forgets numbers" {
		return 0, nil
	}
	return s.numbers[string(key)], nil
}

func (s *richStore) Push(value []byte) error {
	s.queue = append(s.queue, bytes.Clone(value))
	return nil
}

func (s *richStore) Pull() ([]byte, error) {
	if len(s.queue) == 0 || s.fault == "loses the queue" && len(s.queue) == 5 {
		return nil, contest.ErrMissing
	}
	at := 0
	if s.fault == "a stack" {
		at = len(s.queue) - 1
	}
	v := s.queue[at]
	s.queue = slices.Delete(s.queue, at, at+1)
	return v, nil
}

func (s *richStore) PeekItem(last bool) (key, value []byte, err error) {
	key = s.order[0]
	if last != (s.fault == "ends changed") {
		key = s.order[len(s.order)-1]
	}
	return key, s.items[string(key)], nil
}

func (s *richStore) Keys() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		order := slices.Clone(s.order)
		switch s.fault {
		case "walks back":
			slices.Reverse(order)
		case "walks past":
			order = order[1:]
		case "walks into":
			yield(nil, errors.New("a wall"))
			return
		}
		for _, key := range order {
			if !yield(key, nil) {
				return
			}
		}
	}
}

func (s *richStore) SetTagged(key, value []byte, tag string) error {
	s.tags[string(key)] = tag
	return s.Set(key, value)
}

func (s *richStore) SetUntil(key, value []byte, end time.Time) error {
	s.ends[string(key)] = end
	return s.Set(key, value)
}

func (s *richStore) remove(goes func(key string) bool) (n int, err error) {
	for _, key := range slices.Clone(s.order) {
		if goes(string(key)) {
			n++
			err = errors.Join(err, s.Delete(key))
		}
	}
	if s.fault == "one too many" && len(s.order) > 0 {
		err = errors.Join(err, s.Delete(s.order[0]))
	}
	return n, err
}

func (s *richStore) EvictTag(tag string) (int, error) {
	return s.remove(func(key string) bool { return s.tags[key] == tag && (s.fault != "keeps" || len(s.order)%2 == 0) })
}

func (s *richStore) Expire(now time.Time) (int, error) {
	return s.remove(func(key string) bool { return s.ends[key].Before(now) && s.fault != "keeps" })
}

func (s *richStore) Clear() (int, error) {
	return s.remove(func(string) bool { return s.fault != "keeps" })
}

func (s *richStore) Len() (int, error) { return len(s.order), nil }

// asksRich starts a richStore of 100 keys that nobody has set.
func asksRich(t *testing.T, fault string) contesttest.Ask {
	ask := contesttest.InProcess(t, contest.Kind{Promises: contest.Promises{Name: "rich", Survives: true}, Open: func(_ string, o contest.Options) (contest.Store, error) {
		return newRichStore(fault), nil
	}})
	for _, o := range []contest.Order{{Do: "begin", Sizes: "50:10-20,50:30-40", KeyCount: 100}, {Do: "open"}} {
		_, err := ask(o)
		require.NoError(t, err)
	}
	return ask
}

// Each order of what not every store has notices what is wrong, at once or when all is read back.
func TestOptionalNotices(t *testing.T) {
	add, fill := contest.Order{Do: "add", To: 100}, contest.Order{Do: "fill", To: 100}
	incr, push := contest.Order{Do: "incr", N: 10, Keys: "uniform", Millis: 1}, contest.Order{Do: "push", To: 20}
	queue, peek, walk := contest.Order{Do: "queue", Millis: 1}, contest.Order{Do: "peek", Millis: 1}, contest.Order{Do: "walk"}
	tags, ends := contest.Order{Do: "mark", To: 100, Write: "tag"}, contest.Order{Do: "mark", To: 100, Write: "expire"}
	evict, expire, empty := contest.Order{Do: "evict"}, contest.Order{Do: "expire"}, contest.Order{Do: "clear"}
	for _, test := range []struct {
		fault, says string
		orders      []contest.Order
	}{
		{"", "", []contest.Order{add, peek, walk, incr, push, queue}},
		{"", "", []contest.Order{tags, evict, tags, evict, evict}},
		{"", "", []contest.Order{ends, expire, ends, expire, expire, empty}},
		{"adds nothing", "key 0 was not added", []contest.Order{add}},
		{"counts twice", "is 2 after 1 times", []contest.Order{fill, incr}},
		{"forgets numbers", "it is 0 after", []contest.Order{fill, incr}},
		{"loses the queue", "of the queue is lost", []contest.Order{push}},
		{"a stack", "of the queue", []contest.Order{push}},
		{"ends changed", "at the end 0", []contest.Order{fill, peek}},
		{"walks past", "99 keys of 100", []contest.Order{fill, walk}},
		{"walks back", "in the place of key 0", []contest.Order{fill, walk}},
		{"walks into", "a wall", []contest.Order{fill, walk}},
		{"keeps", "evict has removed", []contest.Order{tags, evict}},
		{"keeps", "expire has removed 0 of 10, and left 100 of 90", []contest.Order{ends, expire}},
		{"keeps", "clear has removed 0 of 100", []contest.Order{fill, empty}},
		{"one too many", "evict has removed 10 of 10, and left 89 of 90", []contest.Order{tags, evict}},
		{"one too many", "expire has removed", []contest.Order{ends, expire}},
	} {
		ask := asksRich(t, test.fault)
		var err error
		for _, o := range append(test.orders, contest.Order{Do: "verify", To: 100}) {
			var a *contest.Answer
			if a, err = ask(o); err != nil {
				assert.Equal(t, test.fault != "walks into", a.Wrong, test.fault) // an error of the store is no lie
				break
			}
		}
		if test.says == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, test.says, test.fault)
		}
	}
}

// A sweep counts the keys that are gone, and each is for the next tenth of them.
func TestSweepsByTurns(t *testing.T) {
	for write, sweep := range map[string]string{"tag": "evict", "expire": "expire"} {
		ask := asksRich(t, "")
		for range 23 { // more than twice round
			_, err := ask(contest.Order{Do: "mark", To: 100, Write: write})
			require.NoError(t, err)
			a, err := ask(contest.Order{Do: sweep})
			require.NoError(t, err)
			assert.Equal(t, 10, a.Ops)
		}
	}
}

// What a store has not it answers for.
func TestOptionalUnsupported(t *testing.T) {
	ask := started(t, "", contest.Promises{})
	for _, o := range []contest.Order{
		{Do: "add", To: 1}, {Do: "incr", To: 1}, {Do: "push", To: 1}, {Do: "queue", Millis: 1}, {Do: "peek", Millis: 1}, {Do: "walk"},
		{Do: "mark", To: 1, Write: "tag"}, {Do: "evict"}, {Do: "expire"}, {Do: "clear"},
	} {
		a, err := ask(o)
		require.Error(t, err, o.Do)
		assert.True(t, a.Unsupported, o.Do)
	}
}

// Processes that share keys set each their own, draw differently, and forgive that others delete theirs.
func TestShare(t *testing.T) {
	const procs = 4
	store := &lockedStore{mapStore: mapStore{items: map[string][]byte{}}}
	var asks []contesttest.Ask
	for place := range procs {
		ask := contesttest.InProcess(t, contest.Kind{Promises: contest.Promises{Name: "map", Survives: true}, Open: func(string, contest.Options) (contest.Store, error) { return store, nil }})
		begin := []contest.Order{{Do: "begin", Sizes: "50", KeyCount: 103, Held: 103}, {Do: "open"}, {Do: "share", Place: place, Procs: procs}}
		if place == 0 {
			begin[0].Held = 0
			begin = slices.Insert(begin, 2, contest.Order{Do: "fill", To: 103})
		}
		for _, o := range begin {
			_, err := ask(o)
			require.NoError(t, err)
		}
		asks = append(asks, ask)
	}
	mix := contest.Order{Do: "mix", N: 103, Keys: "uniform", Reads: 50, Deletes: 25, Write: "overwrite", Millis: 2}
	for range 2 {
		for _, ask := range asks {
			_, err := ask(mix)
			require.NoError(t, err)
		}
	}
	assert.Less(t, len(store.items), 103, "some were deleted")
	for _, ask := range asks {
		_, err := ask(contest.Order{Do: "verify", To: 103})
		require.NoError(t, err)
	}
	mix.Goroutines = 2
	_, err := asks[0](mix)
	assert.Error(t, err, "one goroutine each")
	_, err = asks[0](contest.Order{Do: "share", Place: 4, Procs: 4})
	assert.Error(t, err)

	own := contest.AppendKey(nil, 5) // of process 1
	require.NoError(t, store.Set(own, make([]byte, 50)))
	_, err = asks[0](contest.Order{Do: "verify", To: 103})
	require.NoError(t, err, "it does not know what others set")
	_, err = asks[1](contest.Order{Do: "verify", To: 103})
	require.ErrorContains(t, err, "1 of 203 keys are wrong")
	require.NoError(t, store.Set(own, make([]byte, 49)))
	_, err = asks[0](contest.Order{Do: "verify", To: 103})
	require.ErrorContains(t, err, "a value of 49 bytes")
}

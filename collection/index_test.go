package collection_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/collection"
)

// kv is an item of an index.
func kv(key, value string) diskcache.KeyValue {
	return diskcache.KeyValue{Key: key, Value: []byte(value)}
}

// items returns what an index holds, read in all ways there are, which have to agree.
func items(t *testing.T, x *collection.Index) []diskcache.KeyValue {
	t.Helper()
	all := []diskcache.KeyValue{}
	for it, err := range x.Items() {
		require.NoError(t, err)
		all = append(all, it)
	}
	var keys []string
	for k, err := range x.Keys() {
		require.NoError(t, err)
		keys = append(keys, k)
	}
	i := 0
	for v, err := range x.Values() {
		require.NoError(t, err)
		require.Equal(t, all[i], diskcache.KeyValue{Key: keys[i], Value: v})
		i++
	}
	require.Len(t, all, i)
	require.Len(t, keys, i)
	for it, err := range x.Backward() {
		require.NoError(t, err)
		i--
		require.Equal(t, all[i], it)
	}
	require.Zero(t, i)
	n, err := x.Len()
	require.NoError(t, err)
	require.Len(t, all, n)
	return all
}

// indexModel is an index, and what it should hold.
type indexModel struct {
	t    *testing.T
	x    *collection.Index
	want []diskcache.KeyValue
	r    *rand.Rand
}

func (m *indexModel) find(key string) int {
	return slices.IndexFunc(m.want, func(it diskcache.KeyValue) bool { return it.Key == key })
}

func (m *indexModel) set(it diskcache.KeyValue) {
	if i := m.find(it.Key); i >= 0 {
		m.want[i] = it
		return
	}
	m.want = append(m.want, it)
}

func (m *indexModel) remove(i int) {
	if i >= 0 {
		m.want = slices.Delete(m.want, i, i+1)
	}
}

// end checks what was found at an end of the order, and returns its place.
func (m *indexModel) end(side diskcache.Side, it diskcache.KeyValue, err error) int {
	if len(m.want) == 0 {
		require.ErrorIs(m.t, err, collection.ErrEmpty)
		require.ErrorIs(m.t, err, diskcache.ErrNotFound)
		return -1
	}
	i := 0
	if side == diskcache.Back {
		i = len(m.want) - 1
	}
	require.NoError(m.t, err)
	require.Equal(m.t, m.want[i], it)
	return i
}

func (m *indexModel) step() {
	t, x := m.t, m.x
	key := strconv.Itoa(m.r.IntN(12))
	value := strconv.Itoa(m.r.IntN(1000))
	side := diskcache.Side(m.r.IntN(2))
	at := m.find(key)
	switch m.r.IntN(10) {
	case 0, 1:
		require.NoError(t, x.Set(key, []byte(value)))
		m.set(kv(key, value))
	case 2:
		v, err := x.Get(key)
		if at < 0 {
			require.ErrorIs(t, err, diskcache.ErrNotFound)
		} else {
			require.NoError(t, err)
			require.Equal(t, m.want[at].Value, v)
		}
		has, err := x.Has(key)
		require.NoError(t, err)
		require.Equal(t, at >= 0, has)
	case 3:
		deleted, err := x.Delete(key)
		require.NoError(t, err)
		require.Equal(t, at >= 0, deleted)
		m.remove(at)
	case 4:
		v, err := x.Pop(key)
		if at < 0 {
			require.ErrorIs(t, err, diskcache.ErrNotFound)
		} else {
			require.NoError(t, err)
			require.Equal(t, m.want[at].Value, v)
		}
		m.remove(at)
	case 5:
		it, err := x.PopItem(side)
		m.remove(m.end(side, it, err))
	case 6:
		it, err := x.PeekItem(side)
		m.end(side, it, err)
	case 7:
		v, loaded, err := x.SetDefault(key, []byte(value))
		require.NoError(t, err)
		require.Equal(t, at >= 0, loaded)
		if !loaded {
			m.set(kv(key, value))
			at = m.find(key)
		}
		require.Equal(t, m.want[at].Value, v)
	case 8:
		more := []diskcache.KeyValue{kv(key, value), kv("u"+key, "u"), kv(key, "last")}
		require.NoError(t, x.Update(more))
		for _, it := range more {
			m.set(it)
		}
	case 9:
		if m.r.IntN(5) == 0 {
			n, err := x.Clear()
			require.NoError(t, err)
			require.Equal(t, len(m.want), n)
			m.want = nil
		}
	}
}

// TestIndexModel compares an index with a slice over random operations: one that is the whole store,
// and one beside other items.
func TestIndexModel(t *testing.T) {
	for _, prefix := range []string{"", "x/"} {
		onStores(t, func(t *testing.T, s diskcache.Store) {
			if prefix != "" {
				for _, k := range []string{"x", "x0", "w/1", "1"} {
					require.NoError(t, s.Set(k, []byte("none of it")))
				}
			}
			seed := rand.Uint64()
			t.Logf("prefix %q, seed %d", prefix, seed)
			m := &indexModel{t: t, x: collection.NewIndex(s, prefix), r: rand.New(rand.NewPCG(seed, 0))}
			for range 400 {
				m.step()
				require.Equal(t, append([]diskcache.KeyValue{}, m.want...), items(t, m.x))
				equal, err := m.x.Equal(m.want)
				require.NoError(t, err)
				require.True(t, equal)
			}
			if prefix != "" {
				v, err := s.Get("x0")
				require.NoError(t, err)
				assert.Equal(t, "none of it", string(v))
			}
		})
	}
}

func TestIndexEqual(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		x := collection.NewIndex(s, "x/")
		require.NoError(t, s.Set("other", nil))
		require.NoError(t, x.Update([]diskcache.KeyValue{kv("b", "1"), kv("a", "2")}))
		for _, tt := range []struct {
			with             []diskcache.KeyValue
			ordered, anyways bool
		}{
			{[]diskcache.KeyValue{kv("b", "1"), kv("a", "2")}, true, true},
			{[]diskcache.KeyValue{kv("a", "2"), kv("b", "1")}, false, true},
			{[]diskcache.KeyValue{kv("b", "1")}, false, false},
			{[]diskcache.KeyValue{kv("b", "1"), kv("a", "2"), kv("c", "3")}, false, false},
			{[]diskcache.KeyValue{kv("b", "1"), kv("a", "3")}, false, false},
			{[]diskcache.KeyValue{kv("b", "1"), kv("c", "2")}, false, false},
			{nil, false, false},
		} {
			equal, err := x.Equal(tt.with)
			require.NoError(t, err)
			assert.Equal(t, tt.ordered, equal, tt.with)
			m := make(map[string][]byte)
			for _, it := range tt.with {
				m[it.Key] = it.Value
			}
			equal, err = x.EqualMap(m)
			require.NoError(t, err)
			assert.Equal(t, tt.anyways, equal, tt.with)
		}
	})
}

// What is popped is popped once, whoever else pops.
func TestIndexPopItemAtOnce(t *testing.T) {
	for _, prefix := range []string{"", "x/"} {
		onStores(t, func(t *testing.T, s diskcache.Store) {
			x := collection.NewIndex(s, prefix)
			const n = 1200
			for i := range n {
				require.NoError(t, x.Set(fmt.Sprint(i), nil))
			}
			var (
				mu   sync.Mutex
				wg   sync.WaitGroup
				seen = map[string]int{}
			)
			for g := range 6 {
				wg.Go(func() {
					last := -1
					for range n / 6 {
						it, err := x.PopItem(diskcache.Side(g % 2))
						if !assert.NoError(t, err) {
							return
						}
						mu.Lock()
						seen[it.Key]++
						mu.Unlock()
						if i, _ := strconv.Atoi(it.Key); g%2 == 0 {
							assert.Greater(t, i, last, "from the front")
							last = i
						}
					}
				})
			}
			wg.Wait()
			assert.Len(t, seen, n)
			_, err := x.PopItem(diskcache.Front)
			assert.ErrorIs(t, err, collection.ErrEmpty)
		})
	}
}

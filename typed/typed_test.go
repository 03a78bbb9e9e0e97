package typed

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/stretchr/testify/require"
)

type user struct {
	Name string
	Tags []string
	At   time.Time
	N    map[string]int
}

// TestSerializers: what was stored comes back, also the zero value; what was cut, or goes on, is
// an error and no other value.
func TestSerializers(t *testing.T) {
	u := user{"Ada", []string{"a", "b"}, time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC), map[string]int{"x": -1}}
	for name, s := range map[string]Serializer[user]{"json": JSON[user](), "gob": Gob[user](), "cbor": CBOR[user]()} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []user{u, {}} {
				b, err := s.Marshal(v)
				require.NoError(t, err)
				got, err := s.Unmarshal(b)
				require.NoError(t, err)
				require.True(t, v.At.Equal(got.At))
				got.At = v.At
				require.Equal(t, v, got)
				for n := range b {
					_, err := s.Unmarshal(b[:n])
					require.Error(t, err, "%d of %d bytes", n, len(b))
				}
				_, err = s.Unmarshal(append(b, 'x'))
				require.Error(t, err)
			}
		})
	}
	for _, v := range []string{"", "\x00\xff", "text"} {
		b, err := String().Marshal(v)
		require.NoError(t, err)
		s, err := String().Unmarshal(b)
		require.NoError(t, err)
		require.Equal(t, v, s)
		given := []byte(v)
		b, err = Raw().Marshal(given)
		require.NoError(t, err)
		clear(given)
		r, err := Raw().Unmarshal(b)
		require.NoError(t, err)
		require.Equal(t, v, string(r))
	}
}

// TestKeysKeepOrder: the order of the keys in the store is that of the keys.
func TestKeysKeepOrder(t *testing.T) {
	keepsOrder(t, Ints[int64](), []int64{math.MinInt64, math.MinInt64 + 1, -256, -1, 0, 1, 255, 256, math.MaxInt64})
	keepsOrder(t, Ints[int8](), []int8{-128, -1, 0, 1, 127})
	keepsOrder(t, Uints[uint64](), []uint64{0, 1, 255, 256, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64})
	keepsOrder(t, Uints[uint8](), []uint8{0, 1, 255})
	keepsOrder(t, Strings[string](), []string{"", "\x00", "a", "a\x00", "aa", "b", "\xff"})

	_, err := Ints[int8]().Decode(Ints[int]().Encode(200))
	require.Error(t, err)
	_, err = Uints[uint8]().Decode(Uints[uint]().Encode(256))
	require.Error(t, err)
	for _, s := range []string{"", "1234567", "123456789"} {
		_, err = Ints[int]().Decode(s)
		require.Error(t, err)
		_, err = Uints[uint]().Decode(s)
		require.Error(t, err)
	}
}

func keepsOrder[K cmp.Ordered](t *testing.T, c Keys[K], keys []K) {
	t.Helper()
	var encoded []string
	for _, k := range keys {
		s := c.Encode(k)
		back, err := c.Decode(s)
		require.NoError(t, err)
		require.Equal(t, k, back)
		encoded = append(encoded, s)
	}
	require.True(t, slices.IsSorted(encoded))
	require.Len(t, slices.Compact(encoded), len(keys))
}

func TestOps(t *testing.T) {
	m := memory.New(nil)
	defer m.Close()
	s := New(m, JSON[user](), Ints[int](), &Options[int]{Prefix: "user/"})
	defer s.Close()
	a, b := user{Name: "a"}, user{Name: "b"}

	_, err := s.Get(1)
	require.ErrorIs(t, err, diskcache.ErrNotFound)
	require.NoError(t, s.Set(1, a, diskcache.Tag("t"), diskcache.Kind(3)))
	got, err := s.Get(1)
	require.NoError(t, err)
	require.Equal(t, a, got)
	it, err := s.Item(1)
	require.NoError(t, err)
	require.Equal(t, 1, it.Key)
	require.Equal(t, a, it.Value)
	require.Equal(t, "t", it.Meta.Tag)
	require.EqualValues(t, 3, it.Meta.Kind)

	ok, err := s.Add(1, b)
	require.NoError(t, err)
	require.False(t, ok)
	ok, err = s.Replace(2, b)
	require.NoError(t, err)
	require.False(t, ok)
	ok, err = s.CompareAndSwap(1, it.Meta.Version, b)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = s.CompareAndSwap(1, it.Meta.Version, a)
	require.NoError(t, err)
	require.False(t, ok)
	got, loaded, err := s.GetOrSet(1, a)
	require.NoError(t, err)
	require.True(t, loaded)
	require.Equal(t, b, got)
	got, loaded, err = s.GetOrSet(-2, a)
	require.NoError(t, err)
	require.False(t, loaded)
	require.Equal(t, a, got)
	ok, err = s.Touch(-2, diskcache.TTL(time.Hour))
	require.NoError(t, err)
	require.True(t, ok)

	// Others share the store below.
	require.NoError(t, m.Set("other", nil))
	require.NoError(t, New(m, String(), Strings[string](), nil).Set("user", "x"))
	var keys []int
	for it, err := range s.All(diskcache.Range{Order: diskcache.ByKey}) {
		require.NoError(t, err)
		keys = append(keys, it.Key)
	}
	require.Equal(t, []int{-2, 1}, keys)
	keys = nil
	for it, err := range s.All(diskcache.Range{Order: diskcache.ByKey, From: Ints[int]().Encode(0)}) {
		require.NoError(t, err)
		keys = append(keys, it.Key)
	}
	require.Equal(t, []int{1}, keys)

	require.NoError(t, s.Transact(t.Context(), func(tx *Ops[int, user]) error {
		u, err := tx.Get(1)
		if err != nil {
			return err
		}
		u.Name += "!"
		return tx.Set(1, u)
	}))
	got, err = s.Pop(1)
	require.NoError(t, err)
	require.Equal(t, "b!", got.Name)
	ok, err = s.Has(1)
	require.NoError(t, err)
	require.False(t, ok)
	ok, err = s.Delete(-2)
	require.NoError(t, err)
	require.True(t, ok)
}

// TestDoesNotDecode: an item that is not what it should be is an error that names it, and stays.
func TestDoesNotDecode(t *testing.T) {
	m := memory.New(nil)
	defer m.Close()
	s := New(m, JSON[user](), Strings[string](), &Options[string]{Prefix: "p/"})
	defer s.Close()
	require.NoError(t, s.Set("good", user{}))
	named := func(key string, err error) {
		t.Helper()
		var d *DecodeError
		require.ErrorAs(t, err, &d)
		require.Equal(t, key, d.Key)
		require.ErrorContains(t, err, key)
		require.False(t, errors.Is(err, diskcache.ErrNotFound), "it is no miss")
		ok, err := m.Has(key)
		require.NoError(t, err)
		require.True(t, ok)
	}
	bad := func(value string, opts ...diskcache.SetOption) {
		t.Helper()
		require.NoError(t, m.Set("p/bad", []byte(value), opts...))
		_, err := s.Get("bad")
		named("p/bad", err)
		_, err = s.Item("bad")
		named("p/bad", err)
		_, err = s.Pop("bad")
		named("p/bad", err)
		_, _, err = s.GetOrSet("bad", user{})
		named("p/bad", err)
		_, err = s.Fetch(t.Context(), "bad", nil, nil)
		named("p/bad", err)
		n, errs := 0, 0
		for _, err := range s.All(diskcache.Range{}) {
			n++
			if err != nil {
				errs++
				named("p/bad", err)
			}
		}
		require.Equal(t, []int{2, 1}, []int{n, errs}, "the walk goes on")
	}
	bad("{")
	bad("{}", diskcache.Kind(KindFetched)) // shorter than what Fetch adds
	require.NoError(t, s.Set("bad", user{}))

	numbers := New(m, String(), Ints[int](), &Options[int]{Prefix: "n/"})
	require.NoError(t, m.Set("n/no number", nil))
	for _, err := range numbers.All(diskcache.Range{}) {
		named("n/no number", err)
	}

	c := New(m, JSON[chan int](), Strings[string](), nil)
	var e *EncodeError
	require.ErrorAs(t, c.Set("p/good", make(chan int)), &e)
	require.Equal(t, "p/good", e.Key)
	_, err := s.Get("good")
	require.NoError(t, err, "nothing was stored")
}

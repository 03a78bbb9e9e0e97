package storetest

import (
	"fmt"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var changeCases = []testCase{
	{"Set", set},
	{"AddReplace", addReplace},
	{"CompareAndSwap", compareAndSwap},
	{"GetOrSet", getOrSet},
	{"Pop", pop},
	{"SetMany", setMany},
	{"DeleteMany", deleteMany},
}

func set(e *env) {
	e.transact(func(o diskcache.Ops) {
		e.gone(o, "k")
		require.NoError(e, o.Set("k", []byte("1")))
		e.is(o, "k", "1")
		require.NoError(e, o.Set("k", []byte("22")))
		e.is(o, "k", "22")
		e.gone(o, "K")
		e.yes(o.Delete("k"))
		e.gone(o, "k")
		e.no(o.Delete("k"))
		require.NoError(e, o.Set("k", []byte("3")))
		e.is(o, "k", "3")
	})
}

func addReplace(e *env) {
	e.transact(func(o diskcache.Ops) {
		e.no(o.Replace("k", []byte("0")))
		e.gone(o, "k")
		e.yes(o.Add("k", []byte("1"), diskcache.TTL(hour), diskcache.Tag("t")))
		e.is(o, "k", "1")
		e.no(o.Add("k", []byte("2")))
		it := e.item(o, "k")
		require.Equal(e, "1", string(it.Value))
		require.Equal(e, "t", it.Tag, "what was not stored changes nothing")
		e.yes(o.Replace("k", []byte("3"), diskcache.Kind(2)))
		it = e.item(o, "k")
		require.Equal(e, "3", string(it.Value))
		require.Empty(e, it.Tag, "all of the item is replaced")
		require.EqualValues(e, 2, it.Kind)
		require.True(e, it.Expires.IsZero())
		e.yes(o.Delete("k"))
		e.yes(o.Add("k", nil))
		e.is(o, "k", "")
	})
}

func compareAndSwap(e *env) {
	e.no(e.CompareAndSwap("k", 1, []byte("x")))
	e.gone(e.Store, "k")
	e.yes(e.CompareAndSwap("k", 0, []byte("1")))
	e.no(e.CompareAndSwap("k", 0, []byte("x")))
	v := e.item(e.Store, "k").Version
	e.no(e.CompareAndSwap("k", v+1, []byte("x")))
	e.no(e.CompareAndSwap("k", v-1, []byte("x")))
	e.yes(e.CompareAndSwap("k", v, []byte("2"), diskcache.Tag("t")))
	e.no(e.CompareAndSwap("k", v, []byte("x")))
	it := e.item(e.Store, "k")
	require.Equal(e, "2", string(it.Value))
	require.Equal(e, "t", it.Tag)

	// The same bytes are another version.
	e.set("k", "2")
	e.no(e.CompareAndSwap("k", it.Version, []byte("x")))
	v = e.item(e.Store, "k").Version
	e.yes(e.Delete("k"))
	e.set("k", "2")
	e.no(e.CompareAndSwap("k", v, []byte("x")))
	e.is(e.Store, "k", "2")

	// In a transaction: by the version of what was there.
	v = e.item(e.Store, "k").Version
	tx := e.begin()
	e.no(tx.CompareAndSwap("k", v-1, []byte("x")))
	e.yes(tx.CompareAndSwap("k", v, []byte("3")))
	e.no(tx.CompareAndSwap("k", v, []byte("x")))
	e.no(tx.CompareAndSwap("k", 0, []byte("x")))
	require.Zero(e, e.item(tx, "k").Version)
	require.NoError(e, tx.Commit())
	e.is(e.Store, "k", "3")
	require.Greater(e, e.item(e.Store, "k").Version, v)
}

func getOrSet(e *env) {
	e.transact(func(o diskcache.Ops) {
		v, loaded, err := o.GetOrSet("k", []byte("1"), diskcache.Tag("t"))
		require.NoError(e, err)
		require.False(e, loaded)
		require.Equal(e, "1", string(v))
		v, loaded, err = o.GetOrSet("k", []byte("2"))
		require.NoError(e, err)
		require.True(e, loaded)
		require.Equal(e, "1", string(v))
		it := e.item(o, "k")
		require.Equal(e, "1", string(it.Value))
		require.Equal(e, "t", it.Tag)
	})
}

func pop(e *env) {
	e.transact(func(o diskcache.Ops) {
		_, err := o.Pop("k")
		require.ErrorIs(e, err, diskcache.ErrNotFound)
		require.NoError(e, o.Set("k", []byte("v"), diskcache.Tag("t"), diskcache.Kind(3)))
		it, err := o.Pop("k")
		require.NoError(e, err)
		require.Equal(e, "k", it.Key)
		require.Equal(e, "v", string(it.Value))
		require.Equal(e, "t", it.Tag)
		require.EqualValues(e, 3, it.Kind)
		e.gone(o, "k")
		_, err = o.Pop("k")
		require.ErrorIs(e, err, diskcache.ErrNotFound)
	})
}

func setMany(e *env) {
	require.NoError(e, e.SetMany(nil))
	e.set("b", "old", diskcache.Tag("old"))
	items := []diskcache.KeyValue{}
	for i := range 100 {
		items = append(items, diskcache.KeyValue{Key: fmt.Sprint(99 - i), Value: []byte(fmt.Sprint("v", i))})
	}
	items = append(items, diskcache.KeyValue{Key: "b", Value: []byte("new")}, diskcache.KeyValue{Key: "99", Value: []byte("last")})
	require.NoError(e, e.SetMany(items, diskcache.Tag("t"), diskcache.TTL(hour)))
	e.is(e.Store, "99", "last")
	e.is(e.Store, "0", "v99")
	it := e.item(e.Store, "b")
	require.Equal(e, "new", string(it.Value))
	require.Equal(e, "t", it.Tag)
	require.False(e, it.Expires.IsZero())
	keys := e.keys(e.Scan(diskcache.Range{}))
	require.Len(e, keys, 101)
	if !e.anyOrder {
		require.Equal(e, []string{"b", "99", "98"}, keys[:3], "they are inserted in the order given")
		require.Equal(e, "0", keys[100])
	}

	// All or none.
	big := string(make([]byte, diskcache.MaxKeySize+1))
	err := e.SetMany([]diskcache.KeyValue{{Key: "first", Value: []byte("v")}, {Key: big}})
	require.ErrorIs(e, err, diskcache.ErrTooLarge)
	e.gone(e.Store, "first")
}

func deleteMany(e *env) {
	e.set("a", "1")
	e.set("b", "2")
	e.set("c", "3")
	e.set("over", "4", diskcache.TTL(0))
	n, err := e.DeleteMany([]string{"a", "none", "c", "a", "over"})
	require.NoError(e, err)
	require.Equal(e, 2, n)
	e.gone(e.Store, "a")
	e.gone(e.Store, "c")
	e.is(e.Store, "b", "2")
	n, err = e.DeleteMany(nil)
	require.NoError(e, err)
	require.Zero(e, n)
}

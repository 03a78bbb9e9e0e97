package storetest

import (
	"bytes"
	"fmt"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var readCases = []testCase{
	{"Values/Owned", valuesOwned},
	{"Values/AnyBytes", anyBytes},
	{"Item", itemTells},
	{"Versions", versionsGrow},
	{"GetMany", getMany},
	{"Count", counts},
	{"Persist", persists},
}

// valuesOwned: what a caller gives and gets is the caller's.
func valuesOwned(e *env) {
	given := []byte("value")
	require.NoError(e, e.Set("k", given))
	copy(given, "XXXXX")
	e.is(e.Store, "k", "value")

	scrawl := func(v []byte, err error) {
		require.NoError(e, err)
		require.Equal(e, "value", string(v))
		copy(v, "XXXXX")
		e.is(e.Store, "k", "value")
	}
	scrawl(e.Get("k"))
	scrawl(e.GetAppend("k", nil))
	it, err := e.Item("k")
	scrawl(it.Value, err)
	many, err := e.GetMany([]string{"k"})
	require.Len(e, many, 1)
	scrawl(many[0], err)
	v, loaded, err := e.GetOrSet("k", []byte("other"))
	require.True(e, loaded)
	scrawl(v, err)
	it, err = e.PeekItem(diskcache.Front)
	scrawl(it.Value, err)
	for it, err := range e.ScanItems(diskcache.Range{}) {
		scrawl(it.Value, err)
	}
	v, err = e.GetAppend("k", []byte("a "))
	require.NoError(e, err)
	require.Equal(e, "a value", string(v))

	// What GetOrSet returns of its own is not what it has stored.
	given = []byte("value")
	v, loaded, err = e.GetOrSet("new", given)
	require.NoError(e, err)
	require.False(e, loaded)
	copy(v, "XXXXX")
	copy(given, "YYYYY")
	e.is(e.Store, "new", "value")

	// A transaction has not written yet what it was given.
	tx := e.begin()
	given = []byte("value")
	require.NoError(e, tx.Set("t", given))
	copy(given, "XXXXX")
	e.is(tx, "t", "value")
	v, err = tx.Get("t")
	require.NoError(e, err)
	copy(v, "XXXXX")
	require.NoError(e, tx.Commit())
	e.is(e.Store, "t", "value")
}

// anyBytes: keys and values are any bytes, also none.
func anyBytes(e *env) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	big := bytes.Repeat([]byte("0123456789"), 30_000)
	want := map[string][]byte{
		"": []byte("of the empty key"), "empty": {}, "nil": nil, "\x00": {0}, "\x00\x00": {0, 0},
		string(all): all, "\xff\xfe": []byte("no UTF-8"), "big": big,
	}
	for k, v := range want {
		require.NoError(e, e.Set(k, v))
	}
	for k, v := range want {
		got, err := e.Get(k)
		require.NoError(e, err, "%q", k)
		require.True(e, bytes.Equal(v, got), "%q", k)
		it := e.item(e.Store, k)
		require.Equal(e, k, it.Key)
		require.EqualValues(e, len(v), it.Size)
	}
	n, err := e.Len()
	require.NoError(e, err)
	require.Equal(e, len(want), n)
}

func itemTells(e *env) {
	now := e.clock.Now()
	e.set("plain", "v")
	it := e.item(e.Store, "plain")
	require.Equal(e, "plain", it.Key)
	require.True(e, it.Expires.IsZero())
	require.Empty(e, it.Tag)
	require.Zero(e, it.Kind)
	require.EqualValues(e, 1, it.Size)
	require.NotZero(e, it.Version)
	require.WithinDuration(e, now, it.Stored, second)
	require.WithinDuration(e, now, it.Created, second)

	e.set("all", "value", diskcache.TTL(hour), diskcache.Tag("t"), diskcache.Kind(7))
	it = e.item(e.Store, "all")
	require.True(e, it.Expires.Equal(now.Add(hour)), "%v is not %v", it.Expires, now.Add(hour))
	require.Equal(e, "t", it.Tag)
	require.EqualValues(e, 7, it.Kind)

	// Setting a key replaces all but when it was created.
	e.clock.Advance(hour / 2)
	e.set("all", "v")
	it2 := e.item(e.Store, "all")
	require.True(e, it2.Created.Equal(it.Created))
	require.True(e, it2.Stored.After(it.Stored))
	require.True(e, it2.Expires.IsZero())
	require.Empty(e, it2.Tag)
	require.Zero(e, it2.Kind)

	// It is another one after it was gone.
	e.yes(e.Delete("all"))
	e.set("all", "v")
	require.True(e, e.item(e.Store, "all").Created.After(it.Created))
}

func versionsGrow(e *env) {
	last, lastOf := uint64(0), make(map[string]uint64)
	grows := func(key string) {
		e.Helper()
		v := e.item(e.Store, key).Version
		if !e.anyOrder {
			require.Greater(e, v, last)
		}
		require.Greater(e, v, lastOf[key])
		last, lastOf[key] = v, v
		require.Equal(e, v, e.item(e.Store, key).Version, "reading changes nothing")
	}
	for i := range 3 {
		e.set("a", "same")
		grows("a")
		e.set(fmt.Sprint(i), "same")
		grows(fmt.Sprint(i))
	}
	e.yes(e.Delete("a"))
	e.set("a", "same")
	grows("a")
	_, err := e.Incr("n", 1)
	require.NoError(e, err)
	grows("n")
	_, err = e.Incr("n", 0)
	require.NoError(e, err)
	grows("n")
}

func getMany(e *env) {
	e.set("a", "1")
	e.set("b", "")
	e.set("over", "2", diskcache.TTL(0))
	got, err := e.GetMany([]string{"b", "none", "a", "over", "a"})
	require.NoError(e, err)
	require.Len(e, got, 5)
	require.NotNil(e, got[0])
	require.Empty(e, got[0])
	require.Nil(e, got[1])
	require.Equal(e, "1", string(got[2]))
	require.Nil(e, got[3])
	require.Equal(e, "1", string(got[4]))
	got, err = e.GetMany(nil)
	require.NoError(e, err)
	require.Empty(e, got)
}

func counts(e *env) {
	n, err := e.Len()
	require.NoError(e, err)
	require.Zero(e, n)
	empty, err := e.Volume()
	require.NoError(e, err)
	value := bytes.Repeat([]byte{'x'}, 1000)
	for i := range 100 {
		require.NoError(e, e.Set(fmt.Sprint(i), value, diskcache.Tag([]string{"even", "odd"}[i%2])))
	}
	full, err := e.Volume()
	require.NoError(e, err)
	require.GreaterOrEqual(e, full-empty, int64(100*1000))
	s, err := e.Stats()
	require.NoError(e, err)
	require.EqualValues(e, 100, s.Items)

	n, err = e.EvictTag("odd")
	require.NoError(e, err)
	require.Equal(e, 50, n)
	e.gone(e.Store, "1")
	e.is(e.Store, "0", string(value))
	n, err = e.EvictTag("none")
	require.NoError(e, err)
	require.Zero(e, n)
	n, err = e.Cull()
	require.NoError(e, err)
	require.Zero(e, n, "nothing is beyond a limit")
	n, err = e.Len()
	require.NoError(e, err)
	require.Equal(e, 50, n)
	half, err := e.Volume()
	require.NoError(e, err)
	require.Less(e, half, full)

	n, err = e.Clear()
	require.NoError(e, err)
	require.Equal(e, 50, n)
	n, err = e.Len()
	require.NoError(e, err)
	require.Zero(e, n)
	e.gone(e.Store, "0")
	require.Empty(e, e.keys(e.Scan(diskcache.Range{})))
	n, err = e.Clear()
	require.NoError(e, err)
	require.Zero(e, n)
	e.set("0", "again")
	e.is(e.Store, "0", "again")
}

// persists: all of an item is there after the store was closed and opened.
func persists(e *env) {
	if e.reopen == nil {
		e.Skip("the store does not persist")
	}
	e.set("c", "3")
	e.set("a", "1", diskcache.TTL(hour), diskcache.Tag("t"), diskcache.Kind(9))
	e.set("over", "x", diskcache.TTL(second))
	key, err := e.Push("q", []byte("first"), diskcache.Back)
	require.NoError(e, err)
	require.NoError(e, diskcache.Transact(e.ctx(), e.Store, func(tx diskcache.Txn) error { return tx.Set("tx", []byte("2")) }))
	was := e.item(e.Store, "a")
	e.clock.Advance(second)
	e.Store = e.reopen()
	is := e.item(e.Store, "a")
	was.OnDisk, is.OnDisk = 0, 0
	require.Equal(e, was, is)
	e.gone(e.Store, "over")
	e.is(e.Store, "tx", "2")
	e.inserted([]string{"c", "a", key, "tx"}, e.keys(e.Scan(diskcache.Range{})))
	it, err := e.Pull("q", diskcache.Front)
	require.NoError(e, err)
	require.Equal(e, "first", string(it.Value))
	e.set("a", "4")
	require.Greater(e, e.item(e.Store, "a").Version, was.Version)
}

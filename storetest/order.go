package storetest

import (
	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var orderCases = []testCase{
	{"PeekItem", peekItem},
	{"PeekItem/Expired", peekExpired},
}

// peeks checks what was inserted first and last.
func (e *env) peeks(o diskcache.Ops, first, last string) {
	e.Helper()
	it, err := o.PeekItem(diskcache.Front)
	require.NoError(e, err)
	require.Equal(e, first, it.Key)
	it, err = o.PeekItem(diskcache.Back)
	require.NoError(e, err)
	require.Equal(e, last, it.Key)
}

func peekItem(e *env) {
	e.needsOrder()
	e.transact(func(o diskcache.Ops) {
		for _, side := range []diskcache.Side{diskcache.Front, diskcache.Back} {
			_, err := o.PeekItem(side)
			require.ErrorIs(e, err, diskcache.ErrNotFound)
		}
		put := func(key string) {
			e.Helper()
			require.NoError(e, o.Set(key, []byte("v"+key)))
		}
		put("c")
		e.peeks(o, "c", "c")
		put("a")
		put("b")
		e.peeks(o, "c", "b")
		put("c") // an overwritten key keeps its place
		e.peeks(o, "c", "b")
		_, err := o.Touch("c")
		require.NoError(e, err)
		e.yes(o.Replace("c", []byte("vc")))
		e.peeks(o, "c", "b")
		e.yes(o.Delete("c")) // one that was deleted comes last
		e.peeks(o, "a", "b")
		put("c")
		e.peeks(o, "a", "c")
		it, err := o.PeekItem(diskcache.Back)
		require.NoError(e, err)
		require.Equal(e, "vc", string(it.Value))
		_, err = o.Pop("a")
		require.NoError(e, err)
		e.peeks(o, "b", "c")
	})

	// What a transaction changes lies on top of what was there.
	e.set("new", "v")
	tx := e.begin()
	e.yes(tx.Delete("b"))
	e.peeks(tx, "c", "new")
	require.NoError(e, tx.Set("c", []byte("x")))
	require.NoError(e, tx.Set("b", []byte("x")))
	e.peeks(tx, "c", "b")
	e.peeks(e.Store, "b", "new")
	require.NoError(e, tx.Commit())
	e.peeks(e.Store, "c", "b")
}

func peekExpired(e *env) {
	e.needsOrder()
	e.set("first", "v", diskcache.TTL(second))
	e.set("a", "v")
	e.set("b", "v", diskcache.TTL(hour))
	e.set("last", "v", diskcache.TTL(second))
	e.clock.Advance(second)
	e.peeks(e.Store, "a", "b")
	e.set("first", "v") // it was absent
	e.peeks(e.Store, "a", "first")
	e.clock.Advance(hour)
	e.yes(e.Delete("first"))
	e.peeks(e.Store, "a", "a")
}

package storetest

import (
	"math"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

const (
	second = time.Second
	hour   = time.Hour
)

var ttlCases = []testCase{
	{"TTL/DeadAtDeadline", deadAtDeadline},
	{"TTL/AtOnce", deadAtOnce},
	{"TTL/Far", farAway},
	{"TTL/AbsentToAll", expiredIsAbsent},
	{"Touch", touch},
	{"Expire", expire},
}

func deadAtDeadline(e *env) {
	at := e.clock.Now().Add(hour)
	e.set("ttl", "v", diskcache.TTL(hour))
	e.set("at", "v", diskcache.ExpireAt(at))
	e.set("never", "v")
	e.clock.Advance(hour - 1)
	e.is(e.Store, "ttl", "v")
	e.is(e.Store, "at", "v")
	e.clock.Advance(1)
	for _, k := range []string{"ttl", "at"} {
		e.gone(e.Store, k)
		_, err := e.Pop(k)
		require.ErrorIs(e, err, diskcache.ErrNotFound)
		e.no(e.Delete(k))
		e.gone(e.Store, k)
	}
	e.is(e.Store, "never", "v")
}

func deadAtOnce(e *env) {
	now := e.clock.Now()
	for _, o := range []diskcache.SetOption{
		diskcache.TTL(0), diskcache.TTL(-hour), diskcache.ExpireAt(now), diskcache.ExpireAt(now.Add(-1)),
		diskcache.ExpireAt(time.Unix(0, 0)), diskcache.ExpireAt(time.Time{}), diskcache.ExpireAt(time.Unix(-1<<40, 0)),
	} {
		e.set("k", "there")
		e.set("k", "v", o)
		e.gone(e.Store, "k")
	}
}

func farAway(e *env) {
	for _, o := range []diskcache.SetOption{
		diskcache.TTL(math.MaxInt64), diskcache.ExpireAt(time.Unix(1<<40, 0)),
	} {
		e.set("k", "v", o)
		e.is(e.Store, "k", "v")
		e.clock.Advance(hour)
		e.is(e.Store, "k", "v")
	}
}

// expiredIsAbsent: to all operations a key whose time is over has no item.
func expiredIsAbsent(e *env) {
	e.transact(func(o diskcache.Ops) {
		over := func() {
			e.Helper()
			require.NoError(e, o.Set("k", []byte("1"), diskcache.TTL(second), diskcache.Tag("t"), diskcache.Kind(3)))
			e.clock.Advance(second)
		}
		over()
		e.no(o.Replace("k", []byte("2")))
		over()
		e.no(o.Touch("k", diskcache.TTL(hour)))
		e.gone(o, "k")
		over()
		e.no(o.Delete("k"))
		over()
		e.yes(o.Add("k", []byte("2")))
		e.is(o, "k", "2")
		over()
		e.yes(o.CompareAndSwap("k", 0, []byte("3")))
		e.is(o, "k", "3")
		over()
		v, loaded, err := o.GetOrSet("k", []byte("4"))
		require.NoError(e, err)
		require.False(e, loaded)
		require.Equal(e, "4", string(v))
		over()
		n, err := o.Incr("k", 5)
		require.NoError(e, err)
		require.EqualValues(e, 5, n, "it begins at 0")
		it := e.item(o, "k")
		require.True(e, it.Expires.IsZero())
		require.Empty(e, it.Tag)
		require.Zero(e, it.Kind)
		e.yes(o.Delete("k"))
	})
}

func touch(e *env) {
	e.no(e.Touch("none", diskcache.TTL(hour)))
	e.gone(e.Store, "none")
	e.set("k", "v", diskcache.TTL(hour), diskcache.Tag("t"), diskcache.Kind(5))
	was := e.item(e.Store, "k")
	e.clock.Advance(second)
	e.yes(e.Touch("k", diskcache.TTL(2*hour)))
	is := e.item(e.Store, "k")
	require.True(e, is.Expires.Equal(e.clock.Now().Add(2*hour)))
	require.Equal(e, "v", string(is.Value))
	require.Equal(e, "t", is.Tag)
	require.EqualValues(e, 5, is.Kind)
	require.True(e, is.Created.Equal(was.Created))

	e.clock.Advance(hour)
	e.is(e.Store, "k", "v")
	e.yes(e.Touch("k", diskcache.Tag("other"), diskcache.Kind(6)))
	is = e.item(e.Store, "k")
	require.True(e, is.Expires.IsZero(), "without TTL it never expires")
	require.Equal(e, "t", is.Tag)
	require.EqualValues(e, 5, is.Kind)
	e.clock.Advance(100 * hour)
	e.is(e.Store, "k", "v")

	e.yes(e.Touch("k", diskcache.ExpireAt(e.clock.Now())))
	e.gone(e.Store, "k")
	e.no(e.Touch("k"))
}

func expire(e *env) {
	for _, k := range []string{"a", "b", "c"} {
		e.set(k, "v", diskcache.TTL(second))
	}
	e.set("later", "v", diskcache.TTL(hour))
	e.set("never", "v")
	n, err := e.Expire()
	require.NoError(e, err)
	require.Zero(e, n)
	e.clock.Advance(second)
	before, err := e.Len() // a store may have begun to remove them
	require.NoError(e, err)
	n, err = e.Expire()
	require.NoError(e, err)
	after, err := e.Len()
	require.NoError(e, err)
	require.Equal(e, 2, after)
	require.Equal(e, before-after, n)
	e.is(e.Store, "later", "v")
	e.is(e.Store, "never", "v")

	// Many that expire at the same time are no reason to leave any.
	for i := range 700 {
		e.set(string(rune('A'+i)), "v", diskcache.TTL(second))
	}
	e.clock.Advance(second)
	_, err = e.Expire()
	require.NoError(e, err)
	n, err = e.Len()
	require.NoError(e, err)
	require.Equal(e, 2, n)
}

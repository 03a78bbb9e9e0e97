package storetest

import (
	"fmt"
	"slices"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var queueCases = []testCase{
	{"Queue/BothEnds", queueEnds},
	{"Queue/Keys", queueKeys},
	{"Queue/Prefixes", queuePrefixes},
	{"Queue/Expired", queueExpired},
	{"Queue/At", queueAt},
	{"Queue/Attributes", queueAttributes},
	{"Queue/Rollback", queueRollback},
}

func (e *env) push(o diskcache.Ops, prefix, value string, side diskcache.Side, opts ...diskcache.SetOption) string {
	e.Helper()
	key, err := o.Push(prefix, []byte(value), side, opts...)
	require.NoError(e, err)
	e.is(o, key, value)
	return key
}

// pulls checks what an end of a queue has, by Peek and then by Pull.
func (e *env) pulls(o diskcache.Ops, prefix string, side diskcache.Side, want string) {
	e.Helper()
	peeked, err := o.Peek(prefix, side)
	require.NoError(e, err)
	it, err := o.Pull(prefix, side)
	require.NoError(e, err)
	require.Equal(e, want, string(it.Value))
	require.Equal(e, peeked, it)
	e.gone(o, it.Key)
}

func (e *env) empty(o diskcache.Ops, prefix string) {
	e.Helper()
	for _, side := range []diskcache.Side{diskcache.Front, diskcache.Back} {
		_, err := o.Peek(prefix, side)
		require.ErrorIs(e, err, diskcache.ErrNotFound)
		_, err = o.Pull(prefix, side)
		require.ErrorIs(e, err, diskcache.ErrNotFound)
	}
	n, err := o.QueueLen(prefix)
	require.NoError(e, err)
	require.Zero(e, n)
}

func (e *env) queueIs(o diskcache.Ops, prefix string, want ...string) {
	e.Helper()
	n, err := o.QueueLen(prefix)
	require.NoError(e, err)
	require.Equal(e, len(want), n)
	for i, w := range want {
		for _, at := range []int{i, i - len(want)} {
			it, err := o.QueueAt(prefix, at)
			require.NoError(e, err)
			require.Equal(e, w, string(it.Value), "at %d", at)
		}
	}
}

func queueEnds(e *env) {
	e.transact(func(o diskcache.Ops) {
		for _, prefix := range []string{"q", ""} {
			e.empty(o, prefix)
			for i := range 5 {
				e.push(o, prefix, fmt.Sprint("back", i), diskcache.Back)
				e.push(o, prefix, fmt.Sprint("front", i), diskcache.Front)
			}
			e.queueIs(o, prefix, "front4", "front3", "front2", "front1", "front0", "back0", "back1", "back2", "back3", "back4")
			e.pulls(o, prefix, diskcache.Front, "front4")
			e.pulls(o, prefix, diskcache.Back, "back4")
			e.push(o, prefix, "new", diskcache.Back)
			e.queueIs(o, prefix, "front3", "front2", "front1", "front0", "back0", "back1", "back2", "back3", "new")
			for _, want := range []string{"front3", "front2", "front1", "front0", "back0", "back1", "back2", "back3", "new"} {
				e.pulls(o, prefix, diskcache.Front, want)
			}
			e.empty(o, prefix)
		}
	})
}

// queueKeys: how keys are made is promised.
func queueKeys(e *env) {
	e.transact(func(o diskcache.Ops) {
		first := e.push(o, "q", "1", diskcache.Back)
		require.Regexp(e, `^q-[0-9]{15}$`, first)
		second := e.push(o, "q", "2", diskcache.Back)
		require.Regexp(e, `^q-[0-9]{15}$`, second)
		require.Less(e, first, second)
		require.Less(e, e.push(o, "q", "0", diskcache.Front), first)
		require.Regexp(e, `^[0-9]{15}$`, e.push(o, "", "1", diskcache.Back))

		// What looks so belongs to the queue, whoever has set it.
		require.NoError(e, o.Set("mine-000000000000500", []byte("b")))
		require.NoError(e, o.Set("mine-000000000000020", []byte("a")))
		require.NoError(e, o.Set("mine-00000000000020", []byte("too short")))
		require.NoError(e, o.Set("mine-0000000000000200", []byte("too long")))
		require.NoError(e, o.Set("mine-00000000000020x", []byte("no number")))
		require.NoError(e, o.Set("mine", []byte("no queue")))
		require.NoError(e, o.Set("-000000000000020", []byte("neither with a prefix nor without")))
		require.NoError(e, o.Set("none-000000000000000", []byte("below all numbers")))
		require.NoError(e, o.Set("none-999999999999999", []byte("above all numbers")))
		e.empty(o, "none")
		n, err := o.QueueLen("")
		require.NoError(e, err)
		require.Equal(e, 1, n)
		e.queueIs(o, "mine", "a", "b")
		require.Equal(e, "mine-000000000000501", e.push(o, "mine", "c", diskcache.Back))
		require.Equal(e, "mine-000000000000019", e.push(o, "mine", "0", diskcache.Front))
		e.yes(o.Delete("mine-000000000000500"))
		e.queueIs(o, "mine", "0", "a", "c")

		// There is no number beyond the last one: nothing is stored, and nothing replaced.
		require.NoError(e, o.Set("end-999999999999998", []byte("last")))
		_, err = o.Push("end", []byte("x"), diskcache.Back)
		require.ErrorIs(e, err, diskcache.ErrOverflow)
		e.queueIs(o, "end", "last")
		require.NoError(e, o.Set("begin-000000000000001", []byte("first")))
		_, err = o.Push("begin", []byte("x"), diskcache.Front)
		require.ErrorIs(e, err, diskcache.ErrOverflow)
		e.queueIs(o, "begin", "first")
	})
}

// queuePrefixes: a queue is none of another whose prefix begins alike.
func queuePrefixes(e *env) {
	e.transact(func(o diskcache.Ops) {
		prefixes := []string{"a", "a-5", "a-", "a-500000000000000", "", "-", "b", "a\x00", "A", "\xff", "5", "500000000000000"}
		for _, p := range prefixes {
			for i := range 3 {
				e.push(o, p, fmt.Sprint(p, "|", i), diskcache.Back)
			}
		}
		for _, p := range prefixes {
			e.queueIs(o, p, p+"|0", p+"|1", p+"|2")
		}
		slices.Reverse(prefixes)
		for _, p := range prefixes {
			e.pulls(o, p, diskcache.Back, p+"|2")
			e.pulls(o, p, diskcache.Front, p+"|0")
			e.pulls(o, p, diskcache.Front, p+"|1")
			e.empty(o, p)
		}
	})
}

// queueExpired: what has expired at an end is passed over.
func queueExpired(e *env) {
	e.transact(func(o diskcache.Ops) {
		fill := func() {
			e.push(o, "q", "1", diskcache.Back, diskcache.TTL(second))
			e.push(o, "q", "2", diskcache.Back, diskcache.TTL(second))
			e.push(o, "q", "3", diskcache.Back)
			e.push(o, "q", "4", diskcache.Back, diskcache.TTL(hour))
			e.push(o, "q", "5", diskcache.Back, diskcache.TTL(second))
			e.clock.Advance(second)
		}
		fill()
		e.pulls(o, "q", diskcache.Back, "4")
		e.pulls(o, "q", diskcache.Front, "3")
		_, err := o.Pull("q", diskcache.Front)
		require.ErrorIs(e, err, diskcache.ErrNotFound)
		_, err = o.Pull("q", diskcache.Back)
		require.ErrorIs(e, err, diskcache.ErrNotFound)
		fill()
		e.pulls(o, "q", diskcache.Front, "3")
		e.pulls(o, "q", diskcache.Front, "4")
		_, err = o.Peek("q", diskcache.Front)
		require.ErrorIs(e, err, diskcache.ErrNotFound)
	})
}

func queueAt(e *env) {
	e.transact(func(o diskcache.Ops) {
		missing := func(i int) {
			e.Helper()
			_, err := o.QueueAt("q", i)
			require.ErrorIs(e, err, diskcache.ErrNotFound, "at %d", i)
		}
		missing(0)
		missing(-1)
		want := []string{}
		for i := range 2000 {
			if i%100 == 0 {
				e.push(o, "q", fmt.Sprint(i), diskcache.Back)
			} else {
				_, err := o.Push("q", []byte(fmt.Sprint(i)), diskcache.Back)
				require.NoError(e, err)
			}
			want = append(want, fmt.Sprint(i))
		}
		for _, i := range []int{0, 1, 63, 999, 1000, 1999, -1, -2, -1000, -2000} {
			it, err := o.QueueAt("q", i)
			require.NoError(e, err)
			require.Equal(e, want[(i+2000)%2000], string(it.Value))
		}
		missing(2000)
		missing(-2001)
		it, err := o.QueueAt("q", 500)
		require.NoError(e, err)
		e.yes(o.Delete(it.Key))
		it, err = o.QueueAt("q", 500)
		require.NoError(e, err)
		require.Equal(e, "501", string(it.Value))
		it, err = o.QueueAt("q", -1500)
		require.NoError(e, err)
		require.Equal(e, "499", string(it.Value))
		n, err := o.QueueLen("q")
		require.NoError(e, err)
		require.Equal(e, 1999, n)
	})
}

func queueAttributes(e *env) {
	e.transact(func(o diskcache.Ops) {
		key := e.push(o, "q", "v", diskcache.Back, diskcache.TTL(hour), diskcache.Tag("t"), diskcache.Kind(8))
		it, err := o.Pull("q", diskcache.Front)
		require.NoError(e, err)
		require.Equal(e, key, it.Key)
		require.Equal(e, "t", it.Tag)
		require.EqualValues(e, 8, it.Kind)
		require.True(e, it.Expires.Equal(e.clock.Now().Add(hour)))
	})
}

// queueRollback: in a transaction a queue is as it was with the changes on top; a rollback
// brings back what was pulled.
func queueRollback(e *env) {
	for i := range 4 {
		e.push(e.Store, "q", fmt.Sprint(i), diskcache.Back)
	}
	tx := e.begin()
	e.pulls(tx, "q", diskcache.Front, "0")
	e.pulls(tx, "q", diskcache.Back, "3")
	e.push(tx, "q", "new", diskcache.Back)
	e.push(tx, "q", "front", diskcache.Front)
	it, err := tx.QueueAt("q", 2)
	require.NoError(e, err)
	require.NoError(e, tx.Set(it.Key, []byte("two")))
	e.queueIs(tx, "q", "front", "1", "two", "new")
	e.queueIs(e.Store, "q", "0", "1", "2", "3")
	require.NoError(e, tx.Rollback())
	e.queueIs(e.Store, "q", "0", "1", "2", "3")

	tx = e.begin()
	for _, want := range []string{"0", "1", "2", "3"} {
		e.pulls(tx, "q", diskcache.Front, want)
	}
	e.empty(tx, "q")
	e.push(tx, "q", "5", diskcache.Back)
	e.queueIs(tx, "q", "5")
	require.NoError(e, tx.Commit())
	e.queueIs(e.Store, "q", "5")
}

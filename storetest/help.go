package storetest

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

// ctx is for waits that must not be long: a store that blocks for ever fails by it.
func (e *env) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	e.Cleanup(cancel)
	return ctx
}

func (e *env) set(key, value string, opts ...diskcache.SetOption) {
	e.Helper()
	require.NoError(e, e.Store.Set(key, []byte(value), opts...))
}

// is checks what a key has, by several ways of asking.
func (e *env) is(o diskcache.Ops, key, want string) {
	e.Helper()
	v, err := o.Get(key)
	require.NoError(e, err)
	require.Equal(e, want, string(v))
	ok, err := o.Has(key)
	require.NoError(e, err)
	require.True(e, ok, "Has(%q)", key)
	it, err := o.Item(key)
	require.NoError(e, err)
	require.Equal(e, want, string(it.Value))
}

// gone checks that a key has no item.
func (e *env) gone(o diskcache.Ops, key string) {
	e.Helper()
	_, err := o.Get(key)
	require.ErrorIs(e, err, diskcache.ErrNotFound)
	buf, err := o.GetAppend(key, []byte("buf"))
	require.ErrorIs(e, err, diskcache.ErrNotFound)
	require.Equal(e, "buf", string(buf))
	_, err = o.Item(key)
	require.ErrorIs(e, err, diskcache.ErrNotFound)
	ok, err := o.Has(key)
	require.NoError(e, err)
	require.False(e, ok, "Has(%q)", key)
}

func (e *env) item(o diskcache.Ops, key string) diskcache.Item {
	e.Helper()
	it, err := o.Item(key)
	require.NoError(e, err)
	return it
}

func (e *env) begin() diskcache.Txn {
	e.Helper()
	tx, err := e.Begin(e.ctx())
	require.NoError(e, err)
	return tx
}

// transact is for tests of what holds on a store and in a transaction: it runs test on both.
// In a transaction half of what was there before may be its own.
func (e *env) transact(test func(o diskcache.Ops)) {
	e.Helper()
	test(e.Store)
	_, err := e.Clear()
	require.NoError(e, err)
	tx := e.begin()
	defer func() { _ = tx.Rollback() }()
	test(tx)
	require.NoError(e, tx.Commit())
}

// yes and no check an answer that an operation gives beside an error.
func (e *env) yes(ok bool, err error) {
	e.Helper()
	require.NoError(e, err)
	require.True(e, ok)
}

func (e *env) no(ok bool, err error) {
	e.Helper()
	require.NoError(e, err)
	require.False(e, ok)
}

// keys returns what a walk yields.
func (e *env) keys(walk iter.Seq2[string, error]) []string {
	e.Helper()
	keys := []string{}
	for k, err := range walk {
		require.NoError(e, err)
		keys = append(keys, k)
	}
	return keys
}

// inserted checks the keys of a walk in the order of insertion.
func (e *env) inserted(want, got []string) {
	e.Helper()
	if e.anyOrder {
		require.ElementsMatch(e, want, got)
		return
	}
	require.Equal(e, want, got)
}

// needsOrder skips a test that is about the order of insertion.
func (e *env) needsOrder() {
	if e.anyOrder {
		e.Skip("the order of insertion is that of the clock")
	}
}

func notFound(err error) bool { return errors.Is(err, diskcache.ErrNotFound) }

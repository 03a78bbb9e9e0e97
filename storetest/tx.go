package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var txCases = []testCase{
	{"Tx/Commit", txCommit},
	{"Tx/Rollback", txRollback},
	{"Tx/Nested", txNested},
	{"Tx/NestedRollback", txNestedRollback},
	{"Tx/Done", txDone},
	{"Tx/Busy", txBusy},
	{"Tx/WritersWait", txWritersWait},
	{"Tx/Timeout", txTimeout},
	{"Tx/Transact", transacts},
}

func txCommit(e *env) {
	e.set("a", "1")
	e.set("b", "2")
	tx := e.begin()
	e.is(tx, "a", "1")
	require.NoError(e, tx.Set("a", []byte("10"), diskcache.Tag("t")))
	e.yes(tx.Delete("b"))
	e.yes(tx.Add("c", []byte("3")))
	n, err := tx.Incr("n", 1)
	require.NoError(e, err)
	require.EqualValues(e, 1, n)
	n, err = tx.Incr("n", 1)
	require.NoError(e, err)
	require.EqualValues(e, 2, n)
	e.is(tx, "a", "10")
	e.gone(tx, "b")
	require.Zero(e, e.item(tx, "a").Version)
	require.Equal(e, "t", e.item(tx, "a").Tag)

	// Others see nothing of it, and do not wait.
	e.is(e.Store, "a", "1")
	e.is(e.Store, "b", "2")
	e.gone(e.Store, "c")
	e.inserted([]string{"a", "b"}, e.keys(e.Scan(diskcache.Range{})))
	l, err := e.Len()
	require.NoError(e, err)
	require.Equal(e, 2, l)

	require.NoError(e, tx.Commit())
	e.is(e.Store, "a", "10")
	e.gone(e.Store, "b")
	e.is(e.Store, "c", "3")
	e.is(e.Store, "n", "2")
	require.NotZero(e, e.item(e.Store, "a").Version)
	e.inserted([]string{"a", "c", "n"}, e.keys(e.Scan(diskcache.Range{})))
	require.NoError(e, e.begin().Commit(), "one that has changed nothing")
}

func txRollback(e *env) {
	e.set("a", "1", diskcache.Tag("t"))
	was := e.item(e.Store, "a")
	tx := e.begin()
	require.NoError(e, tx.Set("a", []byte("10")))
	require.NoError(e, tx.Set("b", []byte("2")))
	e.yes(tx.Delete("a"))
	e.gone(tx, "a")
	require.NoError(e, tx.Rollback())
	require.Equal(e, was, e.item(e.Store, "a"))
	e.gone(e.Store, "b")
	e.set("a", "2") // writers go on
	e.is(e.Store, "a", "2")
}

func txNested(e *env) {
	tx := e.begin()
	require.NoError(e, tx.Set("a", []byte("1")))
	in, err := tx.Begin()
	require.NoError(e, err)
	e.is(in, "a", "1")
	require.NoError(e, in.Set("b", []byte("2")))
	deep, err := in.Begin()
	require.NoError(e, err)
	require.NoError(e, deep.Set("c", []byte("3")))
	require.NoError(e, deep.Commit())
	require.ErrorIs(e, deep.Set("d", nil), diskcache.ErrTxDone)
	require.NoError(e, in.Commit())
	require.NoError(e, in.Rollback(), "after Commit it does nothing")
	e.gone(e.Store, "b")
	e.is(tx, "b", "2")
	e.is(tx, "c", "3")
	require.NoError(e, tx.Commit())
	e.is(e.Store, "a", "1")
	e.is(e.Store, "b", "2")
	e.is(e.Store, "c", "3")
}

func txNestedRollback(e *env) {
	for _, end := range []func(diskcache.Txn) error{diskcache.Txn.Commit, diskcache.Txn.Rollback} {
		tx := e.begin()
		require.NoError(e, tx.Set("a", []byte("1")))
		in, err := tx.Begin()
		require.NoError(e, err)
		require.NoError(e, in.Set("b", []byte("2")))
		require.NoError(e, in.Rollback())
		require.ErrorIs(e, in.Commit(), diskcache.ErrTxDone)
		if err := end(tx); err != nil {
			require.ErrorIs(e, err, diskcache.ErrTxRolledBack)
		} else {
			require.NoError(e, tx.Rollback(), "Commit must say that nothing was committed")
		}
		e.gone(e.Store, "a")
		e.gone(e.Store, "b")
		e.set("c", "3") // it has ended
		e.yes(e.Delete("c"))
	}
	tx := e.begin()
	in, err := tx.Begin()
	require.NoError(e, err)
	require.NoError(e, in.Rollback())
	require.ErrorIs(e, tx.Commit(), diskcache.ErrTxRolledBack)
}

// txDone: a transaction that has ended does nothing.
func txDone(e *env) {
	e.set("k", "1")
	for _, end := range []func(diskcache.Txn) error{diskcache.Txn.Commit, diskcache.Txn.Rollback} {
		tx := e.begin()
		in, err := tx.Begin()
		require.NoError(e, err)
		require.NoError(e, in.Commit())
		require.NoError(e, end(tx))
		for what, err := range usesOf(tx) {
			require.ErrorIs(e, err, diskcache.ErrTxDone, what)
		}
		for what, err := range usesOf(in) {
			require.ErrorIs(e, err, diskcache.ErrTxDone, what)
		}
		require.ErrorIs(e, tx.Commit(), diskcache.ErrTxDone)
		e.is(e.Store, "k", "1")
	}
	tx := e.begin()
	require.NoError(e, tx.Commit())
	require.NoError(e, tx.Rollback(), "it may be deferred")
}

// usesOf yields what every operation of a transaction returns.
func usesOf(tx diskcache.Txn) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		_, get := tx.Get("k")
		_, getAppend := tx.GetAppend("k", nil)
		_, item := tx.Item("k")
		_, has := tx.Has("k")
		_, add := tx.Add("k", nil)
		_, replace := tx.Replace("k", nil)
		_, cas := tx.CompareAndSwap("k", 1, nil)
		_, _, getOrSet := tx.GetOrSet("k", nil)
		_, incr := tx.Incr("k", 1)
		_, decr := tx.Decr("k", 1)
		_, incrFloat := tx.IncrFloat("k", 1)
		_, touch := tx.Touch("k")
		_, pop := tx.Pop("k")
		_, del := tx.Delete("k")
		_, push := tx.Push("k", nil, diskcache.Back)
		_, pull := tx.Pull("k", diskcache.Back)
		_, peek := tx.Peek("k", diskcache.Back)
		_, queueAt := tx.QueueAt("k", 0)
		_, queueLen := tx.QueueLen("k")
		_, peekItem := tx.PeekItem(diskcache.Back)
		_, begin := tx.Begin()
		for _, u := range []struct {
			what string
			err  error
		}{
			{"Get", get}, {"GetAppend", getAppend}, {"Item", item}, {"Has", has}, {"Set", tx.Set("k", nil)},
			{"Add", add}, {"Replace", replace}, {"CompareAndSwap", cas}, {"GetOrSet", getOrSet}, {"Incr", incr},
			{"Decr", decr}, {"IncrFloat", incrFloat}, {"Touch", touch}, {"Pop", pop}, {"Delete", del}, {"Push", push},
			{"Pull", pull}, {"Peek", peek}, {"QueueAt", queueAt}, {"QueueLen", queueLen}, {"PeekItem", peekItem}, {"Begin", begin},
		} {
			if !yield(u.what, u.err) {
				return
			}
		}
	}
}

// txBusy uses a transaction while it is in use: the clock is asked in the middle of a read,
// and it is the clock that uses it a second time.
func txBusy(e *env) {
	e.set("k", "v", diskcache.TTL(hour))
	tx := e.begin()
	var inside, busy atomic.Bool
	e.clock.onNow(func() {
		if inside.CompareAndSwap(false, true) {
			_, err := tx.Has("other")
			if errors.Is(err, diskcache.ErrTxBusy) {
				busy.Store(true)
			}
			inside.Store(false)
		}
	})
	for range 10 { // a clock of the background may have been asked at the time
		_, err := tx.Get("k")
		if !errors.Is(err, diskcache.ErrTxBusy) {
			require.NoError(e, err)
		}
	}
	e.clock.onNow(nil)
	require.True(e, busy.Load(), "nobody was told that the transaction is in use")
	require.NoError(e, tx.Rollback())
}

// txWritersWait: no change of others comes between what a transaction reads and writes.
func txWritersWait(e *env) {
	e.set("n", "0")
	const goroutines, rounds = 8, 25
	errs := make(chan error)
	for g := range goroutines {
		go func() {
			var err error
			for i := 0; i < rounds && err == nil; i++ {
				if g%2 == 0 {
					_, err = e.Incr("n", 1)
					continue
				}
				err = diskcache.Transact(context.Background(), e.Store, func(tx diskcache.Txn) error {
					n, err := tx.Incr("n", 1)
					if err != nil {
						return err
					}
					again, err := tx.Incr("n", -1)
					if err == nil && again != n-1 {
						err = errors.New("something came between")
					}
					if err == nil {
						_, err = tx.Incr("n", 1)
					}
					return err
				})
			}
			errs <- err
		}()
	}
	for range goroutines {
		require.NoError(e, <-errs)
	}
	e.is(e.Store, "n", "200")
}

func txTimeout(e *env) {
	tx := e.begin()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		other, err := e.Begin(ctx)
		if err == nil {
			err = errors.Join(errors.New("two transactions at once"), other.Rollback())
		}
		ended <- err
	}()
	cancel()
	require.ErrorIs(e, <-ended, diskcache.ErrTimeout)
	require.NoError(e, tx.Set("k", []byte("v")), "the transaction itself goes on")
	require.NoError(e, tx.Commit())
	e.is(e.Store, "k", "v")

	// A context that ends later does not end the transaction.
	ctx, cancel = context.WithCancel(context.Background())
	tx, err := e.Begin(ctx)
	require.NoError(e, err)
	cancel()
	require.NoError(e, tx.Set("k", []byte("2")))
	require.NoError(e, tx.Commit())
	e.is(e.Store, "k", "2")
}

func transacts(e *env) {
	require.NoError(e, diskcache.Transact(e.ctx(), e.Store, func(tx diskcache.Txn) error { return tx.Set("a", []byte("1")) }))
	e.is(e.Store, "a", "1")
	mine := errors.New("mine")
	err := diskcache.Transact(e.ctx(), e.Store, func(tx diskcache.Txn) error {
		require.NoError(e, tx.Set("a", []byte("2")))
		return mine
	})
	require.Equal(e, mine, err)
	e.is(e.Store, "a", "1")
	require.PanicsWithValue(e, "mine", func() {
		_ = diskcache.Transact(e.ctx(), e.Store, func(tx diskcache.Txn) error {
			require.NoError(e, tx.Set("a", []byte("3")))
			panic("mine")
		})
	})
	e.is(e.Store, "a", "1")
	e.set("a", "4")
	e.is(e.Store, "a", "4")
}

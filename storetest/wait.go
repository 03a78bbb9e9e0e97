package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var waitCases = []testCase{
	{"Wait/AtOnce", waitAtOnce},
	{"Wait/Changes", waitChanges},
	{"Wait/PingPong", waitPingPong},
	{"Wait/Context", waitContext},
	{"Wait/Close", waitClose},
}

// waitAtOnce: what has another version already is not waited for.
func waitAtOnce(e *env) {
	require.NoError(e, e.Wait(e.ctx(), "none", 1))
	e.set("k", "v")
	v := e.item(e.Store, "k").Version
	require.NoError(e, e.Wait(e.ctx(), "k", 0))
	require.NoError(e, e.Wait(e.ctx(), "k", v-1))
	e.set("k", "v")
	require.NoError(e, e.Wait(e.ctx(), "k", v))
	e.set("k", "v", diskcache.TTL(second))
	v = e.item(e.Store, "k").Version
	e.clock.Advance(second)
	require.NoError(e, e.Wait(e.ctx(), "k", v), "it has expired")
}

// waitChanges: each kind of change wakes those who wait.
func waitChanges(e *env) {
	for what, change := range map[string]func() error{
		"set":         func() error { return e.Set("k", []byte("v")) },
		"delete":      func() error { _, err := e.Delete("k"); return err },
		"pop":         func() error { _, err := e.Pop("k"); return err },
		"clear":       func() error { _, err := e.Clear(); return err },
		"evict":       func() error { _, err := e.EvictTag("t"); return err },
		"set many":    func() error { return e.SetMany([]diskcache.KeyValue{{Key: "a"}, {Key: "k"}}) },
		"delete many": func() error { _, err := e.DeleteMany([]string{"a", "k"}); return err },
		"transaction": func() error {
			return diskcache.Transact(context.Background(), e.Store, func(tx diskcache.Txn) error { return tx.Set("k", []byte("w")) })
		},
	} {
		e.set("k", "1", diskcache.Tag("t"))
		v := e.item(e.Store, "k").Version
		woken := make(chan error)
		for range 3 {
			go func() { woken <- e.Wait(e.ctx(), "k", v) }()
		}
		e.set("other", "v")
		require.NoError(e, change(), what)
		for range 3 {
			require.NoError(e, <-woken, what)
		}
	}
}

// waitPingPong: two who wait for one another come to the end, and none is woken of nothing.
func waitPingPong(e *env) {
	const rounds = 100
	errs := make(chan error, 2)
	player := func(mine, other string, first bool) {
		seen := uint64(0)
		for i := range rounds {
			if !first || i > 0 {
				if err := e.Wait(e.ctx(), other, seen); err != nil {
					errs <- err
					return
				}
				it, err := e.Item(other)
				if err == nil && it.Version == seen {
					err = errors.New("wait has returned, and nothing had changed")
				}
				if err != nil {
					errs <- err
					return
				}
				seen = it.Version
			}
			if err := e.Set(mine, []byte(fmt.Sprint(i))); err != nil {
				errs <- err
				return
			}
		}
		errs <- nil
	}
	go player("ping", "pong", true)
	go player("pong", "ping", false)
	require.NoError(e, <-errs)
	require.NoError(e, <-errs)
	e.is(e.Store, "ping", fmt.Sprint(rounds-1))
	e.is(e.Store, "pong", fmt.Sprint(rounds-1))
}

func waitContext(e *env) {
	e.set("k", "v")
	v := e.item(e.Store, "k").Version
	for key, version := range map[string]uint64{"k": v, "none": 0} {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- e.Wait(ctx, key, version) }()
		cancel()
		require.ErrorIs(e, <-ended, context.Canceled)
	}
}

func waitClose(e *env) {
	ended := make(chan error)
	go func() { ended <- e.Wait(e.ctx(), "none", 0) }()
	require.NoError(e, e.Close())
	require.ErrorIs(e, <-ended, diskcache.ErrClosed)
}

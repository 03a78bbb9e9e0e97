package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var linearCases = []testCase{
	{"Linear/Counter", linearCounter},
	{"Linear/Queue", linearQueue},
	{"Linear/Add", linearAdd},
	{"Linear/Transactions", linearTransactions},
}

// call is what a goroutine has done and what came out.
type call struct {
	op   string
	arg  int
	got  int
	ok   bool
	more int
}

// history runs operations in several goroutines and returns when each began and ended, by a
// counter that all share.
func (e *env) history(operations int, run func(r *rand.Rand, id int) (call, error)) []porcupine.Operation {
	const goroutines = 4
	var tick atomic.Int64
	var mu sync.Mutex
	var ops []porcupine.Operation
	var wg sync.WaitGroup
	var failed error
	seed := uint64(time.Now().UnixNano())
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for i := range operations {
				began := tick.Add(1)
				c, err := run(r, g*operations+i+1)
				ended := tick.Add(1)
				mu.Lock()
				failed = firstError(failed, err)
				ops = append(ops, porcupine.Operation{ClientId: g, Input: c, Output: c, Call: began, Return: ended})
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	require.NoError(e, failed)
	return ops
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// explained checks that some order of the operations explains what came out. step reports
// whether a call is right where the state is s, and what the state is then.
func explained[S any](e *env, ops []porcupine.Operation, equal func(a, b S) bool, step func(s S, c call) (bool, S)) {
	e.Helper()
	m := porcupine.Model{
		Init:  func() any { var s S; return s },
		Equal: func(a, b any) bool { return equal(a.(S), b.(S)) },
		Step: func(state, in, _ any) (bool, any) {
			ok, next := step(state.(S), in.(call))
			return ok, next
		},
		DescribeOperation: func(in, _ any) string { return fmt.Sprintf("%+v", in) },
	}
	switch porcupine.CheckOperationsTimeout(m, ops, 10*time.Second) {
	case porcupine.Illegal:
		require.Fail(e, "no order explains what was seen")
	case porcupine.Unknown: // there are too many orders
		e.Log("undecided")
	}
}

func same[S comparable](a, b S) bool { return a == b }

func linearCounter(e *env) {
	ops := e.history(150, func(r *rand.Rand, _ int) (call, error) {
		c := call{arg: r.IntN(5) - 2}
		var err error
		var n int64
		switch r.IntN(3) {
		case 0:
			c.op = "pop"
			it, e := e.Pop("n")
			c.ok = e == nil
			if e != nil && !notFound(e) {
				err = e
			}
			_, _ = fmt.Sscan(string(it.Value), &c.got)
		case 1:
			c.op = "get"
			v, e := e.Get("n")
			c.ok = e == nil
			if e != nil && !notFound(e) {
				err = e
			}
			_, _ = fmt.Sscan(string(v), &c.got)
		default:
			c.op = "incr"
			n, err = e.Incr("n", int64(c.arg))
			c.got = int(n)
		}
		return c, err
	})
	type state struct {
		there bool
		n     int
	}
	explained(e, ops, same[state], func(s state, c call) (bool, state) {
		switch c.op {
		case "pop":
			return c.ok == s.there && (!c.ok || c.got == s.n), state{}
		case "get":
			return c.ok == s.there && (!c.ok || c.got == s.n), s
		}
		s = state{true, s.n + c.arg}
		return c.got == s.n, s
	})
}

func linearQueue(e *env) {
	ops := e.history(40, func(r *rand.Rand, id int) (call, error) {
		side := diskcache.Side(r.IntN(2))
		c := call{arg: int(side)}
		if r.IntN(5) < 2 { // a queue that stays short leaves few orders to try
			c.op, c.got = "push", id
			_, err := e.Push("q", []byte(fmt.Sprint(id)), side)
			return c, err
		}
		c.op = "pull"
		it, err := e.Pull("q", side)
		if notFound(err) {
			return c, nil
		}
		c.ok = true
		_, _ = fmt.Sscan(string(it.Value), &c.got)
		return c, err
	})
	type state = string // the values, one rune each, from the front
	explained(e, ops, same[state], func(s state, c call) (bool, state) {
		v := string(rune(c.got))
		switch {
		case c.op == "push" && c.arg == int(diskcache.Front):
			return true, v + s
		case c.op == "push":
			return true, s + v
		case !c.ok:
			return s == "", s
		case s == "":
			return false, s
		case c.arg == int(diskcache.Front):
			first := string([]rune(s)[:1])
			return first == v, s[len(first):]
		}
		runes := []rune(s)
		last := string(runes[len(runes)-1:])
		return last == v, s[:len(s)-len(last)]
	})
}

func linearAdd(e *env) {
	ops := e.history(150, func(r *rand.Rand, id int) (call, error) {
		c := call{arg: id}
		var err error
		switch r.IntN(4) {
		case 0:
			c.op = "add"
			c.ok, err = e.Add("k", []byte(fmt.Sprint(id)))
		case 1:
			c.op = "delete"
			c.ok, err = e.Delete("k")
		case 2:
			c.op = "get or set"
			var v []byte
			v, c.ok, err = e.GetOrSet("k", []byte(fmt.Sprint(id)))
			_, _ = fmt.Sscan(string(v), &c.got)
		default:
			c.op = "replace"
			c.ok, err = e.Replace("k", []byte(fmt.Sprint(id)))
		}
		return c, err
	})
	explained(e, ops, same[int], func(s int, c call) (bool, int) { // 0: there is none
		switch c.op {
		case "add":
			if c.ok {
				return s == 0, c.arg
			}
			return s != 0, s
		case "delete":
			return c.ok == (s != 0), 0
		case "get or set":
			if c.ok {
				return s != 0 && c.got == s, s
			}
			return s == 0 && c.got == c.arg, c.arg
		}
		if c.ok {
			return s != 0, c.arg
		}
		return s == 0, s
	})
}

// linearTransactions: two keys that are changed together are never seen apart, and never in
// another order one after the other.
func linearTransactions(e *env) {
	ops := e.history(60, func(r *rand.Rand, id int) (c call, err error) {
		number := func(v []byte) (n int) {
			_, _ = fmt.Sscan(string(v), &n)
			return n
		}
		switch r.IntN(4) {
		case 0:
			c.op, c.arg = "set both", id
			v := []byte(fmt.Sprint(id))
			err = diskcache.Transact(context.Background(), e.Store, func(tx diskcache.Txn) error {
				return firstError(tx.Set("a", v), tx.Set("b", v))
			})
		case 1:
			c.op, c.arg = "set many", id
			v := []byte(fmt.Sprint(id))
			err = e.SetMany([]diskcache.KeyValue{{Key: "a", Value: v}, {Key: "b", Value: v}})
		case 2:
			c.op = "get many"
			var v [][]byte
			if v, err = e.GetMany([]string{"a", "b"}); err == nil {
				c.got, c.more = number(v[0]), number(v[1])
			}
		default:
			c.op = "get"
			key := []string{"a", "b"}[r.IntN(2)]
			v, failed := e.Get(key)
			if failed != nil && !notFound(failed) {
				err = failed
			}
			c.got, c.more = number(v), number(v)
		}
		return c, err
	})
	explained(e, ops, same[int], func(s int, c call) (bool, int) {
		if c.op == "set both" || c.op == "set many" {
			return true, c.arg
		}
		return c.got == s && c.more == s, s
	})
}

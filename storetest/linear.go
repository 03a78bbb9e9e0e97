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
	{"Linear/Swap", linearSwap},
	{"Linear/Touch", linearTouch},
	{"Linear/Transactions", linearTransactions},
	{"Linear/Many", linearMany},
}

// call is what a goroutine has done and what came out.
type call struct {
	op   string
	arg  int
	got  int
	ok   bool
	more int
}

// history runs operations in several goroutines, of several processes where the test is of these,
// and returns when each began and ended, by a counter or a clock that all share. id is another one
// each time.
func (e *env) history(operations int, run func(r *rand.Rand, id int) (call, error)) []porcupine.Operation {
	e.Helper()
	if e.crew != nil {
		return e.crew.history(e, operations, run)
	}
	var tick atomic.Int64
	ops, err := clients{from: 0, n: 4, now: func() int64 { return tick.Add(1) }}.work(operations, run)
	require.NoError(e, err)
	return ops
}

// clients are goroutines that do operations, and how they are told from those of other processes.
type clients struct {
	from, n int
	now     func() int64
}

func (cs clients) work(operations int, run func(r *rand.Rand, id int) (call, error)) ([]porcupine.Operation, error) {
	var mu sync.Mutex
	var ops []porcupine.Operation
	var wg sync.WaitGroup
	var failed error
	seed := uint64(time.Now().UnixNano())
	for g := cs.from; g < cs.from+cs.n; g++ {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for i := range operations {
				began := cs.now()
				c, err := run(r, g*operations+i+1)
				ended := cs.now()
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
	return ops, failed
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

// number is what a value says, 0 where there is none.
func number(v []byte) (n int) {
	_, _ = fmt.Sscan(string(v), &n)
	return n
}

// linearSwap: who has seen a version replaces it, if it is the one that is there. What is stored is
// never stored twice, so that it stands for its version.
func linearSwap(e *env) {
	ops := e.history(100, func(r *rand.Rand, id int) (c call, err error) {
		c.arg = id
		value := []byte(fmt.Sprint(id))
		switch r.IntN(6) {
		case 0:
			c.op = "set"
			err = e.Set("k", value)
		case 1:
			c.op = "delete"
			c.ok, err = e.Delete("k")
		default:
			c.op = "swap"
			it, failed := e.Item("k")
			if failed != nil && !notFound(failed) {
				return c, failed
			}
			c.got = number(it.Value)
			c.ok, err = e.CompareAndSwap("k", it.Version, value)
		}
		return c, err
	})
	explained(e, ops, same[int], func(s int, c call) (bool, int) { // 0: there is none
		switch {
		case c.op == "set":
			return true, c.arg
		case c.op == "delete":
			return c.ok == (s != 0), 0
		case c.ok:
			return s == c.got, c.arg
		}
		return s != c.got, s
	})
}

// linearTouch: when an item expires is what who came last has said.
func linearTouch(e *env) {
	at := func(id int) time.Time { return time.Unix(4_000_000_000+int64(id), 0) }
	ops := e.history(100, func(r *rand.Rand, id int) (c call, err error) {
		c.arg = id
		switch r.IntN(6) {
		case 0:
			c.op = "set"
			err = e.Set("k", nil, diskcache.ExpireAt(at(id)))
		case 1:
			c.op = "delete"
			c.ok, err = e.Delete("k")
		case 2, 3:
			c.op = "touch"
			c.ok, err = e.Touch("k", diskcache.ExpireAt(at(id)))
		default:
			c.op = "item"
			it, failed := e.Item("k")
			if c.ok = failed == nil; c.ok {
				c.got = int(it.Expires.Sub(at(0)) / time.Second)
			} else if !notFound(failed) {
				err = failed
			}
		}
		return c, err
	})
	explained(e, ops, same[int], func(s int, c call) (bool, int) { // 0: there is none
		switch {
		case c.op == "set":
			return true, c.arg
		case c.op == "item":
			return c.ok == (s != 0) && c.got == s, s
		case c.ok != (s != 0):
			return false, s
		case c.op == "delete":
			return true, 0
		case c.ok:
			return true, c.arg
		}
		return true, s
	})
}

// linearTransactions: two keys that are changed together are never seen apart, and never in
// another order one after the other.
func linearTransactions(e *env) {
	a, b := "a", "b"
	if e.crew != nil { // of one queue: a fanout promises no more to several processes
		a, b = "t-500000000000000", "t-500000000000001"
	}
	ops := e.history(60, func(r *rand.Rand, id int) (c call, err error) {
		switch r.IntN(4) {
		case 0:
			c.op, c.arg = "set both", id
			v := []byte(fmt.Sprint(id))
			err = diskcache.Transact(context.Background(), e.Store, func(tx diskcache.Txn) error {
				return firstError(tx.Set(a, v), tx.Set(b, v))
			})
		case 1:
			c.op, c.arg = "set many", id
			v := []byte(fmt.Sprint(id))
			err = e.SetMany([]diskcache.KeyValue{{Key: a, Value: v}, {Key: b, Value: v}})
		case 2:
			c.op = "get many"
			var v [][]byte
			if v, err = e.GetMany([]string{a, b}); err == nil {
				c.got, c.more = number(v[0]), number(v[1])
			}
		default:
			c.op = "get"
			key := []string{a, b}[r.IntN(2)]
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

// linearMany: many keys that are set at once are seen at once by who asks for all, or changes them.
func linearMany(e *env) {
	var keys []string
	for i := range 12 {
		keys = append(keys, fmt.Sprint("many", i))
	}
	operations := 40
	if e.crew != nil {
		operations = 120 // that processes come between one another is rarer
	}
	ops := e.history(operations, func(r *rand.Rand, id int) (c call, err error) {
		c.arg = id
		var items []diskcache.KeyValue
		for _, k := range keys {
			items = append(items, diskcache.KeyValue{Key: k, Value: []byte(fmt.Sprint(id))})
		}
		switch r.IntN(4) {
		case 0:
			c.op = "set many"
			err = e.SetMany(items)
		case 1:
			c.op = "delete many"
			c.got, err = e.DeleteMany(keys)
		case 2:
			c.op = "transaction"
			err = diskcache.Transact(context.Background(), e.Store, func(tx diskcache.Txn) error {
				v, err := tx.Get(keys[0])
				if err != nil && !notFound(err) {
					return err
				}
				c.got = number(v)
				for _, it := range items {
					err = tx.Set(it.Key, it.Value)
					if err != nil {
						return err
					}
				}
				return nil
			})
		default:
			c.op = "get many"
			var values [][]byte
			values, err = e.GetMany(keys)
			for i, v := range values {
				if i == 0 {
					c.got = number(v)
				}
				c.ok = c.got == number(v)
				if !c.ok {
					break
				}
			}
		}
		return c, err
	})
	explained(e, ops, same[int], func(s int, c call) (bool, int) { // 0: there is none
		switch c.op {
		case "set many":
			return true, c.arg
		case "delete many":
			return (c.got == 0) == (s == 0) && c.got%len(keys) == 0, 0
		case "transaction":
			return c.got == s, c.arg
		}
		return c.ok && c.got == s, s
	})
}

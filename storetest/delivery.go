package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/anishathalye/porcupine"
	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var processCases = []testCase{
	{"Delivery", delivery},
	{"Sum", sum},
}

// delivery: each element of a queue is pulled once, and those of one producer by one consumer in the
// order in which they were pushed.
func delivery(e *env) {
	const each = 150
	ops := e.history(each, func(r *rand.Rand, id int) (c call, err error) {
		if id%2 == 0 {
			c.op, c.arg = "push", id
			_, err = e.Push("q", []byte(fmt.Sprint(id)), diskcache.Back)
			return c, err
		}
		c.op = "pull"
		it, err := e.Pull("q", diskcache.Front)
		if notFound(err) {
			return c, nil
		}
		c.ok, c.got = true, number(it.Value)
		return c, err
	})
	left := call{op: "pull", ok: true}
	for {
		it, err := e.Pull("q", diskcache.Front)
		if notFound(err) {
			break
		}
		require.NoError(e, err)
		left.got = number(it.Value)
		ops = append(ops, porcupine.Operation{ClientId: -1, Input: left, Call: int64(len(ops)) << 50})
	}
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	pushed, pulled := make(map[int]bool), make(map[int]bool)
	last := make(map[[2]int]int) // by consumer and producer
	for _, o := range ops {
		c := o.Input.(call)
		switch {
		case c.op == "push":
			pushed[c.arg] = true
		case c.ok:
			require.False(e, pulled[c.got], "%d was pulled twice", c.got)
			pulled[c.got] = true
			by := [2]int{o.ClientId, (c.got - 1) / each}
			require.Greater(e, c.got, last[by], "of producer %d by consumer %d", by[1], by[0])
			last[by] = c.got
		}
	}
	require.Equal(e, pushed, pulled)
}

// sum: none of many increments is lost, and each makes a number of its own.
func sum(e *env) {
	ops := e.history(250, func(_ *rand.Rand, _ int) (c call, err error) {
		n, err := e.Incr("n", 1)
		c.got = int(n)
		return c, err
	})
	made := make(map[int]bool)
	for _, o := range ops {
		n := o.Input.(call).got
		require.False(e, made[n], "%d comes twice", n)
		made[n] = true
	}
	e.is(e.Store, "n", fmt.Sprint(len(ops)))
}

package main

import (
	"time"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"
	"github.com/go-diskcache/diskcache/internal/history"
)

// mix does the i-th operation of a client.
type mix func(c *client, i int) error

// mixes are what clients do, by the names that the children are told.
var mixes = map[string]mix{
	"random": doRandom,
	"own":    doOwn,
	"incr":   func(c *client, _ int) error { c.incr(0); return nil },
	"add":    doAdd,
	"write":  func(c *client, _ int) error { c.set(0, c.fresh(), 0); return nil },
	"poll":   func(c *client, _ int) error { c.get(0); return nil },
}

// groupOf is how many neighbouring keys are in transactions together: a history is
// checked in as many parts as there are groups.
const groupOf = 3

// doRandom does anything. The keys that it takes are few, so that clients meet.
func doRandom(c *client, _ int) error {
	key := c.rand.IntN(c.keys)
	switch n := c.rand.IntN(1000); {
	case n < 250:
		c.get(key)
	case n < 400:
		c.doAtomic()
	case n < 500:
		c.set(key, c.fresh(), 0)
	case n < 530:
		c.set(key, c.fresh(), time.Microsecond<<c.rand.IntN(14))
	case n < 600:
		c.delete(key)
	case n < 720:
		c.incr(key)
	case n < 760:
		c.add(key, c.fresh())
	case n < 800:
		c.addAtOnce(key, c.fresh())
	case n < 992:
		c.doTransaction(key)
	case n < 994:
		c.clear()
	case n < 997:
		c.aside("compact", c.store.Compact)
	default:
		return c.reopen()
	}
	if c.limit && c.rand.IntN(10) == 0 {
		c.fill()
	}
	return nil
}

// doTransaction does one with keys of a group, of which there may be but one.
func (c *client) doTransaction(key int) {
	first := key / groupOf * groupOf
	keys := draw.Permutation(c.rand, min(groupOf, c.keys-first))
	group := make([]int, len(keys))
	for i, k := range keys {
		group[i] = first + int(k)
	}
	switch n := c.rand.IntN(10); {
	case len(group) < 2:
		c.look(group)
	case n < 5:
		c.transfer(group)
	case n < 7:
		c.move(group[:2])
	default:
		c.look(group)
	}
}

// doOwn changes a key of the client's own, which nobody else does, or reads anybody's.
func doOwn(c *client, _ int) error {
	n := c.rand.IntN(c.keys)
	own := c.owner*c.keys + n
	switch k := c.rand.IntN(1000); {
	case k < 400:
		c.set(own, c.fresh(), 0)
	case k < 500:
		c.delete(own)
	case k < 600:
		c.update("replace", []int{own}, replaceBy(c.fresh()))
	case k < 700:
		c.get(own)
	case k < 998:
		c.get(c.rand.IntN(c.parts)*c.keys + n)
	default:
		c.aside("compact", c.store.Compact)
	}
	return nil
}

func replaceBy(v int64) func([]history.Cell) []history.Cell {
	return func(is []history.Cell) []history.Cell {
		return []history.Cell{{Key: is[0].Key, Is: history.Value, Value: v}}
	}
}

// doAdd goes through all keys, in an order of its own.
func doAdd(c *client, i int) error {
	if c.order == nil {
		c.order = draw.Permutation(c.rand, c.keys)
	}
	c.add(int(c.order[i%c.keys]), c.fresh())
	return nil
}

package main

import (
	"github.com/go-diskcache/diskcache/internal/history"
)

// The operations that are a read and a write in one, without a transaction of the caller's. They have
// keys of their own, of which it is known what they can be: a counter that is there is over 0, and
// what is swapped is never twice the same.
var (
	counters = []int{-1, -2}
	swapped  = []int{-3, -4}
	queues   = []int{-5, -6}
)

// doAtomic does one of them. Queues stay short, for the longer they are the longer it takes to check
// them.
func (c *client) doAtomic() {
	i := c.rand.IntN(len(counters))
	switch n := c.rand.IntN(100); {
	case n < 25:
		c.countUp(counters[i])
	case n < 30:
		c.delete(counters[i])
	case n < 35:
		c.get(counters[i])
	case n < 60:
		c.swap(swapped[i])
	case n < 65:
		c.set(swapped[i], c.fresh(), 0)
	case n < 70:
		c.delete(swapped[i])
	case n < 80:
		c.push(queues[i], c.rand.IntN(2) == 0)
	default:
		c.pull(queues[i], c.rand.IntN(2) == 0)
	}
}

// lookAtAtomic looks at all that doAtomic has left.
func (c *client) lookAtAtomic() {
	for i := range counters {
		c.get(counters[i])
		c.get(swapped[i])
		for c.pull(queues[i], false) {
		}
	}
}

// countUp adds a small number to a counter. The sum says what was there: nothing, if it is all that
// was added.
func (c *client) countUp(key int) {
	delta := int64(1 + c.rand.IntN(3))
	writes := []history.Cell{{Key: key, Is: history.Sum, Value: delta}}
	c.tell(history.Record{Kind: history.Incr, Writes: writes}, func(back *history.Record) error {
		n, err := c.store.Incr(keyName(key), delta)
		was := history.Cell{Key: key, Is: history.Value, Value: n - delta}
		if n == delta {
			was = history.Cell{Key: key, Is: history.Absent}
		}
		back.Reads, back.Writes = []history.Cell{was}, []history.Cell{{Key: key, Is: history.Value, Value: n}}
		return err
	})
}

// addAtOnce is add without a transaction.
func (c *client) addAtOnce(key int, v int64) {
	absent, writes := []history.Cell{{Key: key, Is: history.Absent}}, []history.Cell{{Key: key, Is: history.Value, Value: v}}
	value := encodeValue(key, v, c.sizes.draw(c.rand))
	c.tell(history.Record{Kind: history.Add, Reads: absent, Writes: writes}, func(back *history.Record) error {
		ok, err := c.store.Add(keyName(key), value)
		back.Reads = absent
		if !ok && err == nil {
			back.Reads, back.Undone = []history.Cell{{Key: key, Is: history.Some}}, true
		}
		return err
	})
}

// swap replaces what a key has by the version that it has been seen to have.
func (c *client) swap(key int) {
	var seen history.Cell
	var version uint64
	known := false
	c.do(history.Record{Kind: history.Get}, func() (reads []history.Cell, err error) {
		b, v, err := c.store.Item(keyName(key))
		if seen, err = found(key, b, err); err != nil {
			return nil, err
		}
		version, known = v, true
		return []history.Cell{seen}, nil
	})
	if !known {
		return
	}
	v := c.fresh()
	reads, writes := []history.Cell{seen}, []history.Cell{{Key: key, Is: history.Value, Value: v}}
	value := encodeValue(key, v, c.sizes.draw(c.rand))
	c.tell(history.Record{Kind: history.Swap, Reads: reads, Writes: writes}, func(back *history.Record) error {
		ok, err := c.store.CompareAndSwap(keyName(key), version, value)
		back.Reads = reads
		if !ok && err == nil {
			back.Reads, back.Undone = []history.Cell{unlike(seen)}, true
		}
		return err
	})
}

// unlike says that a key is not what it was.
func unlike(c history.Cell) history.Cell {
	if c.Is == history.Absent {
		return history.Cell{Key: c.Key, Is: history.Some}
	}
	return history.Cell{Key: c.Key, Is: history.Other, Value: c.Value}
}

func (c *client) push(queue int, back bool) {
	v := c.fresh()
	writes := []history.Cell{{Key: queue, Is: history.Value, Value: v}}
	value := encodeValue(queue, v, c.sizes.draw(c.rand))
	c.do(history.Record{Kind: history.Push, Back: back, Writes: writes}, func() ([]history.Cell, error) {
		return nil, c.store.Push(keyName(queue), value, back)
	})
}

// pull reports whether there was anything to be pulled.
func (c *client) pull(queue int, back bool) (any bool) {
	takes := []history.Cell{{Key: queue, Is: history.Absent}}
	c.do(history.Record{Kind: history.Pull, Back: back, Writes: takes}, func() ([]history.Cell, error) {
		b, err := c.store.Pull(keyName(queue), back)
		cell, err := found(queue, b, err)
		if any = cell.Is == history.Value; err != nil {
			return nil, err
		}
		return []history.Cell{cell}, nil
	})
	return any
}

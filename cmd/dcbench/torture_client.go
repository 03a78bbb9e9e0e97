package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// client does operations one after the other and logs what it does: before, so that
// nothing that has happened is unknown if the process is killed, and after.
type client struct {
	id    int // no other client of the history has it, also none in place of a killed one
	owner int // which part it plays, also after others that were killed
	parts int // of these
	keys  int
	ops   int // it is to do; 0: until it is told to end
	limit bool
	sizes sizeClass
	store store
	log   *history.Log
	rand  *rand.Rand
	wrote int64
	order []uint32 // of the keys, for those who go through all
}

// work does the operations of a mix until all are done, or ended says so.
func (c *client) work(do mix, ended func() bool) error {
	for i := 0; (c.ops == 0 || i < c.ops) && !ended() && !c.log.Lost(); i++ {
		if err := do(c, i); err != nil {
			return err
		}
		if i%countEvery == countEvery-1 {
			c.count()
		}
	}
	return nil
}

// countEvery bounds what is not told of a process that is killed.
const countEvery = 50

func (c *client) count() {
	counts, err := c.store.Counts()
	if err != nil {
		c.aside("count", func() error { return err })
	} else if counts != (history.Counts{}) {
		c.log.Write(history.Record{Phase: history.Counted, Client: c.id, Counts: counts})
	}
}

// do does one operation, which says what it has read.
func (c *client) do(call history.Record, fn func() ([]history.Cell, error)) {
	c.tell(call, func(back *history.Record) (err error) {
		back.Reads, err = fn()
		return err
	})
}

// tell is do of what has more to say when it returns.
func (c *client) tell(call history.Record, fn func(back *history.Record) error) {
	call.Phase, call.Client = history.Called, c.id
	c.log.Write(call)
	back := history.Record{Phase: history.Returned, Client: c.id}
	if err := fn(&back); err != nil {
		back.Reads, back.Writes = nil, nil
		back.Err, back.Undone = err.Error(), undone(err)
		back.Wrong = errors.Is(err, errWrongValue) || errors.Is(err, diskcache.ErrCorrupt)
	}
	c.log.Write(back)
}

// undone reports whether an error promises that nothing was changed.
func undone(err error) bool {
	for _, unsure := range []error{diskcache.ErrLockLost, diskcache.ErrNotSynced} {
		if errors.Is(err, unsure) {
			return false
		}
	}
	return errors.Is(err, diskcache.ErrFull) || errors.Is(err, diskcache.ErrTooLarge)
}

// found returns what a key is by what a Get of it has returned.
func found(key int, value []byte, err error) (history.Cell, error) {
	if errors.Is(err, diskcache.ErrNotFound) {
		return history.Cell{Key: key, Is: history.Absent}, nil
	}
	if err != nil {
		return history.Cell{}, err
	}
	v, err := decodeAny(key, value)
	return history.Cell{Key: key, Is: history.Value, Value: v}, err
}

func keyName(key int) string { return fmt.Sprintf("key %d", key) }

// fresh returns a number that no other Set uses. There is room for those that
// transactions make of it.
func (c *client) fresh() int64 {
	c.wrote++
	return int64(c.id+1)<<40 | c.wrote<<12
}

func (c *client) get(key int) {
	c.do(history.Record{Kind: history.Get}, func() ([]history.Cell, error) {
		b, err := c.store.Get(keyName(key))
		cell, err := found(key, b, err)
		if err != nil {
			return nil, err
		}
		return []history.Cell{cell}, nil
	})
}

func (c *client) set(key int, v int64, ttl time.Duration) {
	writes := []history.Cell{{Key: key, Is: history.Value, Value: v}}
	value := encodeValue(key, v, c.sizes.draw(c.rand))
	c.do(history.Record{Kind: history.Set, Writes: writes, TTL: int64(ttl)}, func() ([]history.Cell, error) {
		return nil, c.store.Set(keyName(key), value, ttl)
	})
}

func (c *client) delete(key int) {
	writes := []history.Cell{{Key: key, Is: history.Absent}}
	c.do(history.Record{Kind: history.Delete, Writes: writes}, func() ([]history.Cell, error) {
		ok, err := c.store.Delete(keyName(key))
		if err != nil {
			return nil, err
		}
		read := history.Cell{Key: key, Is: history.Absent}
		if ok {
			read.Is = history.Some
		}
		return []history.Cell{read}, nil
	})
}

// update reads keys in a transaction and writes what change makes of them. What it is
// going to write is logged before it can be committed.
func (c *client) update(name string, keys []int, change func(is []history.Cell) []history.Cell) {
	c.do(history.Record{Kind: history.Update, Name: name}, func() ([]history.Cell, error) {
		return nil, c.store.Update(func(tx transaction) error {
			var reads []history.Cell
			for _, key := range keys {
				b, err := tx.Get(keyName(key))
				cell, err := found(key, b, err)
				if err != nil {
					return err
				}
				reads = append(reads, cell)
			}
			writes := change(reads)
			for _, w := range writes {
				if err := c.writeIn(tx, w); err != nil {
					return err
				}
			}
			c.log.Write(history.Record{Phase: history.Intended, Client: c.id, Reads: reads, Writes: writes})
			return nil
		})
	})
}

func (c *client) writeIn(tx transaction, w history.Cell) error {
	if w.Is == history.Absent {
		_, err := tx.Delete(keyName(w.Key))
		return err
	}
	return tx.Set(keyName(w.Key), encodeValue(w.Key, w.Value, c.sizes.draw(c.rand)))
}

// incr adds one to a key, which counts from nothing if it is not there.
func (c *client) incr(key int) {
	c.update("incr", []int{key}, func(is []history.Cell) []history.Cell {
		return []history.Cell{plus(is[0], 1)}
	})
}

func plus(c history.Cell, n int64) history.Cell {
	return history.Cell{Key: c.Key, Is: history.Value, Value: c.Value + n}
}

// add sets a key if it is not there.
func (c *client) add(key int, v int64) {
	c.update("add", []int{key}, func(is []history.Cell) []history.Cell {
		if is[0].Is != history.Absent {
			return nil
		}
		return []history.Cell{{Key: key, Is: history.Value, Value: v}}
	})
}

// transfer takes from the first key what it gives to the second. Others it only reads.
func (c *client) transfer(keys []int) {
	n := int64(c.rand.IntN(100))
	c.update("transfer", keys, func(is []history.Cell) []history.Cell {
		return []history.Cell{plus(is[0], -n), plus(is[1], n)}
	})
}

// move gives the value of the first key to the second, and removes it from the first.
func (c *client) move(keys []int) {
	c.update("move", keys, func(is []history.Cell) []history.Cell {
		to := history.Cell{Key: is[1].Key, Is: is[0].Is, Value: is[0].Value}
		return []history.Cell{{Key: is[0].Key, Is: history.Absent}, to}
	})
}

// look reads several keys in a transaction that changes nothing.
func (c *client) look(keys []int) {
	c.update("look", keys, func([]history.Cell) []history.Cell { return nil })
}

func (c *client) clear() {
	c.do(history.Record{Kind: history.Clear}, func() ([]history.Cell, error) { return nil, c.store.Clear() })
}

// aside does what changes no key of the history.
func (c *client) aside(name string, do func() error) {
	c.do(history.Record{Kind: history.Aside, Name: name}, func() ([]history.Cell, error) { return nil, do() })
}

// fill sets keys that nobody asks for, for others to be given up.
func (c *client) fill() {
	c.aside("fill", func() error {
		return c.store.Set(fmt.Sprintf("fill %d", c.fresh()), make([]byte, c.rand.IntN(2*tortureFileThreshold)), 0)
	})
}

// reopen fails for good if the cache cannot be opened again.
func (c *client) reopen() (err error) {
	c.count()
	c.aside("reopen", func() error {
		err = c.store.Reopen()
		return err
	})
	return err
}

package storetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

// storeOp is an operation that is tried on a store while its disks fail.
type storeOp struct {
	name    string
	prepare func(r *faultRun) // has something there for it, while the disks are well
	model   func(m *model) result
	store   func(s diskcache.Store) result
	sweeps  bool // if it fails it may have been done with some keys
	late    bool // it may fail when it has been done
	torn    bool // if it fails, what shows of it when the process has died may be a part
	several bool // it may change several keys
	counts  bool // it goes by items that have expired as long as these are not removed
}

// opOf makes an operation of one that stores and models have in common.
func opOf(prepare func(r *faultRun), name string, run func(o diskcache.Ops) result) storeOp {
	return storeOp{name: name, prepare: prepare, model: func(m *model) result { return run(m) }, store: func(s diskcache.Store) result { return run(s) }}
}

func queueOp(name string, run func(o diskcache.Ops) result) storeOp {
	op := opOf(queued("q"), name, run)
	op.counts = true
	return op
}

// anything is a random operation of those of the model test.
func (r *faultRun) anything() storeOp {
	op := r.operation(r.model)
	all := opOf(func(*faultRun) {}, op.name, op.run)
	all.counts = true // some do
	return all
}

// well does an operation while the disks are well.
func (r *faultRun) well(op operation) {
	r.Helper()
	want := r.model.apply()
	says, got := op.run(want).text, op.run(r.Store).text
	r.note(op.name + " → " + got)
	require.Equal(r, says, got, r.story())
	r.done(want)
}

// has returns a preparation that sees to it that a key has an item.
func has(key, value string) func(r *faultRun) {
	return func(r *faultRun) {
		r.Helper()
		r.well(operation{"set " + key, func(o diskcache.Ops) result {
			return outcome(0, o.Set(key, []byte(value), diskcache.Tag("t1"), diskcache.ExpireAt(r.clock.Now().Add(hour))))
		}})
	}
}

func hasNot(key string) func(r *faultRun) {
	return func(r *faultRun) {
		r.Helper()
		has(key, "x")(r)
		r.well(operation{"delete " + key, func(o diskcache.Ops) result { return outcome(o.Delete(key)) }})
	}
}

// queued returns a preparation that has a queue of one item at least, and of three at most.
func queued(prefix string) func(r *faultRun) {
	return func(r *faultRun) {
		r.Helper()
		for {
			n, _ := r.model.QueueLen(prefix)
			switch {
			case n < 1:
				has(prefix+"-500000000000000", "first")(r)
			case n > 3:
				it, _ := r.model.Peek(prefix, diskcache.Front)
				hasNot(it.Key)(r)
			default:
				return
			}
		}
	}
}

// large is a value that is kept in a file of its own.
var large = strings.Repeat("large ", 400)

// storeOps are all that can be done with a store.
func (r *faultRun) storeOps() []storeOp {
	v, big := []byte("value"), []byte(large)
	many := r.manyOps()
	for i := range many {
		many[i].several = true
	}
	return append(many,
		opOf(has("a", "1"), "get", func(o diskcache.Ops) result { return outcome(o.Get("a")) }),
		opOf(has("a", large), "get large", func(o diskcache.Ops) result { return outcome(o.GetAppend("a", []byte("buf"))) }),
		opOf(has("a", "1"), "item", func(o diskcache.Ops) result { return outcome(o.Item("a")) }),
		opOf(hasNot("a"), "has not", func(o diskcache.Ops) result { return outcome(o.Has("a")) }),
		opOf(has("a", "1"), "set", func(o diskcache.Ops) result { return outcome(0, o.Set("a", v)) }),
		opOf(has("a", large), "set large", func(o diskcache.Ops) result { return outcome(0, o.Set("a", big)) }),
		opOf(hasNot("a"), "add", func(o diskcache.Ops) result { return outcome(o.Add("a", v)) }),
		opOf(has("a", "1"), "replace", func(o diskcache.Ops) result { return outcome(o.Replace("a", v)) }),
		opOf(has("a", "1"), "swap", func(o diskcache.Ops) result {
			it, err := o.Item("a")
			if err != nil {
				return outcome(0, err)
			}
			return outcome(o.CompareAndSwap("a", it.Version, v))
		}),
		opOf(hasNot("a"), "get or set", func(o diskcache.Ops) result {
			got, loaded, err := o.GetOrSet("a", v)
			return outcome(fmt.Sprintf("%q %v", got, loaded), err)
		}),
		opOf(has("n", "5"), "incr", func(o diskcache.Ops) result { return outcome(o.Incr("n", 2)) }),
		opOf(has("n", "5"), "incr float", func(o diskcache.Ops) result { return outcome(o.IncrFloat("n", 1.5)) }),
		opOf(has("a", "1"), "touch", func(o diskcache.Ops) result {
			return outcome(o.Touch("a", diskcache.ExpireAt(r.clock.Now().Add(2*hour))))
		}),
		opOf(has("a", "1"), "pop", func(o diskcache.Ops) result { return outcome(o.Pop("a")) }),
		opOf(has("a", large), "pop large", func(o diskcache.Ops) result { return outcome(o.Pop("a")) }),
		opOf(has("a", "1"), "delete", func(o diskcache.Ops) result { return outcome(o.Delete("a")) }),
		queueOp("push", func(o diskcache.Ops) result { return outcome(o.Push("q", v, diskcache.Back)) }),
		queueOp("push in front", func(o diskcache.Ops) result { return outcome(o.Push("q", v, diskcache.Front)) }),
		queueOp("pull", func(o diskcache.Ops) result { return outcome(o.Pull("q", diskcache.Front)) }),
		queueOp("peek", func(o diskcache.Ops) result { return outcome(o.Peek("q", diskcache.Back)) }),
		queueOp("at", func(o diskcache.Ops) result { return outcome(o.QueueAt("q", -1)) }),
		queueOp("length", func(o diskcache.Ops) result { return outcome(o.QueueLen("q")) }),
	)
}

// manyOps are those that only a store has.
func (r *faultRun) manyOps() []storeOp {
	keys := []string{"a", "m1", "m2", "none"}
	items := []diskcache.KeyValue{{Key: "a", Value: []byte("many")}, {Key: "m1", Value: []byte(large)}, {Key: "m2"}}
	some := func(r *faultRun) {
		r.Helper()
		for _, k := range keys[:3] {
			has(k, "some")(r)
		}
		queued("q")(r)
	}
	count := func(n int, err error) result { // what has expired is among them or not, and may be left
		if err == nil {
			n = 0
		}
		return outcome(n, err)
	}
	change := func(o diskcache.Ops) error {
		if err := o.Set("a", []byte(large)); err != nil {
			return err
		}
		if _, err := o.Incr("m3", 1); err != nil && outcome(0, err).err != nil {
			return err
		}
		if _, err := o.Push("q", []byte("in"), diskcache.Back); err != nil {
			return err
		}
		_, err := o.Delete("m2")
		return err
	}
	return []storeOp{
		{name: "get many", prepare: some, model: func(m *model) result { return outcome(m.values(keys), nil) }, store: func(s diskcache.Store) result {
			values, err := s.GetMany(keys)
			return outcome(fmt.Sprintf("%q", values), err)
		}},
		{name: "set many", prepare: some, model: func(m *model) result {
			for _, it := range items {
				_ = m.Set(it.Key, it.Value)
			}
			return outcome(0, nil)
		}, store: func(s diskcache.Store) result { return outcome(0, s.SetMany(items)) }},
		{name: "delete many", prepare: some, model: func(m *model) result {
			n := 0
			for _, k := range keys {
				if ok, _ := m.Delete(k); ok {
					n++
				}
			}
			return outcome(n, nil)
		}, store: func(s diskcache.Store) result { return outcome(s.DeleteMany(keys)) }},
		{counts: true, name: "transaction", prepare: some, model: func(m *model) result { return outcome(0, change(m)) }, store: func(s diskcache.Store) result {
			return outcome(0, diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error { return change(tx) }))
		}},
		{counts: true, name: "rolled back", prepare: some, model: func(*model) result { return outcome(0, nil) }, store: func(s diskcache.Store) result {
			tx, err := s.Begin(context.Background())
			if err == nil {
				err = firstError(change(tx), tx.Rollback())
			}
			return outcome(0, err)
		}},
		{name: "walk", prepare: some, model: func(m *model) result { return outcome(m.walk(), nil) }, store: walkOf},
		{name: "evict", prepare: some, model: func(m *model) result { m.drop(diskcache.Range{Tag: "t1"}); return count(0, nil) },
			store: func(s diskcache.Store) result { return count(s.EvictTag("t1")) }, sweeps: true, late: true},
		{name: "expire", prepare: some, model: func(*model) result { return count(0, nil) },
			store: func(s diskcache.Store) result { return count(s.Expire()) }, sweeps: true, late: true},
		{name: "cull", prepare: some, model: func(*model) result { return count(0, nil) },
			store: func(s diskcache.Store) result { return count(s.Cull()) }, sweeps: true, late: true},
		{name: "clear", prepare: some, model: func(m *model) result { m.drop(diskcache.Range{}); m.expire(); return count(0, nil) },
			store: func(s diskcache.Store) result { return count(s.Clear()) }, late: true, torn: true},
		{name: "compact", prepare: some, model: func(*model) result { return outcome(0, nil) }, store: func(s diskcache.Store) result {
			if c, ok := s.(interface{ Compact() error }); ok {
				return outcome(0, c.Compact())
			}
			return outcome(0, nil)
		}},
	}
}

// values is GetMany as text.
func (m *model) values(keys []string) string {
	var values [][]byte
	for _, k := range keys {
		v, err := m.Get(k)
		if err != nil {
			v = nil
		}
		values = append(values, v)
	}
	return fmt.Sprintf("%q", values)
}

// drop removes the items of a range.
func (m *model) drop(of diskcache.Range) {
	for _, it := range m.scan(of) {
		delete(m.items, it.key)
	}
}

// walk returns all items by key.
func (m *model) walk() string {
	var all []string
	for _, it := range m.scan(diskcache.Range{Order: diskcache.ByKey}) {
		all = append(all, textOf(m.item(it)))
	}
	return strings.Join(all, "\n")
}

// walkOf is model.walk of a store.
func walkOf(s diskcache.Store) result {
	var all []string
	var failed error
	for it, err := range s.ScanItems(diskcache.Range{Order: diskcache.ByKey}) {
		if err != nil {
			failed = firstError(failed, err)
			continue
		}
		all = append(all, textOf(it))
	}
	return outcome(strings.Join(all, "\n"), failed)
}

package storetest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var (
	seedFlag  = flag.Uint64("storetest.seed", 0, "seed of the random operations; 0: another one each time")
	stepsFlag = flag.Int("storetest.steps", 3000, "how many random operations")
)

var modelCases = []testCase{{"Model", randomModel}}

// randomModel runs random operations on a store and on the model, alone and in transactions,
// and compares all that they return.
func randomModel(e *env) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	e.Logf("-storetest.seed=%d", seed)
	d := &driver{env: e, rand: rand.New(rand.NewPCG(seed, 0)), model: newModel(e.clock.Now)}
	for i := range *stepsFlag {
		if testing.Short() && i > 600 {
			break
		}
		d.step()
		if e.Failed() {
			return
		}
	}
	d.compareAll()
}

// driver is one random run.
type driver struct {
	*env
	rand  *rand.Rand
	model *model
	log   []string // the last steps
}

func (d *driver) step() {
	switch n := d.rand.IntN(100); {
	case n < 6:
		d.transaction()
	case n < 8:
		d.clock.Advance(time.Duration(d.rand.IntN(3)) * second / 2)
		d.note("advance")
	case n < 10:
		_, err := d.Expire()
		require.NoError(d, err)
		d.model.expire()
		d.note("expire")
	case n < 12 && d.reopen != nil && d.rand.IntN(4) == 0:
		d.note("reopen")
		d.Store = d.reopen()
		d.compareAll()
	case n < 14:
		d.compareRange()
	case n < 15:
		d.many()
	case n < 16 && d.rand.IntN(4) == 0:
		_, err := d.EvictTag("t1")
		require.NoError(d, err)
		for _, it := range d.model.scan(diskcache.Range{Tag: "t1"}) {
			delete(d.model.items, it.key)
		}
		d.note("evict")
	default:
		d.both(d.Store, d.model, d.operation(d.model))
	}
}

func (d *driver) note(what string) {
	if d.log = append(d.log, what); len(d.log) > 40 {
		d.log = d.log[1:]
	}
}

// both runs an operation on the store and on the model.
func (d *driver) both(o diskcache.Ops, m *model, op operation) {
	want := op.run(m).text
	got := op.run(o).text
	d.note(op.name + " → " + want)
	if want != got {
		require.Equal(d, want, got, "%s, after\n%s", op.name, strings.Join(d.log, "\n"))
	}
}

func (d *driver) transaction() {
	d.note("begin")
	tx, m := d.begin(), d.model.clone()
	txs := []diskcache.Txn{tx}
	for range d.rand.IntN(30) {
		if d.rand.IntN(10) == 0 {
			in, err := txs[len(txs)-1].Begin()
			require.NoError(d, err)
			txs = append(txs, in)
		}
		d.both(txs[len(txs)-1], m, d.operation(m))
		if d.rand.IntN(10) == 0 && len(txs) > 1 {
			require.NoError(d, txs[len(txs)-1].Commit())
			txs = txs[:len(txs)-1]
		}
	}
	for _, in := range slices.Backward(txs[1:]) {
		require.NoError(d, in.Commit())
	}
	if d.rand.IntN(3) == 0 {
		d.note("rollback")
		require.NoError(d, tx.Rollback())
	} else {
		d.note("commit")
		require.NoError(d, tx.Commit())
		m.began = outside
		d.model = m
	}
	d.compareAll()
}

// operation is one with its arguments chosen. It returns what came out, as text.
type operation struct {
	name string
	run  func(o diskcache.Ops) result
}

// result is what has come of an operation. Its text is the same for all stores that are right; err is
// set where that is an error that only the disk is a reason for.
type result struct {
	text string
	err  error
}

// operation returns a random one. m is where it is going to be run.
func (d *driver) operation(m *model) operation {
	key := []string{"", "a", "b", "c", "n", "q", "q-500000000000000", "q-500000000000002", "500000000000001"}[d.rand.IntN(9)]
	prefix := []string{"q", "q", "", "r"}[d.rand.IntN(4)]
	side := diskcache.Side(d.rand.IntN(2))
	value := []byte(fmt.Sprint(d.rand.IntN(1000)))
	if d.rand.IntN(4) == 0 {
		value = []byte(strings.Repeat("x", d.rand.IntN(2000)))
	}
	delta := d.rand.Int64N(2*parsable) - parsable
	at := d.rand.IntN(8) - 4
	opts, about := d.options()
	all := d.single(key, value, delta, opts)
	if !d.anyOrder {
		all = append(all, d.ends()...)
	}
	if !m.anyExpired() { // how many have been removed of those is the store's
		all = append(all, d.queues(prefix, value, side, at, opts)...)
	}
	op := all[d.rand.IntN(len(all))]
	op.name = fmt.Sprintf("%s key %q prefix %q side %d at %d value %.10q delta %d %s", op.name, key, prefix, side, at, value, delta, about)
	return op
}

func (d *driver) options() (opts []diskcache.SetOption, about string) {
	if d.rand.IntN(3) == 0 {
		n := d.rand.IntN(6)
		opts, about = append(opts, diskcache.ExpireAt(d.clock.Now().Add(time.Duration(n)*second))), fmt.Sprint(about, " ttl ", n)
	}
	if d.rand.IntN(3) == 0 {
		n := d.rand.IntN(3)
		opts, about = append(opts, diskcache.Tag(fmt.Sprint("t", n))), fmt.Sprint(about, " tag ", n)
	}
	if d.rand.IntN(3) == 0 {
		opts, about = append(opts, diskcache.Kind(uint16(d.rand.IntN(9)))), about+" kind"
	}
	return opts, about
}

func (d *driver) single(key string, value []byte, delta int64, opts []diskcache.SetOption) []operation {
	return []operation{
		{"get", func(o diskcache.Ops) result { return outcome(o.Get(key)) }},
		{"append", func(o diskcache.Ops) result { return outcome(o.GetAppend(key, []byte("buf"))) }},
		{"item", func(o diskcache.Ops) result { return outcome(o.Item(key)) }},
		{"has", func(o diskcache.Ops) result { return outcome(o.Has(key)) }},
		{"set", func(o diskcache.Ops) result { return outcome(0, o.Set(key, value, opts...)) }},
		{"set", func(o diskcache.Ops) result { return outcome(0, o.Set(key, value, opts...)) }},
		{"add", func(o diskcache.Ops) result { return outcome(o.Add(key, value, opts...)) }},
		{"replace", func(o diskcache.Ops) result { return outcome(o.Replace(key, value, opts...)) }},
		{"swap", func(o diskcache.Ops) result {
			it, err := o.Item(key)
			if err != nil && !notFound(err) {
				return outcome(0, err)
			}
			return outcome(o.CompareAndSwap(key, it.Version, value, opts...))
		}},
		{"get or set", func(o diskcache.Ops) result {
			v, loaded, err := o.GetOrSet(key, value, opts...)
			r := outcome(v, err)
			return result{fmt.Sprint(loaded) + r.text, r.err}
		}},
		{"incr", func(o diskcache.Ops) result { return outcome(o.Incr(key, delta, opts...)) }},
		{"decr", func(o diskcache.Ops) result { return outcome(o.Decr(key, delta, opts...)) }},
		{"incr float", func(o diskcache.Ops) result { return outcome(o.IncrFloat(key, float64(delta)/2, opts...)) }},
		{"touch", func(o diskcache.Ops) result { return outcome(o.Touch(key, opts...)) }},
		{"pop", func(o diskcache.Ops) result { return outcome(o.Pop(key)) }},
		{"delete", func(o diskcache.Ops) result { return outcome(o.Delete(key)) }},
	}
}

func (d *driver) ends() []operation {
	return []operation{
		{"first", func(o diskcache.Ops) result { return outcome(o.PeekItem(diskcache.Front)) }},
		{"last", func(o diskcache.Ops) result { return outcome(o.PeekItem(diskcache.Back)) }},
	}
}

func (d *driver) queues(prefix string, value []byte, side diskcache.Side, at int, opts []diskcache.SetOption) []operation {
	push := operation{"push", func(o diskcache.Ops) result { return outcome(o.Push(prefix, value, side, opts...)) }}
	return []operation{
		push, push, push,
		{"pull", func(o diskcache.Ops) result { return outcome(o.Pull(prefix, side)) }},
		{"peek", func(o diskcache.Ops) result { return outcome(o.Peek(prefix, side)) }},
		{"at", func(o diskcache.Ops) result { return outcome(o.QueueAt(prefix, at)) }},
		{"length", func(o diskcache.Ops) result { return outcome(o.QueueLen(prefix)) }},
	}
}

// outcome is what an operation has returned: of items what does not depend on the time
// at which they were stored.
func outcome[T any](v T, err error) result {
	for _, known := range []error{diskcache.ErrNotFound, diskcache.ErrNotNumber, diskcache.ErrOverflow} {
		if errors.Is(err, known) {
			return result{text: known.Error()}
		}
	}
	if err != nil {
		return result{"error: " + err.Error(), err}
	}
	switch v := any(v).(type) {
	case []byte:
		return result{text: fmt.Sprintf("%q", v)}
	case diskcache.Item:
		return result{text: textOf(v)}
	}
	return result{text: fmt.Sprint(v)}
}

func textOf(it diskcache.Item) string {
	return fmt.Sprintf("%q %q tag %q kind %d size %d expires %d", it.Key, it.Value, it.Tag, it.Kind, it.Size, unix(it.Expires))
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// many sets, gets and deletes several keys at once.
func (d *driver) many() {
	d.note("many")
	keys := []string{"a", "m1", "m2", "a"}
	opts, _ := d.options()
	var items []diskcache.KeyValue
	for i, k := range keys {
		items = append(items, diskcache.KeyValue{Key: k, Value: []byte(fmt.Sprint(i))})
		require.NoError(d, d.model.Set(k, []byte(fmt.Sprint(i)), opts...))
	}
	require.NoError(d, d.SetMany(items, opts...))
	values, err := d.GetMany(keys)
	require.NoError(d, err)
	for i, k := range keys {
		want, err := d.model.Get(k)
		require.Equal(d, err == nil, values[i] != nil)
		require.Equal(d, string(want), string(values[i]))
	}
	if d.rand.IntN(2) == 0 {
		n, want := 0, 0
		for _, k := range keys[1:3] {
			if ok, _ := d.model.Delete(k); ok {
				want++
			}
		}
		n, err = d.DeleteMany(keys[1:3])
		require.NoError(d, err)
		require.Equal(d, want, n)
	}
}

func (d *driver) compareRange() {
	r := diskcache.Range{
		Order: diskcache.Order(d.rand.IntN(2)), Reverse: d.rand.IntN(2) == 0,
		Prefix: []string{"", "q", "q-", "m", "5"}[d.rand.IntN(5)],
		From:   []string{"", "b", "q-500000000000001"}[d.rand.IntN(3)], To: []string{"", "n", "q-500000000000002"}[d.rand.IntN(3)],
		Tag: []string{"", "", "t0", "t1"}[d.rand.IntN(4)],
	}
	d.compare(r)
}

func (d *driver) compareAll() {
	d.compare(diskcache.Range{})
	d.compare(diskcache.Range{Order: diskcache.ByKey, Reverse: true})
	if !d.model.anyExpired() {
		n, err := d.Len()
		require.NoError(d, err)
		require.Equal(d, len(d.model.items), n)
	}
}

func (d *driver) compare(r diskcache.Range) {
	want := []string{}
	for _, it := range d.model.scan(r) {
		want = append(want, outcome(d.model.item(it), nil).text)
	}
	got := []string{}
	for it, err := range d.ScanItems(r) {
		got = append(got, outcome(it, err).text)
	}
	if d.anyOrder && r.Order == diskcache.ByInsertion {
		slices.Sort(want)
		slices.Sort(got)
	}
	if !slices.Equal(want, got) {
		require.Equal(d, want, got, "%+v, after\n%s", r, strings.Join(d.log, "\n"))
	}
}

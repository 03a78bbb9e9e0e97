package history

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func is(key int, v int64) Cell { return Cell{Key: key, Is: Value, Value: v} }
func gone(key int) Cell        { return Cell{Key: key, Is: Absent} }
func some(key int) Cell        { return Cell{Key: key, Is: Some} }

func cells(c ...Cell) []Cell { return c }

// at makes operations of 8 ns each, one after the other, each by a client of its own.
func at(ops ...Op) []Op {
	for i := range ops {
		if ops[i].Call == 0 {
			ops[i].Call = int64(10*i + 1)
		}
		if ops[i].Return == 0 {
			ops[i].Return = ops[i].Call + 8
		}
		ops[i].Client = i
	}
	return ops
}

func set(c Cell) Op { return Op{Kind: Set, Writes: cells(c)} }
func get(c Cell) Op { return Op{Kind: Get, Reads: cells(c)} }
func del(c Cell) Op { return Op{Kind: Delete, Reads: cells(c), Writes: cells(gone(c.Key))} }

func update(reads, writes []Cell) Op { return Op{Kind: Update, Reads: reads, Writes: writes} }

func never(o Op) Op {
	o.Return = Never
	return o
}

const second = int64(1000) // operations take a hundredth of it

// Histories of which it is known whether an order explains them.
func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		ops   []Op
		evict bool
		fine  bool
	}{
		"sequence":                 {at(set(is(1, 5)), get(is(1, 5)), del(some(1)), get(gone(1)), del(gone(1))), false, true},
		"stale":                    {at(set(is(1, 5)), set(is(1, 6)), get(is(1, 5))), false, false},
		"never written":            {at(set(is(1, 5)), get(is(1, 6))), false, false},
		"lost":                     {at(set(is(1, 5)), get(gone(1))), false, false},
		"vanished":                 {at(set(is(1, 5)), get(gone(1))), true, true},
		"vanished and back":        {at(set(is(1, 5)), get(gone(1)), get(is(1, 5))), true, false},
		"older than what vanished": {at(set(is(1, 5)), set(is(1, 6)), get(is(1, 5))), true, false},
		"resurrected":              {at(set(is(1, 5)), del(some(1)), get(is(1, 5))), false, false},
		"deleted twice":            {at(set(is(1, 5)), del(some(1)), del(some(1))), false, false},
		"delete of something lost": {at(set(is(1, 5)), del(gone(1))), false, false},
		"over while a transaction ran": {at(
			Op{Kind: Set, Writes: cells(is(1, 5)), TTL: 20},
			Op{Kind: Update, Reads: cells(is(1, 5)), Writes: cells(is(1, 6)), Call: 12, Return: 100},
			Op{Kind: Get, Reads: cells(gone(1)), Call: 60, Return: 68},
			Op{Kind: Get, Reads: cells(is(1, 6)), Call: 110},
		), false, true},
		"over before a transaction began": {at(
			Op{Kind: Set, Writes: cells(is(1, 5)), TTL: 20},
			Op{Kind: Get, Reads: cells(gone(1)), Call: 60, Return: 68},
			Op{Kind: Update, Reads: cells(is(1, 5)), Writes: cells(is(1, 6)), Call: 70, Return: 100},
		), false, false},
		"counted":                       {at(update(cells(gone(1)), cells(is(1, 1))), update(cells(is(1, 1)), cells(is(1, 2))), get(is(1, 2))), false, true},
		"lost increment":                {at(update(cells(gone(1)), cells(is(1, 1))), update(cells(gone(1)), cells(is(1, 1)))), false, false},
		"counted from what vanished":    {at(set(is(1, 7)), update(cells(gone(1)), cells(is(1, 1))), get(is(1, 1))), true, true},
		"half a transaction":            {at(update(cells(gone(1), gone(2)), cells(is(1, -3), is(2, 3))), update(cells(is(1, -3), gone(2)), nil)), false, false},
		"pending, seen":                 {at(never(set(is(1, 5))), get(is(1, 5))), false, true},
		"pending, seen late":            {at(never(set(is(1, 5))), get(gone(1)), get(is(1, 5))), false, true},
		"pending, not seen":             {at(set(is(1, 4)), never(set(is(1, 5))), get(is(1, 4))), false, true},
		"pending, seen once":            {at(never(set(is(1, 5))), get(is(1, 5)), get(gone(1))), false, false},
		"pending half a transaction":    {at(never(update(cells(gone(1), gone(2)), cells(is(1, 1), is(2, 2)))), update(cells(is(1, 1), gone(2)), nil)), false, false},
		"pending, overtaken":            {at(set(is(1, 4)), never(update(cells(is(1, 4)), cells(is(1, 5)))), set(is(1, 6)), get(is(1, 6))), false, true},
		"pending, done and overtaken":   {at(set(is(1, 4)), never(update(cells(is(1, 4)), cells(is(1, 5)))), get(is(1, 5)), set(is(1, 6)), get(is(1, 5))), false, false},
		"at the same time":              {at(Op{Kind: Set, Writes: cells(is(1, 5)), Call: 1, Return: 99}, get(is(1, 5)), get(is(1, 5))), false, true},
		"at the same time, and back":    {at(Op{Kind: Set, Writes: cells(is(1, 5)), Call: 1, Return: 99}, get(is(1, 5)), get(gone(1))), false, false},
		"cleared":                       {at(set(is(1, 5)), set(is(2, 6)), Op{Kind: Clear}, get(gone(1)), get(gone(2))), false, true},
		"not cleared":                   {at(set(is(1, 5)), set(is(2, 6)), Op{Kind: Clear}, get(gone(1)), get(is(2, 6))), false, false},
		"clear pending":                 {at(set(is(1, 5)), set(is(2, 6)), never(Op{Kind: Clear}), get(gone(1)), get(is(2, 6))), false, true},
		"other keys are others":         {at(set(is(1, 5)), get(gone(2))), false, true},
		"expired":                       {at(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: second}, Op{Kind: Get, Reads: cells(gone(1)), Call: second}), false, true},
		"expired too soon":              {at(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: second}, Op{Kind: Get, Reads: cells(gone(1)), Call: second / 2}), false, false},
		"not expired":                   {at(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: second}, Op{Kind: Get, Reads: cells(is(1, 5)), Call: 2 * second}), false, false},
		"to expire, pending":            {at(never(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: second}), Op{Kind: Get, Reads: cells(is(1, 5)), Call: 2 * second}), false, true},
		"expired and back":              {at(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: second}, Op{Kind: Get, Reads: cells(gone(1)), Call: second}, Op{Kind: Get, Reads: cells(is(1, 5)), Call: second + 20}), false, false},
		"to expire, then for good":      {at(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: second}, update(cells(is(1, 5)), cells(is(1, 6))), Op{Kind: Get, Reads: cells(is(1, 6)), Call: 3 * second}), false, true},
		"lost, though other may vanish": {at(Op{Kind: Set, Writes: cells(is(1, 5)), TTL: 1}, set(is(1, 6)), Op{Kind: Get, Reads: cells(gone(1)), Call: 2 * second}), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := Check(test.ops, Options{Evict: test.evict, Timeout: time.Minute})
			assert.Equal(t, test.fine, len(found) == 0)
			for _, v := range found {
				assert.False(t, v.Undecided)
			}
		})
	}
}

// Keys that a transaction links are checked together, the others apart.
func TestGroups(t *testing.T) {
	ops := at(set(is(1, 1)), set(is(2, 1)), update(cells(is(1, 1), gone(4)), cells(is(4, 1))), update(cells(is(4, 1), gone(5)), nil), get(gone(7)), Op{Kind: Aside})
	var keys [][]int
	for _, g := range groups(ops) {
		keys = append(keys, g.keys)
	}
	assert.Equal(t, [][]int{{1, 4, 5}, {2}, {7}}, keys)
}

func TestViolationIsShown(t *testing.T) {
	found := Check(at(set(is(1, 5)), get(is(2, 6)), get(is(1, 7))), Options{Timeout: time.Minute})
	require.Len(t, found, 2)
	assert.Equal(t, []int{1}, found[0].Keys)
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, found[0].Visualize(path))
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(page), "get read 1=7")
}

// What cannot be decided in time is said to be so.
func TestUndecided(t *testing.T) {
	var ops []Op
	for i := range 24 { // all at the same time, and in the end what none of them wrote
		ops = append(ops, Op{Kind: Update, Reads: cells(some(1)), Writes: cells(is(1, int64(i))), Call: 2, Return: 9})
	}
	ops = append(ops, Op{Kind: Set, Writes: cells(is(1, 99)), Call: 1, Return: 1}, Op{Kind: Get, Reads: cells(is(1, 100)), Call: 20, Return: 21})
	found := Check(ops, Options{Timeout: time.Millisecond})
	require.Len(t, found, 1)
	assert.True(t, found[0].Undecided)
}

// simulated returns a history of a correct store: each operation is done at one moment
// between its call and its return.
func simulated(r *rand.Rand, clients, n, keys int, pendingEvery int) []Op {
	is := make(map[int]Cell)
	free := make([]int64, clients)
	var ops []Op
	for i := range n {
		client := 0
		for c := range free { // who has waited longest comes next
			if free[c] < free[client] {
				client = c
			}
		}
		moment := int64(i+1) * 1000
		key := r.IntN(keys)
		cell, ok := is[key]
		if !ok {
			cell = gone(key)
		}
		o := []Op{get(cell), set(Cell{Key: key, Is: Value, Value: int64(i)}), update(cells(cell), cells(Cell{Key: key, Is: Value, Value: cell.Value + 1}))}[r.IntN(3)]
		o.Client, o.Call, o.Return = client, max(free[client], moment-r.Int64N(2000*int64(clients))), moment+r.Int64N(2000*int64(clients))
		free[client] = o.Return + 1
		if o.Call > moment {
			o.Call = moment
		}
		if pendingEvery > 0 && i%pendingEvery == 0 && o.Kind == Set {
			o.Return = Never
			free[client] = moment + 1
			if r.IntN(2) == 0 { // it was not done
				ops = append(ops, o)
				continue
			}
		}
		for _, w := range o.Writes {
			is[key] = w
		}
		ops = append(ops, o)
	}
	slices.SortFunc(ops, func(a, b Op) int { return int(a.Call - b.Call) })
	return ops
}

// Histories of a correct store are found to be so, and not if one value is another.
func TestCheckRandom(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := simulated(r, 2+int(seed%7), 600, 6, 50)
		require.Empty(t, Check(ops, Options{Timeout: time.Minute}), "seed %d", seed)
		i := slices.IndexFunc(ops[300:], func(o Op) bool { return o.Kind == Get && o.Reads[0].Is == Value }) + 300
		ops[i].Reads = cells(is(ops[i].Reads[0].Key, ops[i].Reads[0].Value+1_000_000))
		require.Len(t, Check(ops, Options{Timeout: time.Minute}), 1, "seed %d", seed)
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, clients := range []int{2, 8} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			ops := simulated(rand.New(rand.NewPCG(1, 1)), clients, 2000, 12, 200)
			for b.Loop() {
				Check(ops, Options{Timeout: time.Minute})
			}
		})
	}
}

// TestCheckStale: a Get may be as old as it is said to be, and no older; nothing else may.
func TestCheckStale(t *testing.T) {
	for name, test := range map[string]struct {
		ops  []Op
		fine bool
	}{
		"old":          {at(set(is(1, 5)), set(is(1, 6)), get(is(1, 5))), true},
		"too old":      {at(set(is(1, 5)), set(is(1, 6)), set(is(1, 7)), get(is(1, 5))), false},
		"to come":      {at(set(is(1, 5)), get(is(1, 6)), set(is(1, 6))), false},
		"old update":   {at(set(is(1, 5)), set(is(1, 6)), update(cells(is(1, 5)), nil)), false},
		"old deletion": {at(set(is(1, 5)), del(some(1)), del(some(1))), false},
	} {
		t.Run(name, func(t *testing.T) {
			found := Check(test.ops, Options{Timeout: time.Minute, Stale: 5})
			assert.Equal(t, test.fine, len(found) == 0)
		})
	}
}

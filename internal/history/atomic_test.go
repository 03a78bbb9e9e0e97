package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sum(key int, n int64) Cell   { return Cell{Key: key, Is: Sum, Value: n} }
func other(key int, v int64) Cell { return Cell{Key: key, Is: Other, Value: v} }

func incr(was, is Cell) Op { return Op{Kind: Incr, Reads: cells(was), Writes: cells(is)} }
func counting(n int64) Op  { return never(Op{Kind: Incr, Writes: cells(sum(1, n))}) }

func push(v int64) Op      { return Op{Kind: Push, Writes: cells(is(9, v))} }
func pull(c Cell) Op       { return Op{Kind: Pull, Reads: cells(c), Writes: cells(gone(9))} }
func atBack(o Op) Op       { o.Back = true; return o }
func pulling() Op          { return never(Op{Kind: Pull, Writes: cells(gone(9))}) }
func pulled(v int64) Op    { return pull(is(9, v)) }
func swap(c Cell, w Op) Op { return Op{Kind: Swap, Reads: cells(c), Writes: w.Writes} }

// Histories of counters, additions, swaps and queues of which it is known whether an order explains
// them.
func TestCheckAtomic(t *testing.T) {
	for name, test := range map[string]struct {
		ops   []Op
		evict bool
		fine  bool
	}{
		"counted":                      {at(incr(gone(1), is(1, 2)), incr(is(1, 2), is(1, 5)), get(is(1, 5))), false, true},
		"count lost":                   {at(incr(gone(1), is(1, 2)), incr(gone(1), is(1, 3))), false, false},
		"counting, done":               {at(incr(gone(1), is(1, 2)), counting(3), get(is(1, 5))), false, true},
		"counting, not done":           {at(incr(gone(1), is(1, 2)), counting(3), get(is(1, 2))), false, true},
		"counting, done twice":         {at(incr(gone(1), is(1, 2)), counting(3), get(is(1, 8))), false, false},
		"counting from nothing":        {at(counting(3), get(is(1, 3))), false, true},
		"counting what vanished":       {at(incr(gone(1), is(1, 2)), counting(3), get(is(1, 3))), true, true},
		"counting what has not":        {at(incr(gone(1), is(1, 2)), counting(3), get(is(1, 3))), false, false},
		"counting, seen and kept":      {at(incr(gone(1), is(1, 2)), counting(3), get(is(1, 5)), get(is(1, 3))), true, false},
		"refused, for it is there":     {at(set(is(1, 5)), Op{Kind: Add, Reads: cells(some(1))}), false, true},
		"refused without reason":       {at(Op{Kind: Add, Reads: cells(some(1))}), false, false},
		"added to what is there":       {at(set(is(1, 5)), Op{Kind: Add, Reads: cells(gone(1)), Writes: cells(is(1, 6))}), false, false},
		"adding, not done":             {at(set(is(1, 5)), never(Op{Kind: Add, Reads: cells(gone(1)), Writes: cells(is(1, 6))}), get(is(1, 5))), false, true},
		"adding, done to what is":      {at(set(is(1, 5)), never(Op{Kind: Add, Reads: cells(gone(1)), Writes: cells(is(1, 6))}), get(is(1, 6))), false, false},
		"swapped":                      {at(set(is(1, 5)), swap(is(1, 5), set(is(1, 6))), get(is(1, 6))), false, true},
		"swapped what is another":      {at(set(is(1, 5)), set(is(1, 7)), swap(is(1, 5), set(is(1, 6)))), false, false},
		"not swapped, for another":     {at(set(is(1, 5)), set(is(1, 7)), Op{Kind: Swap, Reads: cells(other(1, 5))}, get(is(1, 7))), false, true},
		"not swapped, for none":        {at(set(is(1, 5)), del(some(1)), Op{Kind: Swap, Reads: cells(other(1, 5))}), false, true},
		"not swapped without reason":   {at(set(is(1, 5)), Op{Kind: Swap, Reads: cells(other(1, 5))}), false, false},
		"not swapped, it had vanished": {at(set(is(1, 5)), Op{Kind: Swap, Reads: cells(other(1, 5))}, get(gone(1))), true, true},
		"vanished, and back":           {at(set(is(1, 5)), Op{Kind: Swap, Reads: cells(other(1, 5))}, get(is(1, 5))), true, false},

		"from the other end":       {at(push(1), atBack(push(2)), pulled(1), pulled(2), pull(gone(9))), false, true},
		"from the same end":        {at(push(1), push(2), pulled(2), atBack(pulled(1))), false, true},
		"in the wrong order":       {at(push(1), atBack(push(2)), pulled(2)), false, false},
		"what was before vanished": {at(push(1), atBack(push(2)), pulled(2), pull(gone(9))), true, true},
		"vanished, and pulled":     {at(push(1), atBack(push(2)), pulled(2), pulled(1)), true, false},
		"pulled twice":             {at(push(1), pulled(1), pulled(1)), false, false},
		"never pushed":             {at(push(1), pulled(2)), true, false},
		"push lost":                {at(push(1), pull(gone(9))), false, false},
		"all vanished":             {at(push(1), pull(gone(9))), true, true},
		"pushing, done":            {at(never(push(1)), pulled(1)), false, true},
		"pushing, not done":        {at(never(push(1)), pull(gone(9))), false, true},
		"pulling, done":            {at(push(1), atBack(push(2)), pulling(), pulled(2), pull(gone(9))), false, true},
		"pulling, not done":        {at(push(1), pulling(), pulled(1)), false, true},
		"pulling took two":         {at(push(1), atBack(push(2)), pulling(), pull(gone(9))), false, false},
		"at the same time":         {at(Op{Kind: Push, Writes: cells(is(9, 1)), Call: 1, Return: 99}, atBack(push(2)), pulled(2), pulled(1)), false, true},
		"queue cleared":            {at(push(1), push(2), Op{Kind: Clear}, pull(gone(9))), false, true},
		"queue not cleared":        {at(push(1), push(2), Op{Kind: Clear}, pulled(2)), false, false},
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

// What an operation was to read and write is replaced by what it says it has.
func TestMergeAtomic(t *testing.T) {
	var log []byte
	for _, r := range []Record{
		{Phase: Called, Client: 1, Time: 1, Kind: Incr, Writes: cells(sum(1, 2))},
		{Phase: Returned, Client: 1, Time: 2, Reads: cells(is(1, 5)), Writes: cells(is(1, 7))},
		{Phase: Called, Client: 1, Time: 3, Kind: Add, Reads: cells(gone(1)), Writes: cells(is(1, 9))},
		{Phase: Returned, Client: 1, Time: 4, Reads: cells(some(1)), Undone: true},
		{Phase: Called, Client: 2, Time: 5, Kind: Swap, Reads: cells(is(1, 7)), Writes: cells(is(1, 8))},
		{Phase: Called, Client: 3, Time: 6, Kind: Pull, Writes: cells(gone(9)), Back: true},
	} {
		log = r.Append(log)
	}
	m := NewMerger()
	require.NoError(t, m.Add(log))
	assert.Equal(t, []Op{
		{Client: 1, Kind: Incr, Reads: cells(is(1, 5)), Writes: cells(is(1, 7)), Call: 1, Return: 2},
		{Client: 1, Kind: Add, Reads: cells(some(1)), Call: 3, Return: 4},
		{Client: 2, Kind: Swap, Reads: cells(is(1, 7)), Writes: cells(is(1, 8)), Call: 5, Return: Never},
		{Client: 3, Kind: Pull, Writes: cells(gone(9)), Back: true, Call: 6, Return: Never},
	}, m.Merge().Ops)
}

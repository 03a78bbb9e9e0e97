package history

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOrdered(t *testing.T) {
	long := func(o Op, ret int64) Op {
		o.Call, o.Return = 1, ret
		return o
	}
	for name, test := range map[string]struct {
		ops    []Op
		before map[int]Cell
		says   string // "": nothing is wrong
	}{
		"sequence":                 {ops: at(set(is(1, 5)), get(is(1, 5)), del(some(1)), get(gone(1)), del(gone(1)))},
		"from before":              {ops: at(get(is(1, 5)), set(is(1, 6)), get(is(1, 6))), before: map[int]Cell{1: is(1, 5)}},
		"lost from before":         {ops: at(get(gone(1))), before: map[int]Cell{1: is(1, 5)}, says: "versions 0 to 0 are not so: 1=5"},
		"stale":                    {ops: at(set(is(1, 5)), set(is(1, 6)), get(is(1, 5))), says: "version 1 after version 2"},
		"missed":                   {ops: at(set(is(1, 5)), set(is(1, 6)), get(gone(1))), says: "versions 2 to 2 are not so: 1=6"},
		"never written":            {ops: at(set(is(1, 5)), get(is(1, 7))), says: "nobody ever wrote that"},
		"from the future":          {ops: at(get(is(1, 5)), set(is(1, 5))), says: "version 1 before it was written"},
		"resurrected":              {ops: at(set(is(1, 5)), del(some(1)), get(is(1, 5))), says: "version 1 after version 2"},
		"deleted nothing":          {ops: at(set(is(1, 5)), del(gone(1))), says: "versions 1 to 1 are not so"},
		"deleted what was not":     {ops: at(del(some(1))), says: "versions 0 to 0 are not so"},
		"at the same time":         {ops: at(long(set(is(1, 5)), 99), get(gone(1)), get(is(1, 5)))},
		"at the same time, back":   {ops: at(long(set(is(1, 5)), 99), get(is(1, 5)), get(gone(1))), says: "versions 1 to 1 are not so"},
		"pending, not done":        {ops: at(set(is(1, 4)), never(set(is(1, 5))), get(is(1, 4)), set(is(1, 6)), get(is(1, 6)))},
		"pending, done":            {ops: at(set(is(1, 4)), never(set(is(1, 5))), get(is(1, 5)))},
		"pending, done and back":   {ops: at(set(is(1, 4)), never(set(is(1, 5))), get(is(1, 5)), get(is(1, 4))), says: "version 1 after version 2"},
		"pending, lost the former": {ops: at(set(is(1, 4)), never(set(is(1, 5))), get(gone(1))), says: "versions 1 to 2 are not so: 1=4"},
		"pending, after the next":  {ops: at(never(set(is(1, 5))), set(is(1, 6)), get(is(1, 5))), says: "version 1 after version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := Ordered(test.ops, test.before)
			if test.says == "" {
				assert.Empty(t, wrong)
				return
			}
			require.Len(t, wrong, 1)
			assert.Contains(t, wrong[0], test.says)
		})
	}
}

// Of histories with one writer, Ordered and porcupine think the same.
func TestOrderedAgrees(t *testing.T) {
	right, wrong := 0, 0
	for seed := range uint64(2000) {
		ops := oneWriter(rand.New(rand.NewPCG(seed, 2)))
		a, b := len(Ordered(ops, nil)) == 0, len(Check(ops, Options{Timeout: time.Minute})) == 0
		require.Equal(t, b, a, "seed %d: %v", seed, ops)
		if a {
			right++
		} else {
			wrong++
		}
	}
	assert.Greater(t, right, 100)
	assert.Greater(t, wrong, 100)
}

// oneWriter returns a short history of one key: one client writes, the others read, not
// always what is there.
func oneWriter(r *rand.Rand) []Op {
	var ops []Op
	t := int64(0)
	for v := range int64(4) {
		o := Op{Kind: Set, Writes: cells(is(1, v)), Call: t + 1, Return: t + 1 + r.Int64N(20)}
		t = o.Return
		ops = append(ops, o)
	}
	for range 3 {
		call := r.Int64N(t)
		ops = append(ops, Op{Client: 1, Kind: Get, Reads: cells(is(1, min(3, call*4/t+r.Int64N(2)))), Call: call, Return: call + r.Int64N(10)})
	}
	m := NewMerger()
	m.out.Ops = ops
	return m.Merge().Ops
}

package main

import (
	"cmp"
	"slices"

	"github.com/go-diskcache/diskcache/internal/history"
)

// killsAtOnce is after how many kills all processes end and every key is looked at: so
// often that what they tell fits the memory.
const killsAtOnce = 50

// mostBetween bounds how many operations come between two kills.
const mostBetween = 400

// tortureKill kills one process after another while all write keys of their own and
// read those of the others, in one directory to the end: nothing acknowledged is lost,
// nothing wrong, nothing back, and the others go on.
func tortureKill(t *torturing) error {
	kills := or(t.p.kills, -1, 200)
	bar := newProgress(t.stderr, "killing", kills)
	defer bar.done()
	what := task{mix: "own", keys: or(t.p.keys, 0, 50), sizes: mixedSizes}
	tasks := t.same(t.p.procs[0], what)
	is := make(map[int]history.Cell)
	first := 0
	for round := 0; t.out.Kills < kills && !t.late(); round++ {
		c := t.newCrew(tasks, "killed", t.p.seed+uint64(round))
		c.bar, c.nextClient = bar, first
		c.events = t.killings(min(killsAtOnce, kills-t.out.Kills))
		if err := c.run(); err != nil {
			return err
		}
		first = c.nextClient + 1
		if err := t.lookAfter(c, what, is); err != nil {
			return err
		}
	}
	return nil
}

// killings are so many kills, and then some time in which the others are to go on.
func (t *torturing) killings(n int) []event {
	var es []event
	at := int64(0)
	for range n {
		if t.rand.IntN(5) > 0 { // or at the same time
			at += t.rand.Int64N(mostBetween)
		}
		es = append(es, event{at: at})
	}
	return append(es, event{at: at + mostBetween, what: rest})
}

// lookAfter checks what a crew was told, from what the keys were to what they are.
func (t *torturing) lookAfter(c *crew, what task, is map[int]history.Cell) error {
	all := what
	all.keys = what.keys * c.tasks[0].parts
	last, damaged, err := lookAtAll(c, all)
	if err != nil {
		return err
	}
	m, err := c.merge(last)
	if err != nil {
		return err
	}
	t.tally(c, m)
	for _, d := range damaged {
		t.tell("%s", d)
	}
	t.checkOrdered(m.Ops, is)
	done, looked := m.Ops[:len(m.Ops)-all.keys], m.Ops[len(m.Ops)-all.keys:]
	for i := range looked {
		for _, r := range looked[i].Reads {
			is[r.Key] = r
		}
	}
	t.measureGaps(c, done) // who looks at all begins when the others are done
	return nil
}

// goOnWithin is how long after a kill is looked for a gap.
const goOnWithin = int64(2e9)

// measureGaps finds the longest time after a kill in which no process but the one that
// was killed completed an operation.
func (t *torturing) measureGaps(c *crew, ops []history.Op) {
	if len(c.tasks) < 2 {
		return
	}
	place := make(map[int]int)
	for i := range ops {
		if _, ok := place[ops[i].Client]; !ok {
			place[ops[i].Client] = c.placeOf(ops[i].Client)
		}
	}
	done := slices.DeleteFunc(slices.Clone(ops), func(o history.Op) bool { return o.Pending() || place[o.Client] < 0 })
	slices.SortFunc(done, func(a, b history.Op) int { return cmp.Compare(a.Return, b.Return) })
	var gap, writeGap int64
	for _, k := range c.kills {
		gap = max(gap, longestGap(done, k.at, func(o *history.Op) bool { return place[o.Client] != k.member.place }))
		writeGap = max(writeGap, longestGap(done, k.at, func(o *history.Op) bool { return place[o.Client] != k.member.place && len(o.Writes) > 0 }))
	}
	if t.out.Gap != nil {
		gap, writeGap = max(gap, *t.out.Gap), max(writeGap, *t.out.WriteGap)
	}
	t.out.Gap, t.out.WriteGap = &gap, &writeGap
}

// longestGap returns the longest time from a moment on, or from an operation after it
// that counts, to the next.
func longestGap(done []history.Op, from int64, counts func(o *history.Op) bool) (longest int64) {
	i, _ := slices.BinarySearchFunc(done, from, func(o history.Op, at int64) int { return cmp.Compare(o.Return, at) })
	last := from
	for ; i < len(done) && last <= from+goOnWithin; i++ {
		if counts(&done[i]) {
			longest = max(longest, done[i].Return-last)
			last = done[i].Return
		}
	}
	return longest
}

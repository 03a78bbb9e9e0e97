package main

import (
	"fmt"

	"github.com/go-diskcache/diskcache/internal/history"
)

// The scenarios of which it is known without a search what must come of them.

// race has the processes work until all are done, and returns what they were told, with
// what is there in the end as the last operations.
func (t *torturing) race(tasks []task, kills, total int) (*history.Merged, error) {
	bar := newProgress(t.stderr, t.out.Scenario, max(kills, 1))
	defer bar.done()
	c := t.newCrew(tasks, fmt.Sprint(t.out.Scenario, tasks[0].sizes), t.p.seed)
	c.bar, c.events = bar, t.events(kills, 0, total*6/10)
	if err := c.run(); err != nil {
		return nil, err
	}
	last, damaged, err := lookAtAll(c, tasks[0])
	if err != nil {
		return nil, err
	}
	m, err := c.merge(last)
	if err != nil {
		return nil, err
	}
	t.tally(c, m)
	for _, d := range damaged {
		t.tell("%s", d)
	}
	return m, nil
}

// tortureIncr has processes increment one key: each number comes once, and none is left
// out but by those that were killed over it.
func tortureIncr(t *torturing) error {
	each, kills := or(t.p.ops, 0, 10_000), or(t.p.kills, -1, 0)
	what := task{mix: "incr", keys: 1, sizes: inline, ops: max(1, each/t.p.clients)}
	m, err := t.race(t.same(t.p.procs[0], what), kills, each*t.p.procs[0])
	if err != nil {
		return err
	}
	t.checkIncr(m.Ops)
	return nil
}

// checkIncr: what an increment made is nobody else's, and in the end there is exactly
// what was acknowledged, and of what is pending what may have been.
func (t *torturing) checkIncr(ops []history.Op) {
	made := make(map[int64]int)
	var last int64
	pending := 0
	for i := range ops {
		o := &ops[i]
		switch {
		case o.Kind == history.Get && o.Reads[0].Is == history.Value:
			last = o.Reads[0].Value
		case o.Kind == history.Update && o.Pending():
			pending++
		case o.Kind == history.Update:
			t.out.Acked++
			if by, again := made[o.Writes[0].Value]; again {
				t.tell("clients %d and %d have both incremented to %d", by, o.Client, o.Writes[0].Value)
			}
			made[o.Writes[0].Value] = o.Client
		}
	}
	if least, most := int64(t.out.Acked), int64(t.out.Acked+pending); last < least || last > most {
		t.tell("%d increments were acknowledged and %d may have been made, and the count is %d", least, pending, last)
	}
}

// tortureAdd has processes race to add the same keys.
func tortureAdd(t *torturing) error {
	keys, kills := or(t.p.keys, 0, 1000), or(t.p.kills, -1, 0)
	what := task{mix: "add", keys: keys, sizes: mixedSizes, ops: keys, anew: true}
	m, err := t.race(t.same(t.p.procs[0], what), kills, keys*t.p.procs[0])
	if err != nil {
		return err
	}
	t.checkAdd(m.Ops, keys)
	return nil
}

// checkAdd: each key was added once, and is what was added; by one that was killed over
// it only if by nobody else.
func (t *torturing) checkAdd(ops []history.Op, keys int) {
	by := make(map[int]history.Cell)
	may := make(map[history.Cell]bool)
	is := make(map[int]history.Cell)
	for i := range ops {
		o := &ops[i]
		switch {
		case o.Kind == history.Get:
			is[o.Reads[0].Key] = o.Reads[0]
		case len(o.Writes) == 0:
		case o.Pending():
			may[o.Writes[0]] = true
		default:
			w := o.Writes[0]
			t.out.Acked++
			if first, again := by[w.Key]; again {
				t.tell("key %d was added twice, as %d and as %d", w.Key, first.Value, w.Value)
			}
			by[w.Key] = w
		}
	}
	for key := range keys {
		if added, ok := by[key]; is[key] != added && (ok || !may[is[key]]) {
			t.tell("key %d was added as %v and is %v", key, added, is[key])
		}
	}
}

// torturePoll has one process overwrite a key and the others read it all the time: they
// never miss it, nor find an older value after a newer one.
func torturePoll(t *torturing) error {
	for _, sizes := range []sizeClass{inline, inFiles} {
		n := or(t.p.ops, 0, 100_000)
		tasks := t.same(t.p.procs[0], task{mix: "poll", keys: 1, sizes: sizes})
		tasks[0].mix, tasks[0].ops, tasks[0].clients = "write", n, 1
		m, err := t.race(tasks, 0, n)
		if err != nil {
			return err
		}
		t.checkOrdered(m.Ops, nil)
	}
	return nil
}

// checkOrdered checks keys that have one writer each.
func (t *torturing) checkOrdered(ops []history.Op, before map[int]history.Cell) {
	for i := range ops {
		if len(ops[i].Writes) > 0 && !ops[i].Pending() {
			t.out.Acked++
		}
	}
	for _, w := range history.Ordered(ops, before) {
		t.tell("%s", w)
	}
}

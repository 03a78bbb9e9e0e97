package history

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
)

// Ordered checks keys that have one writer each, which may be a process killed and
// another that goes on in its place, and any number of readers. What such a key was is
// a sequence of versions, so that this needs no search and takes histories of any
// length. It returns what is wrong: a version that was never written, one that is
// older than what had been acknowledged or seen by anybody before the read was called,
// one from the future, and a miss where there was something.
//
// before says what the keys were at first; those that are not in it were absent. Values
// of a key must differ from each other.
func Ordered(ops []Op, before map[int]Cell) (wrong []string) {
	byKey := make(map[int]*sequence)
	of := func(key int) *sequence {
		if byKey[key] == nil {
			byKey[key] = newSequence(key, before)
		}
		return byKey[key]
	}
	for i := range ops {
		o := &ops[i]
		for _, c := range o.Reads { // before what the operation writes itself
			of(c.Key).read(o, c)
		}
		for _, c := range o.Writes {
			of(c.Key).write(o, c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		wrong = append(wrong, byKey[key].check()...)
	}
	return wrong
}

// sequence is the versions of a key and who read them.
type sequence struct {
	writes []writing // by the time of their calls; the first is what the key was before
	byVal  map[int64]int
	reads  []reading
}

type writing struct {
	cell Cell
	call int64
	// acked is the newest version that is acknowledged when this one is: itself, unless it
	// is pending.
	acked int
	ret   int64
}

type reading struct {
	op   *Op
	cell Cell
	most int // version that it may return, for a writer knows what it has not written yet
}

func newSequence(key int, before map[int]Cell) *sequence {
	first, ok := before[key]
	if !ok {
		first = Cell{Key: key, Is: Absent}
	}
	s := &sequence{byVal: make(map[int64]int), writes: []writing{{cell: first, call: -1, ret: -1}}}
	if first.Is == Value {
		s.byVal[first.Value] = 0
	}
	return s
}

func (s *sequence) write(o *Op, c Cell) {
	n := len(s.writes)
	last := s.writes[n-1]
	w := writing{c, o.Call, n, o.Return}
	if o.Pending() { // others go on from what was acknowledged before it
		w.acked, w.ret = last.acked, last.ret
	}
	s.writes = append(s.writes, w)
	if c.Is == Value {
		s.byVal[c.Value] = n
	}
}

func (s *sequence) read(o *Op, c Cell) {
	r := reading{o, c, math.MaxInt}
	if len(o.Writes) > 0 {
		r.most = len(s.writes) - 1
	}
	s.reads = append(s.reads, r)
}

// seen is a version that a read has returned.
type seen struct {
	at      int64 // when it had returned
	version int
}

func (s *sequence) check() (wrong []string) {
	slices.SortStableFunc(s.reads, func(a, b reading) int { return cmp.Compare(a.op.Call, b.op.Call) })
	var returned []seen // reads that were judged, by the time of their returns
	newest := 0         // version that a read had returned by then
	for _, r := range s.reads {
		for len(returned) > 0 && returned[0].at < r.op.Call {
			newest = max(newest, returned[0].version)
			returned = returned[1:]
		}
		least := max(newest, s.acknowledged(r.op.Call))
		version, err := s.judge(r, least)
		if err != "" {
			wrong = append(wrong, fmt.Sprintf("client %d: %v: %s", r.op.Client, r.op, err))
			continue
		}
		at := sort.Search(len(returned), func(i int) bool { return returned[i].at > r.op.Return })
		returned = slices.Insert(returned, at, seen{r.op.Return, version})
	}
	return wrong
}

// acknowledged returns the newest version that was before t.
func (s *sequence) acknowledged(t int64) int {
	n := sort.Search(len(s.writes), func(i int) bool { return s.writes[i].ret >= t })
	return s.writes[max(n-1, 0)].acked
}

// judge returns the version that was read, the oldest where there may be several, or
// what is wrong with it.
func (s *sequence) judge(r reading, least int) (version int, wrong string) {
	most := sort.Search(len(s.writes), func(i int) bool { return s.writes[i].call > r.op.Return }) - 1
	most = min(most, r.most)
	if r.cell.Is == Value {
		v, ok := s.byVal[r.cell.Value]
		switch {
		case !ok:
			return 0, "nobody ever wrote that"
		case v < least:
			return 0, fmt.Sprintf("version %d after version %d (%v)", v, least, s.writes[least].cell)
		case v > most:
			return 0, fmt.Sprintf("version %d before it was written", v)
		}
		return v, ""
	}
	for v := least; v <= most; v++ {
		if (s.writes[v].cell.Is == Absent) == (r.cell.Is == Absent) {
			return v, ""
		}
	}
	return 0, fmt.Sprintf("versions %d to %d are not so: %v", least, most, s.writes[least].cell)
}

package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// state is what a group of keys is, in the order of the group.
type state []item

// item is the value of a key. It begins to be over between two times, for when exactly
// its time to live began is not known. Items must expire by the clock of the history.
type item struct {
	present    bool
	unsure     bool // the value may be another: nobody knows what was counted from
	value      int64
	may, until int64
}

// gone is what is left of an item that somebody has missed. What may have expired a
// transaction may have read before: time goes on between its reads and its commit.
func (it item) gone() item {
	switch {
	case !it.present:
		return it
	case it.until == math.MaxInt64:
		return item{}
	}
	return item{value: it.value, until: it.until}
}

// hasRead reports whether a transaction may have read a value before the item was over.
func (it item) hasRead(o *Op, r cell) bool {
	return o.Kind == Update && !it.present && it.until > 0 && o.Call <= it.until && (r.is == Some || it.value == r.value)
}

// unlimited is an item that never is over.
func unlimited(v int64) item {
	return item{present: true, value: v, may: math.MaxInt64, until: math.MaxInt64}
}

// step is an operation on a group of keys.
type step struct {
	op     *Op
	reads  []cell
	writes []cell
}

// cell is a Cell whose key is a place in a group.
type cell struct {
	at    int
	is    Is
	value int64
}

// model is the sequential cache. A key that Evict allows to vanish may do so at any
// time, which nobody notices before it is looked for: so it vanishes when it is found
// missing, and its value is not back without a write.
type model struct {
	evict bool
	keys  []int // of the group, for descriptions
}

// take returns the state after s, or false if it cannot come next. What is pending can
// always come, in the end: it had no effect then that anybody saw.
func (m *model) take(before state, s *step) (state, bool) {
	after := slices.Clone(before)
	for _, r := range s.reads {
		ok := m.read(&after[r.at], s.op, r)
		if !ok && s.op.Pending() { // it cannot have come here, and so has not been done at all
			return before, true
		}
		if !ok {
			return nil, false
		}
	}
	for _, w := range s.writes {
		after[w.at] = m.made(after[w.at], s, w)
	}
	return after, true
}

// read reports whether an operation may have found an item so, and leaves what it is then.
func (m *model) read(it *item, o *Op, r cell) bool {
	vanished := !it.present || m.evict || it.may != math.MaxInt64 && o.Return >= it.may
	switch {
	case r.is == Absent:
		*it = it.gone()
		return vanished
	case r.is == Other && it.present && !it.unsure && it.value == r.value:
		*it = it.gone()
		return vanished
	case r.is == Other:
		return true
	case it.present && o.Call <= it.until && (r.is == Some || it.value == r.value):
		it.unsure = it.unsure && r.is == Some
		return true
	case it.present && it.unsure && r.is == Value:
		*it = unlimited(r.value)
		return true
	}
	return it.hasRead(o, r)
}

// made returns what a write makes of an item.
func (m *model) made(was item, s *step, w cell) item {
	it := item{}
	if w.is == Sum { // of one that is there: it may have vanished before
		it = unlimited(was.value + w.value)
		if !was.present {
			it = unlimited(w.value)
		}
		it.unsure = was.present && (was.unsure || m.evict)
	}
	if w.is == Value {
		it = unlimited(w.value)
	}
	if w.is == Value && s.op.TTL != 0 {
		it.may = s.op.Call + s.op.TTL
		if !s.op.Pending() {
			it.until = s.op.Return + s.op.TTL
		}
	}
	return it
}

// porcupine returns the model as the checker wants it.
func (m *model) porcupine() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return make(state, len(m.keys)) },
		Step: func(before, input, _ any) (bool, any) {
			after, ok := m.take(before.(state), input.(*step))
			return ok, after
		},
		Equal:             func(a, b any) bool { return slices.Equal(a.(state), b.(state)) },
		Hash:              func(s any) uint64 { return s.(state).hash() },
		DescribeOperation: func(input, _ any) string { return input.(*step).op.String() },
		DescribeState:     func(s any) string { return m.describe(s.(state)) },
	}
}

func (s state) hash() uint64 {
	h := uint64(14695981039346656037)
	for _, it := range s {
		x := uint64(it.value)
		if it.present {
			x = ^x
		}
		h = (h ^ x) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

func (m *model) describe(s state) string {
	var parts []string
	for i, it := range s {
		c := Cell{Key: m.keys[i], Is: Absent}
		if it.present {
			c.Is, c.Value = Value, it.value
		}
		parts = append(parts, c.String())
	}
	return fmt.Sprintf("{%s}", strings.Join(parts, ", "))
}

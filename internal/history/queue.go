package history

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// queue is the sequential queue. What Evict allows to vanish may do so at any time and at any
// place, which nobody notices before something behind it is pulled: it is gone then.
type queue struct{ evict bool }

// line is what is in a queue, from the front. It is not changed.
type line []int64

// take returns the queue after s, or false if it cannot come next. What is pending can always come.
func (m *queue) take(q line, s *step) (line, bool) {
	switch s.op.Kind {
	case Clear:
		return nil, true
	case Push:
		v := line{s.writes[0].value}
		if s.op.Back {
			return slices.Concat(q, v), true
		}
		return slices.Concat(v, q), true
	}
	if s.op.Pending() {
		return m.pulled(q, s.op.Back), true
	}
	if s.reads[0].is == Absent {
		return nil, len(q) == 0 || m.evict
	}
	at := slices.Index(q, s.reads[0].value)
	if at < 0 {
		return nil, false
	}
	before, behind := q[:at], q[at+1:]
	if s.op.Back {
		return before, len(behind) == 0 || m.evict
	}
	return behind, len(before) == 0 || m.evict
}

// pulled returns the queue after a pull of which nobody has heard. Where items vanish that is one
// more that has.
func (m *queue) pulled(q line, back bool) line {
	switch {
	case m.evict || len(q) == 0:
		return q
	case back:
		return q[:len(q)-1]
	}
	return q[1:]
}

// porcupine returns the model as the checker wants it.
func (m *queue) porcupine() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return line(nil) },
		Step: func(before, input, _ any) (bool, any) {
			after, ok := m.take(before.(line), input.(*step))
			return ok, after
		},
		Equal:             func(a, b any) bool { return slices.Equal(a.(line), b.(line)) },
		Hash:              func(q any) uint64 { return q.(line).hash() },
		DescribeOperation: func(input, _ any) string { return input.(*step).op.String() },
		DescribeState:     func(q any) string { return fmt.Sprint(q) },
	}
}

func (q line) hash() uint64 {
	h := uint64(len(q))
	for _, v := range q {
		h = (h ^ uint64(v)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

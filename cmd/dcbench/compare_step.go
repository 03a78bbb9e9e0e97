package main

import (
	"time"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// timedParts is how many times fewer keys there are to measure latencies with, where each is used
// once.
const timedParts = 8

// measureNew sets keys that are not there, and looks what memory and space they take once the first
// of them are all there.
func measureNew(m *match, s *step) error {
	first, n := m.next, m.scenario.n
	m.next += n + n/timedParts
	m.rounds(s, func(r int) contest.Order {
		return stretch(s.order, first+r*n/m.p.rounds, first+(r+1)*n/m.p.rounds)
	}, stretch(s.order, first+n, first+n+n/timedParts))
	if first == 0 {
		m.each(m.fill)
	}
	return nil
}

// stretch is an order for some keys.
func stretch(o contest.Order, from, to int) contest.Order {
	o.From, o.To = from, to
	return o
}

// measureDrawn does something with keys that are there.
func measureDrawn(m *match, s *step) error {
	m.filled()
	o := s.order
	o.N = m.scenario.n
	m.rounds(s, func(int) contest.Order { return o }, o)
	return nil
}

// measureDeletion deletes what is there.
func measureDeletion(m *match, s *step) error {
	m.filled()
	timed := m.scenario.n / timedParts
	n := m.scenario.n - timed
	m.rounds(s, func(r int) contest.Order { return stretch(s.order, r*n/m.p.rounds, (r+1)*n/m.p.rounds) }, stretch(s.order, n, n+timed))
	return nil
}

// filled sees to it that all keys are there that are read.
func (m *match) filled() {
	if m.next == 0 {
		m.each(m.fill)
		m.next = m.scenario.n
	}
}

// fill sets what is missing, and looks what it takes.
func (m *match) fill(e *entrant) error {
	if _, err := e.ask(contest.Order{Do: "fill", To: m.scenario.n}); err != nil {
		return err
	}
	a, err := e.ask(contest.Order{Do: "memory"})
	if err != nil {
		return err
	}
	e.grown = &contest.Memory{Anonymous: a.Memory.Anonymous - e.empty.Anonymous, Mapped: a.Memory.Mapped - e.empty.Mapped}
	m.settle()
	e.disk, err = spaceUsed(e.dir)
	return err
}

// turns lets all take turns in every round, of which each begins with another.
func (m *match) turns(do func(round int, e *entrant) error) {
	for r := range m.p.rounds {
		for i := range m.entrants {
			m.with(m.entrants[(i+r)%len(m.entrants)], func(e *entrant) error { return do(r, e) })
		}
	}
}

// rounds lets all take turns. At last operations are timed one by
// one, apart, for to look at the clock takes as long as a quick operation.
func (m *match) rounds(s *step, order func(round int) contest.Order, timed contest.Order) {
	rows := m.newRows(s)
	m.turns(func(r int, e *entrant) error { return m.round(e, rows[e], order(r)) })
	timed.Timed, timed.Rate, timed.Batch = true, m.p.rate, 0
	m.each(func(e *entrant) error { return m.timed(e, rows[e], timed) })
}

func (m *match) round(e *entrant, r *row, o contest.Order) error {
	o.Millis = millis(m.p.time)
	a, err := e.ask(o)
	if err != nil {
		return err
	}
	r.count(a)
	if o.Do != "get" && o.Do != "miss" {
		m.settle()
	}
	return nil
}

func millis(d time.Duration) int { return max(1, int(d/time.Millisecond)) }

func (m *match) timed(e *entrant, r *row, o contest.Order) error {
	o.Millis = millis(m.p.time)
	a, err := e.ask(o)
	if err == nil {
		r.setLatency(a.Latency)
	}
	return err
}

// muchWritten is from where on the writes of one store may weigh on the next one's turn.
const muchWritten = 64 << 20

// settle puts on the disk what a round has written, if it is much.
func (m *match) settle() {
	sizes, _ := contest.ParseSizes(m.scenario.sizes)
	if m.scenario.n*sizes.Mean() >= muchWritten {
		settle(m.dir)
	}
}

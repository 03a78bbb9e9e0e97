package main

import (
	"slices"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// The rows "op-*" are one for each thing that a program does with python-diskcache, done alike by all
// that can: by one goroutine, with keys and values as everywhere, in a store that holds opSize bytes of
// so many keys.

const (
	opSize     = "128"
	opParts    = 20   // fewer keys than elsewhere: some of them are removed and set anew in each round
	opCounters = 1000 // of op-incr
	opQueued   = 1000 // values in the queue of op-push-pull
)

func (p *compareParams) ops() []*course {
	return []*course{
		p.op("ops", newKeys("op-set", 1, 1), drawn("op-get", "get", uniform, 1), newKeys("op-transact10", 10, 1), opStep("op-delete", "delete", measureDeletion)),
		p.op("add", opStep("op-add", "add", measureNew)),
		p.op("incr", step{"op-incr", contest.Order{Do: "incr", Keys: uniform, Goroutines: 1}, measureCounting}),
		p.op("queue", opStep("op-push-pull", "queue", measureQueue)),
		p.op("order", opStep("op-peekitem", "peek", measureEnds), opStep("op-iterate", "walk", measureWalk)),
		p.op("evict", step{"op-evict-tag", contest.Order{Do: "evict", Write: "tag"}, measureSweep}),
		p.op("expire", step{"op-expire", contest.Order{Do: "expire", Write: "expire"}, measureSweep}),
		p.op("clear", opStep("op-clear", "clear", measureSweep)),
		p.op("processes", step{"op-4-processes", mixOf(90, 1), measureCrew}),
	}
}

// op is a scenario of such rows.
func (p *compareParams) op(name string, steps ...step) *course {
	c := p.scenario(name, opSize, steps...)
	c.n = max(minCompared, p.n/opParts)
	return c
}

func opStep(workload, do string, play func(*match, *step) error) step {
	return step{workload, contest.Order{Do: do, Goroutines: 1}, play}
}

// mixOf is of a hundred operations so many reads and deletes, and Sets for the rest.
func mixOf(reads, deletes int) contest.Order {
	return contest.Order{Do: "mix", Keys: uniform, Reads: reads, Deletes: deletes, Write: "overwrite", Goroutines: 1}
}

// measureCounting adds to counters that are there, among as many keys as everywhere.
func measureCounting(m *match, s *step) error {
	m.filled()
	n := min(opCounters, m.scenario.n)
	m.each(func(e *entrant) error {
		_, err := e.ask(stretch(s.order, 0, n))
		return err
	})
	o := s.order
	o.N = n
	m.rounds(s, func(int) contest.Order { return o }, o)
	return nil
}

// measureQueue pushes and pulls, in a queue that neither gets empty nor longer.
func measureQueue(m *match, s *step) error {
	m.filled()
	m.each(func(e *entrant) error {
		_, err := e.ask(contest.Order{Do: "push", To: opQueued})
		return err
	})
	m.rounds(s, func(int) contest.Order { return s.order }, s.order)
	return nil
}

// measureEnds looks at both ends of the order of insertion.
func measureEnds(m *match, s *step) error {
	m.filled()
	m.rounds(s, func(int) contest.Order { return s.order }, s.order)
	return nil
}

// measureWalk walks through all keys. Of a walk there are no latencies.
func measureWalk(m *match, s *step) error {
	m.filled()
	rows := m.newRows(s)
	m.turns(func(_ int, e *entrant) error { return m.round(e, rows[e], s.order) })
	return nil
}

// measureSweep removes many keys with one call, which were set anew before, unmeasured.
func measureSweep(m *match, s *step) error {
	stock := contest.Order{Do: "mark", To: m.scenario.n, Write: s.order.Write}
	if s.order.Write == "" {
		stock.Do = "fill"
	}
	m.next = m.scenario.n
	rows := m.newRows(s)
	m.turns(func(_ int, e *entrant) error {
		if _, err := e.ask(stock); err != nil {
			return err
		}
		m.settle()
		a, err := e.ask(s.order)
		if err == nil {
			rows[e].count(a)
		}
		return err
	})
	return nil
}

// clockMoves tells whether some step puts the clock ahead.
func (c *course) clockMoves() bool {
	return slices.ContainsFunc(c.steps, func(s step) bool { return s.order.Do == "expire" })
}

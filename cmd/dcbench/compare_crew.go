package main

import (
	"errors"
	"sync"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// crewSize is how many processes use one directory at once, where several do.
const crewSize = 4

// measureCrew measures several processes with one directory. They get any key, and set and delete
// each its own, so that each knows what it must find in the end.
func measureCrew(m *match, s *step) error {
	m.filled()
	rows := m.newRows(s)
	for _, r := range rows {
		r.Procs = crewSize
	}
	m.each(m.muster)
	o := s.order
	o.N, o.Millis = m.scenario.n, millis(m.p.time)
	m.turns(func(_ int, e *entrant) error {
		a, err := askAll(e.crew, o)
		if err == nil {
			rows[e].count(a)
			m.settle()
		}
		return err
	})
	m.each(m.dismiss)
	return nil
}

// muster starts the others, which open what the first has filled.
func (m *match) muster(e *entrant) error {
	if !e.promises.Shared {
		return errors.ErrUnsupported
	}
	e.crew = []*process{e.process}
	for len(e.crew) < crewSize {
		p, err := e.start()
		if err != nil {
			return err
		}
		e.crew = append(e.crew, p)
		begin := m.beginning(m.scenario.n)
		if err := orderAll([]peer{p}, []contest.Order{begin, m.opening(e.dir)}); err != nil {
			return err
		}
	}
	for place, p := range e.crew {
		if _, err := p.ask(contest.Order{Do: "share", Place: place, Procs: crewSize}); err != nil {
			return err
		}
	}
	return nil
}

// askAll gives an order to all at once. Their operations count together, over the longest time.
func askAll(all []*process, o contest.Order) (*contest.Answer, error) {
	answers, errs := make([]*contest.Answer, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() { answers[i], errs[i] = p.ask(o) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sum := &contest.Answer{}
	for _, a := range answers {
		sum.Ops += a.Ops
		sum.Nanos = max(sum.Nanos, a.Nanos)
	}
	return sum, nil
}

// dismiss has each read back what it knows, and ends all but the first, which the match verifies.
func (m *match) dismiss(e *entrant) error {
	for _, p := range e.crew[1:] {
		if err := orderAll([]peer{p}, []contest.Order{{Do: "verify", To: m.keys()}, {Do: "close"}}); err != nil {
			return err
		}
		if err := p.end(); err != nil {
			return err
		}
	}
	return nil
}

// kill ends all processes of a store that leaves.
func (e *entrant) kill() {
	_ = e.process.kill() // it has nothing more to say, nor have the others
	for _, p := range e.crew {
		_ = p.kill()
	}
}

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// fresh is a workload in an empty store, short enough to be repeated in every round. These are the
// rows of the tables that diskcache_rs publishes, which has them beside python-diskcache.
type fresh struct {
	workload string
	size     string
	times    int             // in a round, each in an empty directory
	before   []contest.Order // besides opening
	measured contest.Order
	open     bool // opening is measured, too
}

var freshes = []fresh{
	{workload: "rs-set", size: "1024", times: 1, before: []contest.Order{{Do: "set", To: 10}}, measured: contest.Order{Do: "set", From: 10, To: 1010}},
	{workload: "rs-loop10", size: "1024", times: 10, measured: contest.Order{Do: "set", To: 10}},
	{workload: "rs-loop100", size: "1024", times: 1, measured: contest.Order{Do: "set", To: 100}},
	{workload: "rs-open", size: "1024", times: 10, measured: contest.Order{Do: "set", To: 1}, open: true},
	{workload: "rs-delete", size: "100", times: 1, before: []contest.Order{{Do: "fill", To: 5000}}, measured: contest.Order{Do: "delete", To: 5000}},
	{workload: "rs-delete", size: "1024", times: 1, before: []contest.Order{{Do: "fill", To: 2000}}, measured: contest.Order{Do: "delete", To: 2000}},
	{workload: "rs-delete", size: "10240", times: 1, before: []contest.Order{{Do: "fill", To: 1000}}, measured: contest.Order{Do: "delete", To: 1000}},
}

func (p *compareParams) freshScenarios() (all []*course) {
	for i := range freshes {
		f := &freshes[i]
		s := p.scenario(f.workload, f.size, step{f.workload, contest.Order{}, func(m *match, s *step) error { return f.play(m, s) }})
		s.n = f.measured.To
		all = append(all, s)
	}
	return all
}

func (f *fresh) play(m *match, s *step) error {
	rows := m.newRows(s)
	m.turns(func(_ int, e *entrant) error { return f.round(m, e, rows[e]) })
	return nil
}

// round does it so many times, in one process.
func (f *fresh) round(m *match, e *entrant, r *row) error {
	if e.gone {
		if err := m.begin(e, 0); err != nil {
			return err
		}
	}
	sum := &contest.Answer{}
	for i := range f.times {
		a, err := f.once(m, e, fmt.Sprintf("%s-%d", e.dir, i))
		if err != nil {
			return err
		}
		sum.Nanos += a.Nanos
		sum.Ops += a.Ops
	}
	r.count(sum)
	return nil
}

// once does it in an empty directory.
func (f *fresh) once(m *match, e *entrant, dir string) (*contest.Answer, error) {
	if _, err := e.ask(beginning(m.scenario.sizes, m.keys(), m.p.seed)); err != nil {
		return nil, err
	}
	opened, err := m.open(e, dir)
	if err != nil {
		return nil, err
	}
	for _, o := range f.before {
		if _, err := e.ask(o); err != nil {
			return nil, err
		}
	}
	a, err := e.ask(f.measured)
	if err != nil {
		return nil, err
	}
	if f.open {
		a.Nanos += opened.Nanos
	}
	return a, errors.Join(m.verify(e), os.RemoveAll(dir))
}

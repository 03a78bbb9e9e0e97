package main

import (
	"errors"
	"os"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// opening measures opening a directory and one Get: an Open that left all of the work to the first
// Get would be no feat.
func (p *compareParams) opening() *course {
	return p.scenario("open", "128", step{"open-clean", contest.Order{}, measureOpen}, step{"open-killed", contest.Order{}, measureOpen})
}

// measureOpen makes a directory, of a store that was closed or killed, and opens copies of it: to
// open changes what is there.
func measureOpen(m *match, s *step) error {
	rows := m.newRows(s)
	killed := s.workload == "open-killed"
	m.each(func(e *entrant) error { return m.makeDirectory(e, killed) })
	m.turns(func(r int, e *entrant) error { return m.openCopy(e, rows[e], r == m.p.rounds-1) })
	m.each(func(e *entrant) error { return os.RemoveAll(e.dir) })
	return nil
}

func (m *match) makeDirectory(e *entrant, killed bool) error {
	if err := m.enter(e); err != nil {
		return err
	}
	if e.promises.Limit || e.promises.Memory {
		return errors.Join(errors.ErrUnsupported, e.end())
	}
	if _, err := e.ask(contest.Order{Do: "fill", To: m.scenario.n}); err != nil {
		return err
	}
	if killed {
		e.open = false
		e.kill() // it dies of that, as is wanted
		return nil
	}
	return errors.Join(m.close(e), e.end())
}

// openCopy opens a copy and gets a key. In the last round everything is read back.
func (m *match) openCopy(e *entrant, r *row, last bool) error {
	copied := e.dir + "-copy"
	if err := copyTree(e.dir, copied); err != nil {
		return err
	}
	if err := m.begin(e, m.scenario.n); err != nil {
		return err
	}
	if err := m.timeOpen(e, r, copied); err != nil {
		return err
	}
	if last {
		if err := m.verify(e); err != nil {
			return err
		}
		r.Lost = e.lost
	}
	e.open = false
	return errors.Join(e.end(), os.RemoveAll(copied))
}

func (m *match) timeOpen(e *entrant, r *row, dir string) error {
	opened, err := m.open(e, dir)
	if err != nil {
		return err
	}
	at := int(contest.Mix(m.p.seed) % uint64(m.scenario.n))
	got, err := e.ask(contest.Order{Do: "get", From: at, To: at + 1})
	if err != nil {
		return err
	}
	r.count(&contest.Answer{Ops: 1, Nanos: opened.Nanos + got.Nanos})
	return nil
}

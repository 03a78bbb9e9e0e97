package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// match is one scenario with all stores.
type match struct {
	p        *compareParams
	field    field
	scenario *course
	dir      string
	stderr   io.Writer
	bar      progress

	entrants []*entrant
	next     int // number of the first key that nobody has set
	rows     []*row
	failed   []error // what became of those that left
}

// entrant is a store that takes part.
type entrant struct {
	*process
	start func() (*process, error)
	dir   string
	empty contest.Memory // what the process took when it was open and empty
	grown *contest.Memory
	disk  int64
	open  bool
	lost  int
	left  error      // why it has left
	crew  []*process // with one directory: the process above is the first
}

// keys are how many the scenario needs numbers for: those that are there, those that are set
// besides, by each step as many and again for the latencies, and some that a load inserts.
func (m *match) keys() int {
	n := m.scenario.n
	for _, s := range m.scenario.steps {
		if s.order.Do == "set" || s.order.Do == "add" || s.order.Write == "insert" {
			n += m.scenario.n + m.scenario.n/timedParts
		}
	}
	return n + m.scenario.n/timedParts + 1
}

// run measures all steps. An error is the harness's own; a store's is kept, and it leaves.
func (m *match) run() (err error) {
	m.bar = newProgress(m.stderr, m.scenario.name, len(m.scenario.steps)+2)
	defer m.bar.done()
	if m.dir, err = os.MkdirTemp(m.dir, "match-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.end(), os.RemoveAll(m.dir)) }()
	for _, s := range m.field {
		m.entrants = append(m.entrants, &entrant{start: s.start, dir: filepath.Join(m.dir, s.name), process: &process{name: s.name, gone: true}})
	}
	if m.scenario.steps[0].order.Do != "" {
		m.each(m.enter)
	}
	m.bar.step()
	for i := range m.scenario.steps {
		if err := m.scenario.steps[i].play(m, &m.scenario.steps[i]); err != nil {
			return err
		}
		m.bar.step()
	}
	m.each(m.verify)
	for _, r := range m.rows {
		r.conclude()
	}
	return nil
}

// enter starts a store in an empty directory.
func (m *match) enter(e *entrant) (err error) {
	if err := m.begin(e, 0); err != nil {
		return err
	}
	if _, err := m.open(e, e.dir); err != nil {
		return err
	}
	a, err := e.ask(contest.Order{Do: "memory"})
	if err == nil {
		e.empty = *a.Memory
	}
	return err
}

// begin starts a process, which is told how many keys are there.
func (m *match) begin(e *entrant, held int) error {
	p, err := e.start()
	if err != nil {
		return err
	}
	e.process = p
	_, err = e.ask(m.beginning(held))
	return err
}

func (m *match) beginning(held int) contest.Order {
	o := beginning(m.scenario.sizes, m.keys(), m.p.seed)
	o.Held = held
	return o
}

func (m *match) opening(dir string) contest.Order {
	o := contest.Order{Do: "open", Dir: dir, Sync: m.scenario.sync, Compression: "none"}
	if m.scenario.clockMoves() {
		o.Write = "expire"
	}
	return o
}

func (m *match) open(e *entrant, dir string) (*contest.Answer, error) {
	a, err := e.ask(m.opening(dir))
	e.open = err == nil
	return a, err
}

func (m *match) close(e *entrant) error {
	e.open = false
	_, err := e.ask(contest.Order{Do: "close"})
	return err
}

// each does something with all that are still there, one after the other.
func (m *match) each(do func(e *entrant) error) {
	for _, e := range m.entrants {
		m.with(e, do)
	}
}

// with does something with one of them. Whom it fails for leaves: what it has no such thing as is
// no failure.
func (m *match) with(e *entrant, do func(e *entrant) error) {
	if e.left != nil {
		return
	}
	err := do(e)
	if err == nil {
		return
	}
	e.left = err
	e.kill()
	if errors.Is(err, errors.ErrUnsupported) {
		fmt.Fprintf(m.stderr, "%s: %s is not measured: it has no such thing\n", m.scenario.name, e.name)
		return
	}
	err = fmt.Errorf("%s: %w", m.scenario.name, err)
	fmt.Fprintln(m.stderr, err)
	m.failed = append(m.failed, err)
}

// verify reads everything back, and closes.
func (m *match) verify(e *entrant) error {
	if !e.open { // some steps verify for themselves
		return nil
	}
	a, err := e.ask(contest.Order{Do: "verify", To: m.keys()})
	if err != nil {
		return err
	}
	e.lost += a.Lost
	return m.close(e)
}

// end ends all processes.
func (m *match) end() error {
	var errs []error
	for _, e := range m.entrants {
		if err := e.end(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.name, err))
		}
	}
	return errors.Join(errs...)
}

// unsupported tells whether it left for what it has no such thing as.
func (e *entrant) unsupported() bool { return errors.Is(e.left, errors.ErrUnsupported) }

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// "dcbench compare" measures this cache and its peers with the same workloads, keys, values and
// durability, each in a process of its own, in turns. compare_flags.go says what is asked,
// compare_field.go who takes part, compare_scenarios.go what is measured; compare_match.go measures
// one scenario, by the steps of compare_step.go, compare_open.go, compare_space.go, compare_fresh.go,
// compare_ops.go and compare_crew.go; compare_row.go is what comes of it and compare_output.go prints
// that. What the processes do says the package contest.

// compare is "dcbench compare".
func compare(args []string, stdout, stderr io.Writer) error {
	p, err := parseCompareParams(args, stdout)
	if err != nil {
		return err
	}
	if p.quiet {
		stderr = io.Discard
	}
	dir, err := os.MkdirTemp(p.dir, "dcbench-")
	if err != nil {
		return err
	}
	err = p.compareIn(dir, stdout, stderr)
	return errors.Join(err, os.RemoveAll(dir))
}

func (p *compareParams) compareIn(dir string, stdout, stderr io.Writer) error {
	f, err := p.findField(dir, stderr)
	if err != nil {
		return err
	}
	out, err := newOutput(p, stdout)
	if err != nil {
		return err
	}
	out.begin()
	var failed []error
	for _, s := range p.scenarios() {
		m := &match{p: p, field: f, scenario: s, dir: dir, stderr: stderr}
		if err := m.run(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		failed = append(failed, m.failed...)
		out.add(rank(m.rows))
	}
	out.end()
	return errors.Join(failed...)
}

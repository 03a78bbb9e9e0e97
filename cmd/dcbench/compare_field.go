package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// field is who takes part: how a process of each is started, in order.
type field []starter

// starter starts a process with a store.
type starter struct {
	name  string
	start func() (*process, error)
}

// findField finds the stores that can be measured here. Who cannot is told of.
func (p *compareParams) findField(dir string, stderr io.Writer) (field, error) {
	var all field
	for _, k := range stores {
		all = append(all, starter{k.Name, func() (*process, error) { return startOwn(k.Name, p.patience) }})
	}
	var peers field
	if p.wantsPeers(all) {
		var err error
		if peers, err = p.findPeers(dir); err != nil {
			if p.peers != "" {
				return nil, err
			}
			fmt.Fprintf(stderr, "peers in Go are not measured: %v\n", err)
		}
	}
	python, missing := p.findPython(stderr)
	return slices.Concat(all, peers, python).only(p.with, missing)
}

// wantsPeers tells whether anybody is to take part who is none of these, nor called from Python.
func (p *compareParams) wantsPeers(own field) bool {
	return p.with == nil || slices.ContainsFunc(p.with, func(name string) bool {
		return !own.has(name) && !slices.ContainsFunc(pythonStores, func(s pythonStore) bool { return s.name == name })
	})
}

func (f field) has(name string) bool {
	return slices.ContainsFunc(f, func(s starter) bool { return s.name == name })
}

// only returns those of the names, and who always takes part. Of the missing it was told already.
func (f field) only(names, missing []string) (field, error) {
	if names == nil {
		return f, nil
	}
	var some field
	for _, s := range f {
		if s.name == ownName || strings.HasPrefix(s.name, "limit") || slices.Contains(names, s.name) {
			some = append(some, s)
		}
	}
	for _, name := range names {
		if !f.has(name) && !slices.Contains(missing, name) {
			return nil, fmt.Errorf("there is no %q; there are %s", name, strings.Join(f.names(), ","))
		}
	}
	return some, nil
}

func (f field) names() []string {
	var names []string
	for _, s := range f {
		names = append(names, s.name)
	}
	return names
}

// findPeers returns the stores of the program cmd/dcbench/peers.
func (p *compareParams) findPeers(dir string) (field, error) {
	program := p.peers
	if program == "" {
		program = filepath.Join(dir, "peers")
		if err := buildPeers(program); err != nil {
			return nil, err
		}
	}
	list, err := exec.Command(program, "list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s list: %w", program, err)
	}
	var f field
	for _, name := range strings.Fields(string(list)) {
		f = append(f, starter{name, func() (*process, error) {
			return startProcess(name, exec.Command(program, "store", name), p.patience)
		}})
	}
	return f, nil
}

// peersDir is where the module of the peers is, in the source tree.
var peersDir = filepath.Join("cmd", "dcbench", "peers")

// buildPeers builds the module of the peers, which needs the source tree and the go command.
func buildPeers(program string) error {
	source, err := findSource()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", source, err, tail(bytes.TrimSpace(out)))
	}
	return nil
}

// findSource looks where this file was compiled, and from the working directory upwards.
func findSource() (string, error) {
	var candidates []string
	if _, file, _, ok := runtime.Caller(0); ok {
		candidates = append(candidates, filepath.Join(filepath.Dir(file), "peers"))
	}
	if at, err := os.Getwd(); err == nil {
		for ; at != filepath.Dir(at); at = filepath.Dir(at) {
			candidates = append(candidates, filepath.Join(at, peersDir))
		}
	}
	for _, c := range candidates {
		if _, err := os.Stat(filepath.Join(c, "go.mod")); err == nil {
			return c, nil
		}
	}
	return "", errors.New("the source tree, with " + peersDir + ", is not here; --peers names a program that was built elsewhere")
}

// findPython returns the stores that Python has, and the names of those that it has not.
func (p *compareParams) findPython(stderr io.Writer) (f field, missing []string) {
	for _, s := range pythonStores {
		if p.with != nil && !slices.Contains(p.with, s.name) {
			continue
		}
		if err := hasPython(p.python, s.module); err != nil {
			fmt.Fprintf(stderr, "%s is not measured (pip install %s, and --python, may help): %v\n", s.name, s.module, err)
			missing = append(missing, s.name)
			continue
		}
		f = append(f, starter{s.name, func() (*process, error) { return startPython(p.python, s.name, p.patience) }})
	}
	return f, missing
}

package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-diskcache/diskcache"
)

// replayParams are the flags of "dcbench replay".
type replayParams struct {
	policies   []diskcache.Policy
	capacities []int // none: those of the reference
	bytes      bool  // capacities are bytes, not objects
	value      int64 // length of values where objects are counted
	reference  *reference
	dir        string
	json       bool
	cpuProfile string
	traces     []string
}

func parseReplay(args []string, stdout io.Writer) (*replayParams, error) {
	p := &replayParams{}
	fs := flag.NewFlagSet("replay", flag.ContinueOnError)
	policies := fs.String("policy", "s3fifo", "`policies`, separated by commas, or all: "+policyNames())
	capacities := fs.String("capacity", "", "`objects` that the cache keeps, or with --bytes how many bytes it takes on the disk; several numbers are played one after the other (default: those that the reference has for the trace)")
	fs.BoolVar(&p.bytes, "bytes", false, "limit the bytes on the disk: values are as long as the trace says, not all alike")
	fs.Int64Var(&p.value, "value-size", replayValue, "`bytes` of a value where objects are counted")
	reference := fs.String("reference", "", "compare with the tables of hit ratios in a `file` of Markdown")
	fs.StringVar(&p.dir, "dir", "", "play in a new directory under `dir`, best one in memory as /dev/shm (default: that of temporary files)")
	fs.BoolVar(&p.json, "json", false, "print one JSON object a line for each trace, policy and capacity")
	fs.StringVar(&p.cpuProfile, "cpuprofile", "", "write a CPU profile to `file`")
	var err error
	if p.traces, err = parseArgs(fs, args, " TRACE...", stdout); err != nil {
		return nil, err
	}
	if len(p.traces) == 0 {
		return nil, usageError{errors.New("there is no trace to play")}
	}
	var cerr error
	p.policies, err = parsePolicies(*policies)
	switch {
	case p.value < 1 || p.value > maxReplayValue:
		cerr = fmt.Errorf("--value-size %d is not from 1 to %d", p.value, maxReplayValue)
	case *capacities != "":
		p.capacities, cerr = parseInts("--capacity", *capacities, 1, math.MaxInt)
		if !p.bytes {
			cerr = cmp.Or(cerr, allUpTo(maxReplayObjects, p.capacities))
		}
	case *reference == "" || p.bytes:
		cerr = errors.New("--capacity is missing")
	}
	if err := cmp.Or(err, cerr); err != nil {
		return nil, usageError{err}
	}
	if *reference != "" {
		p.reference, err = readReference(*reference)
	}
	return p, err
}

// maxReplayObjects keeps the bytes of so many records countable.
const maxReplayObjects = 1<<31 - 1

func allUpTo(most int, ns []int) error {
	for _, n := range ns {
		if n > most {
			return fmt.Errorf("--capacity %d is more than %d objects", n, most)
		}
	}
	return nil
}

func allPolicies() []diskcache.Policy {
	var ps []diskcache.Policy
	for p := diskcache.PolicyS3FIFO; p <= diskcache.PolicyNone; p++ {
		ps = append(ps, p)
	}
	return ps
}

func policyNames() string {
	var names []string
	for _, p := range allPolicies() {
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}

func parsePolicies(list string) ([]diskcache.Policy, error) {
	var ps []diskcache.Policy
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "all" {
			ps = append(ps, allPolicies()...)
			continue
		}
		p, err := diskcache.ParsePolicy(name)
		if err != nil {
			return nil, fmt.Errorf("unknown --policy %q; the policies are %s", name, policyNames())
		}
		ps = append(ps, p)
	}
	return ps, nil
}

// replay plays traces through a cache on the disk: each request is a Get, and a Set
// where that found nothing.
func replay(args []string, stdout, stderr io.Writer) (err error) {
	p, err := parseReplay(args, stdout)
	if err != nil {
		return err
	}
	var traces []*recording // all are read first: what is wrong with the last is told at once
	for _, name := range p.traces {
		t, err := readRecording(name)
		if err == nil {
			err = p.fits(t)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		traces = append(traces, t)
	}
	dir, err := os.MkdirTemp(p.dir, "dcbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stop, err := startProfile(p.cpuProfile)
	if err != nil {
		return err
	}
	err = p.playAll(traces, dir, newReplayReport(p, stdout), stderr)
	return errors.Join(err, stop())
}

// fits reports what a trace lacks.
func (p *replayParams) fits(t *recording) error {
	switch {
	case p.bytes && t.sizes == nil:
		return errors.New("the trace has no sizes, which --bytes is for")
	case len(p.capacities) == 0 && len(p.reference.capacities(t.name)) == 0:
		return errors.New("the reference does not have this trace, and --capacity is missing")
	}
	return nil
}

func (p *replayParams) playAll(traces []*recording, dir string, out *replayReport, stderr io.Writer) error {
	out.begin()
	for i, t := range traces {
		capacities := p.capacities
		if len(capacities) == 0 {
			capacities = p.reference.capacities(t.name)
		}
		bar := newProgress(stderr, t.name, len(capacities)*len(p.policies))
		for _, capacity := range capacities {
			for _, policy := range p.policies {
				r, err := playOnce(t, p.setup(policy, capacity), filepath.Join(dir, "cache"))
				if err != nil {
					bar.done()
					return fmt.Errorf("%s, %v, capacity %d: %w", p.traces[i], policy, capacity, err)
				}
				bar.step()
				out.add(r)
			}
		}
		bar.done()
	}
	out.end()
	return nil
}

package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// compareParams are the flags of "dcbench compare".
type compareParams struct {
	with      []string // peers; nil: all
	workloads []string // nil: all
	n         int
	bytes     int64
	rounds    int
	time      time.Duration
	rate      float64
	seed      uint64
	format    string
	quiet     bool
	dir       string
	peers     string
	python    string
	patience  time.Duration
}

// formats are what compare prints.
var formats = []string{"table", "json", "csv", "benchfmt"}

func parseCompareParams(args []string, stdout io.Writer) (*compareParams, error) {
	p := &compareParams{}
	fs := flag.NewFlagSet("compare", flag.ContinueOnError)
	with := fs.String("with", "", "`peers`, separated by commas (default: all that there are); the cache and the limits always take part")
	workloads := fs.String("workload", "", "`workloads`, separated by commas; op-* is all that begin so (default: all): "+strings.Join(compareWorkloads(), ","))
	fs.IntVar(&p.n, "n", 1_000_000, "`number` of keys")
	fs.Int64Var(&p.bytes, "bytes", 1<<30, "`bytes` of values that a store holds at most: large values make fewer keys")
	fs.IntVar(&p.rounds, "rounds", 5, "`rounds` in which the stores take turns; their medians are the result")
	fs.DurationVar(&p.time, "time", 2*time.Second, "`time` of a round of one store, at most")
	fs.Float64Var(&p.rate, "rate", 0, "operations a second at which latencies are measured, from when each was to begin (default: one after the other)")
	fs.Uint64Var(&p.seed, "seed", 1, "`seed` of all that is random")
	fs.StringVar(&p.format, "format", "table", "of the output: table, json (an object a line), csv, or benchfmt for benchstat")
	quick := fs.Bool("quick", false, "few keys and short rounds, for a run of less than five minutes: -n 5000 --bytes 16777216 --rounds 3 --time 15ms")
	fs.BoolVar(&p.quiet, "q", false, "no progress, and no notes on what could not be measured")
	fs.StringVar(&p.dir, "dir", "", "measure in a new directory under `dir` (default: that of temporary files)")
	fs.StringVar(&p.peers, "peers", "", "the `program` made of cmd/dcbench/peers (default: it is built)")
	fs.StringVar(&p.python, "python", "python3", "the `command` of a Python that may have diskcache or diskcache_rs")
	fs.DurationVar(&p.patience, "patience", patience, "`time` after which a store that does not answer is killed")
	if err := parseFlags(fs, args, stdout); err != nil {
		return nil, err
	}
	p.with, p.workloads = splitNames(*with), splitNames(*workloads)
	if *quick {
		p.quicken(fs)
	}
	if err := p.check(); err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

// splitNames returns the names of a list.
func splitNames(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// quicken makes everything small that was not given.
func (p *compareParams) quicken(fs *flag.FlagSet) {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, set := range map[string]func(){
		"n": func() { p.n = 5_000 }, "bytes": func() { p.bytes = 16 << 20 },
		"rounds": func() { p.rounds = 3 }, "time": func() { p.time = 15 * time.Millisecond },
	} {
		if !given[name] {
			set()
		}
	}
}

// What the flags accept. There must be keys for each round and each goroutine.
const (
	minCompared = 100
	maxCompared = 100_000_000
	minBytes    = 1 << 20
)

func (p *compareParams) check() error {
	for _, name := range p.workloads {
		if !slices.ContainsFunc(compareWorkloads(), matching(name)) {
			return fmt.Errorf("unknown workload %q; the workloads are %s", name, strings.Join(compareWorkloads(), ","))
		}
	}
	if !slices.Contains(formats, p.format) {
		return fmt.Errorf("unknown --format %q; it is %s", p.format, strings.Join(formats, ", "))
	}
	switch {
	case p.time < time.Millisecond:
		return fmt.Errorf("--time %v is less than a millisecond", p.time)
	case p.patience <= 0:
		return fmt.Errorf("--patience %v is not over 0", p.patience)
	case !(p.rate >= 0):
		return fmt.Errorf("--rate %v is less than 0", p.rate)
	case p.bytes < minBytes:
		return fmt.Errorf("--bytes %d is less than %d", p.bytes, minBytes)
	}
	return cmp.Or(inRange("-n", p.n, minCompared, maxCompared), inRange("--rounds", p.rounds, 1, minCompared/4))
}

// measures tells whether a workload was asked for.
func (p *compareParams) measures(workload string) bool {
	return len(p.workloads) == 0 || slices.ContainsFunc(p.workloads, func(name string) bool { return matching(name)(workload) })
}

// matching tells whether a workload is one of those that a name with a * means.
func matching(name string) func(workload string) bool {
	return func(workload string) bool {
		ok, err := path.Match(name, workload)
		return ok && err == nil // what is no pattern is the name of none
	}
}

package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"
)

// params are the flags of "dcbench run".
type params struct {
	workloads  []*workload
	n          int
	procs      int
	python     string
	goroutines []int
	valueSizes []int
	keySize    int
	keys       draw.Distribution
	churnKeys  []draw.Distribution // what churn draws from
	limit      float64             // of churn's space
	settle     time.Duration
	sync       syncMode
	compress   compression
	dir        string
	noMap      bool
	network    bool
	freshness  time.Duration
	json       bool
	seed       uint64
	rounds     int
	cpuProfile string
}

// What the flags accept. A key holds its number in its last 8 bytes. A number of
// keys is an int, also where that has 32 bits.
const (
	minKeySize   = 8
	maxN         = 1<<31 - 1
	maxRounds    = 1000
	maxWorkers   = 1 << 12
	maxValueSize = 1 << 28
)

func parseParams(args []string, stdout io.Writer) (*params, error) {
	p := &params{}
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	names := fs.String("w", usualWorkloads(), "`workloads`, separated by commas; procs is one more: what others that have the directory open cost the first process")
	fs.IntVar(&p.n, "n", 1_000_000, "`number` of keys and of operations")
	fs.IntVar(&p.procs, "procs", 1, "`processes` that run a workload at once on one directory, each with -n keys of its own")
	fs.StringVar(&p.python, "python", "python3", "for procs: the `command` of a Python that may have diskcache, which is measured beside")
	goroutines := fs.String("c", "1", "`goroutines`; several numbers are measured one after the other")
	sizes := fs.String("value-size", "128", "`bytes` of a value; several sizes are measured one after the other")
	fs.IntVar(&p.keySize, "key-size", 16, "`bytes` of a key")
	keys := fs.String("keys", "uniform", "which keys are read and overwritten: uniform, or zipf:θ (as zipf:0.99), where few `keys` are most of the load (default for churn: both of these)")
	sync := fs.String("sync", "never", "when writes are put on the disk: never, interval or always")
	compress := fs.String("compression", "none", "of values: none, lz4 or zstd")
	fs.StringVar(&p.dir, "dir", "", "measure in a new directory under `dir` (default: that of temporary files)")
	fs.BoolVar(&p.noMap, "no-map", false, "read by system calls where files could be mapped")
	fs.BoolVar(&p.network, "network", false, "open the caches as on a network disk, wherever they are")
	fs.DurationVar(&p.freshness, "freshness", 0, "how old the news may be that reads are content with on a network disk; less than 0: not at all (default: that of the cache)")
	fs.BoolVar(&p.json, "json", false, "print one JSON object a line for each workload")
	fs.Uint64Var(&p.seed, "seed", 1, "`seed` of all that is random")
	fs.IntVar(&p.rounds, "rounds", 5, "`rounds` in which limit and cache take turns; their medians are the result")
	fs.Float64Var(&p.limit, "limit", 2, "for churn: how many `times` the space of the items the cache may take")
	fs.DurationVar(&p.settle, "settle", 5*time.Second, "for churn: `time` for which the cache is left alone before its space is looked at again")
	fs.StringVar(&p.cpuProfile, "cpuprofile", "", "write a CPU profile to `file`; its label \"side\" parts cache from limit")
	if err := parseFlags(fs, args, stdout); err != nil {
		return nil, err
	}
	var werr, gerr, serr, kerr, syncErr, cerr error
	p.workloads, werr = parseWorkloads(*names)
	p.goroutines, gerr = parseInts("-c", *goroutines, 1, maxWorkers)
	p.valueSizes, serr = parseInts("--value-size", *sizes, 0, maxValueSize)
	p.keys, kerr = draw.Parse(*keys)
	p.churnKeys = churnKeys[:]
	fs.Visit(func(f *flag.Flag) {
		if f.Name == "keys" {
			p.churnKeys = []draw.Distribution{p.keys}
		}
	})
	p.sync, syncErr = parseSync(*sync)
	p.compress, cerr = parseCompression(*compress)
	err := cmp.Or(werr, gerr, serr, kerr, syncErr, cerr,
		inRange("-n", p.n, 1, maxN), inRange("--procs", p.procs, 1, maxShared), inRange("--key-size", p.keySize, minKeySize, diskcache.MaxKeySize), inRange("--rounds", p.rounds, 1, maxRounds), p.checkChurn(), p.checkProcs())
	if err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

// maps reports whether files are mapped, as far as it is asked for.
func (p *params) maps() bool { return !p.noMap && !p.network }

// maxLimit is far beyond what asks anything of compaction.
const maxLimit = 100

func (p *params) checkChurn() error {
	switch {
	case !(p.limit > 1 && p.limit <= maxLimit):
		return fmt.Errorf("--limit %v is not over 1 and at most %d", p.limit, maxLimit)
	case p.settle < 0:
		return fmt.Errorf("--settle %v is less than 0", p.settle)
	}
	return nil
}

// maxShared leaves room for keys of each process's own.
const maxShared = 64

func (p *params) checkProcs() error {
	for _, w := range p.workloads {
		if p.procs > 1 && w.alone {
			return fmt.Errorf("%s is for one process, without --procs", w.name)
		}
	}
	return nil
}

func inRange(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s %d is not from %d to %d", name, n, least, most)
	}
	return nil
}

func parseInts(name, list string, least, most int) ([]int, error) {
	var ns []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("%s %q is not a number", name, s)
		}
		if err := inRange(name, n, least, most); err != nil {
			return nil, err
		}
		ns = append(ns, n)
	}
	return ns, nil
}

func parseWorkloads(list string) ([]*workload, error) {
	var found []*workload
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown workload %q; the workloads are %s", name, workloadNames())
		}
		found = append(found, &workloads[i])
	}
	return found, nil
}

type syncMode struct {
	name string
	mode diskcache.SyncMode
}

func parseSync(s string) (syncMode, error) {
	modes := []syncMode{{"never", diskcache.SyncNever}, {"interval", diskcache.SyncInterval}, {"always", diskcache.SyncAlways}}
	i := slices.IndexFunc(modes, func(m syncMode) bool { return m.name == s })
	if i < 0 {
		return syncMode{}, fmt.Errorf("unknown --sync %q; it is never, interval or always", s)
	}
	return modes[i], nil
}

type compression struct {
	name string
	kind diskcache.Compression
}

func parseCompression(s string) (compression, error) {
	kinds := []compression{{"none", diskcache.NoCompression}, {"lz4", diskcache.LZ4}, {"zstd", diskcache.Zstd}}
	i := slices.IndexFunc(kinds, func(k compression) bool { return k.name == s })
	if i < 0 {
		return compression{}, fmt.Errorf("unknown --compression %q; it is none, lz4 or zstd", s)
	}
	return kinds[i], nil
}

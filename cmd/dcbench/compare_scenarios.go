package main

import (
	"slices"
	"strconv"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// course is what the stores go through together: steps one after the other, on what the steps
// before have left.
type course struct {
	name  string
	sizes string
	sync  string
	n     int // keys that are there when they are read
	steps []step
}

// step is one row of each store.
type step struct {
	workload string
	order    contest.Order
	play     func(m *match, s *step) error
}

// profile is a load of real use: its sizes, and how many of a hundred operations are reads. What
// is read follows Zipf's law in all of them.
type profile struct {
	name, sizes string
	reads       int
	write       string
}

var profileLoads = []profile{
	// A Go build cache: many entries of actions, small objects, few archives.
	{"gobuild", "50:150-200,30:500-8192,15:8192-131072,5:131072-1048576", 80, "overwrite"},
	// Answers of a language model, in JSON.
	{"llm", "60:1000-5000,30:5000-20000,10:20000-100000", 95, "overwrite"},
	// Tiles of a map: of the sea, of land, of towns.
	{"tiles", "25:100-800,60:5000-25000,15:25000-60000", 97, "overwrite"},
	// Sessions of a web site, which expire.
	{"session", "90:100-600,10:600-4000", 70, "expire"},
}

// ycsb are the core workloads of the Yahoo! Cloud Serving Benchmark but E, which scans: a cache
// has no order.
var ycsb = []struct {
	name, keys, write string
	reads             int
}{
	{"ycsb-a", zipfian, "overwrite", 50},
	{"ycsb-b", zipfian, "overwrite", 95},
	{"ycsb-c", zipfian, "overwrite", 100},
	{"ycsb-f", zipfian, "modify", 50},
	{"ycsb-d", "latest:0.99", "insert", 95}, // last, for it adds keys
}

const (
	uniform  = "uniform"
	zipfian  = "zipf:0.99"
	ycsbSize = 1000 // ten fields of a hundred bytes
)

// scenarios are those of which some workload is asked for.
func (p *compareParams) scenarios() []*course {
	var asked []*course
	for _, s := range p.allScenarios() {
		s.steps = slices.DeleteFunc(s.steps, func(s step) bool { return !p.measures(s.workload) })
		if len(s.steps) > 0 {
			asked = append(asked, s)
		}
	}
	return asked
}

// compareWorkloads are the names of all.
func compareWorkloads() []string {
	var names []string
	p := &compareParams{n: minCompared, bytes: minBytes}
	for _, s := range p.allScenarios() {
		for _, s := range s.steps {
			if !slices.Contains(names, s.workload) {
				names = append(names, s.workload)
			}
		}
	}
	return names
}

func (p *compareParams) allScenarios() []*course {
	all := []*course{p.small(), p.kibibyte(), p.large("16384"), p.large("1048576"), p.durable(), p.opening(), p.spaceScenario(), p.ycsb()}
	for _, l := range profileLoads {
		all = append(all, p.scenario(l.name, l.sizes, mixture(l.name, zipfian, l.reads, l.write, 1), mixture(l.name, zipfian, l.reads, l.write, 8)))
	}
	return slices.Concat(all, p.ops(), p.freshScenarios(), p.scales())
}

// scenario makes a scenario of as many keys as fit.
func (p *compareParams) scenario(name, sizes string, steps ...step) *course {
	mean := 1
	if s, err := contest.ParseSizes(sizes); err == nil {
		mean = max(1, s.Mean())
	}
	return &course{name, sizes, "never", min(p.n, max(minCompared, int(p.bytes)/mean)), steps}
}

func (p *compareParams) small() *course {
	s := p.scenario("128 B", "128", newKeys("set", 1, 1))
	for _, c := range []int{1, 2, 8} {
		s.steps = append(s.steps, drawn("get", "get", uniform, c), drawn("get-zipf", "get", zipfian, c), drawn("miss", "miss", uniform, c))
	}
	for _, c := range []int{1, 8} {
		s.steps = append(s.steps, mixture("mixed", uniform, 90, "overwrite", c))
	}
	s.steps = append(s.steps, drawn("overwrite", "overwrite", uniform, 1), drawn("overwrite", "overwrite", uniform, 8),
		newKeys("set", 1, 2), newKeys("set", 1, 8), deletion())
	return s
}

func (p *compareParams) kibibyte() *course {
	return p.scenario("1 KiB", "1024", newKeys("set", 1, 1), drawn("get", "get", uniform, 1), drawn("get", "get", uniform, 8),
		drawn("get-zipf", "get", zipfian, 1), newKeys("batch10", 10, 1), newKeys("batch100", 100, 1))
}

func (p *compareParams) large(size string) *course {
	return p.scenario(size+" B", size, newKeys("set", 1, 1), drawn("get", "get", uniform, 1))
}

// durableParts is how many times fewer keys are set where each waits for the disk.
const durableParts = 20

func (p *compareParams) durable() *course {
	s := p.scenario("durable", "128", newKeys("set-durable", 1, 1), newKeys("set-durable", 1, 8))
	s.sync, s.n = "always", max(minCompared, s.n/durableParts)
	return s
}

func (p *compareParams) ycsb() *course {
	s := p.scenario("YCSB", strconv.Itoa(ycsbSize))
	for _, y := range ycsb {
		s.steps = append(s.steps, mixture(y.name, y.keys, y.reads, y.write, 8))
	}
	return s
}

// scales are the same in stores of more and more keys.
func (p *compareParams) scales() (all []*course) {
	last := p.scenario("", "128").n
	for n := min(1000, last); ; n = min(10*n, last) {
		s := p.scenario("scale "+count(float64(n)), "128", drawn("scale-get", "get", uniform, 1), drawn("scale-set", "overwrite", uniform, 1))
		s.n = n
		if all = append(all, s); n == last {
			return all
		}
	}
}

// newKeys sets keys that are not there.
func newKeys(workload string, batch, goroutines int) step {
	return step{workload, contest.Order{Do: "set", Batch: batch, Goroutines: goroutines}, measureNew}
}

// drawn does something with keys that are there, again and again.
func drawn(workload, do, keys string, goroutines int) step {
	return step{workload, contest.Order{Do: do, Keys: keys, Goroutines: goroutines}, measureDrawn}
}

func mixture(workload, keys string, reads int, write string, goroutines int) step {
	return step{workload, contest.Order{Do: "mix", Keys: keys, Reads: reads, Write: write, Goroutines: goroutines}, measureDrawn}
}

func deletion() step {
	return step{"delete", contest.Order{Do: "delete", Goroutines: 1}, measureDeletion}
}

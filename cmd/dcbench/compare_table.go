package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// tableOutput prints for people.
type tableOutput struct {
	w     io.Writer
	p     *compareParams
	bold  bool
	told  []contest.Promises // of stores, in order
	last  contestOf
	pairs []pair
}

func (o *tableOutput) begin() {
	p := o.p
	fmt.Fprintf(o.w, "%v\nkeys of %d bytes; %d rounds of %v at most; seed %d\n", thisEnvironment(), contest.KeySize, p.rounds, p.time, p.seed)
}

func (o *tableOutput) add(rows []*row) {
	o.remember(rows)
	for _, r := range rows {
		if at := r.contest(); at != o.last {
			o.last = at
			o.head(r)
		}
		o.row(r)
		o.tell(r.Promises)
	}
}

// head begins the table of one workload.
func (o *tableOutput) head(r *row) {
	what := []string{r.Workload, size(int64(r.ValueSize)) + " values", count(float64(r.N)) + " keys", fmt.Sprintf("%d goroutines", r.Goroutines)}
	if r.Procs > 0 {
		what[3] = fmt.Sprintf("%d processes", r.Procs)
	}
	if r.Keys != "" {
		what = append(what, r.Keys)
	}
	if r.Sync != "never" {
		what = append(what, "each write on the disk")
	}
	fmt.Fprintf(o.w, "\n%s\n  %-17s %9s %7s %7s %7s %7s %8s %8s %8s %8s %7s %7s\n", strings.Join(what, ", "),
		"store", "ops/s", "spread", "/limit", "/mapped", "/peer", "p50", "p99", "p99.9", "longest", "B/key", "B/item")
}

func (o *tableOutput) row(r *row) {
	if r.Error != "" {
		first, _, _ := strings.Cut(r.Error, "\n")
		fmt.Fprintf(o.w, "  %-17s %s\n", r.Store, first)
		return
	}
	on, off := "", ""
	if o.bold && r.Store == ownName {
		on, off = "\x1b[1m", "\x1b[0m"
	}
	fmt.Fprintf(o.w, "  %s%-17s %9s %6.0f%% %7s %7s %7s %8s %8s %8s %8s %7s %7s%s%s\n", on, r.Store, count(r.OpsPerSec), r.spread(),
		two(r.RatioLimit), two(r.RatioMapped), two(r.RatioPeer), took(r.P50), took(r.P99), took(r.P999), took(r.Longest),
		one(r.BytesPerKey), one(r.DiskPerItem), r.remarks(), off)
}

// spread is how far the rounds are from the median, in percent of it.
func (r *row) spread() float64 {
	if r.OpsPerSec == 0 {
		return 0
	}
	return 100 * max(r.Fastest-r.OpsPerSec, r.OpsPerSec-r.Slowest) / r.OpsPerSec
}

// remarks are what few rows have.
func (r *row) remarks() string {
	s := ""
	if r.Overwritten != nil {
		s += fmt.Sprintf("  takes %.2f times its items", *r.Overwritten)
	}
	if r.Compacted != nil {
		s += fmt.Sprintf("  takes %.2f times its items", *r.Compacted)
	}
	if r.CompactSeconds != nil {
		s += fmt.Sprintf(", compacted in %.2f s", *r.CompactSeconds)
	}
	if r.FailedGets > 0 {
		s += fmt.Sprintf(", %d Gets failed meanwhile", r.FailedGets)
	}
	if r.Lost > 0 {
		s += fmt.Sprintf("  lost %d keys", r.Lost)
	}
	return s
}

func two(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *x)
}

func one(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *x)
}

func took(ns *int64) string {
	if ns == nil {
		return "-"
	}
	return short(*ns)
}

// tell remembers what a store promises, once.
func (o *tableOutput) tell(p contest.Promises) {
	for _, t := range o.told {
		if t.Name == p.Name {
			return
		}
	}
	if p.Name != "" {
		o.told = append(o.told, p)
	}
}

// end tells what the stores do not promise, and explains the columns.
func (o *tableOutput) end() {
	o.beside()
	fmt.Fprintf(o.w, "\nWhat a store does not promise it need not pay for:\n")
	for _, p := range o.told {
		fmt.Fprintf(o.w, "  %-17s %-9s %s\n", p.Name, p.Version, caveats(p))
		if p.Opened != "" {
			fmt.Fprintf(o.w, "  %-27s opened: %s\n", "", p.Opened)
		}
	}
	fmt.Fprint(o.w, `
ops/s    median over the rounds, in which the stores take turns; spread is how far the farthest round is from it
/limit   to a loop of one pwrite a record, or one pread and a checksum. For batches: one pwrite a batch
/mapped  to a buffered append of 256 KiB, and to reading and summing what is mapped
/peer    to the best of those that keep their data: not memory only, not the limits, not this cache
p50 ...  of operations that were timed one by one, apart
B/key    growth of the anonymous memory of the process by the keys, over that of the open, empty store
B/item   space on the disk, by du
`)
}

// caveats lists what is missing.
func caveats(p contest.Promises) string {
	if p.Limit {
		return "no store: what the machine can do"
	}
	var no []string
	for _, c := range []struct {
		kept bool
		what string
	}{{!p.Memory, "outliving the process"}, {p.Verified, "verified reads"}, {p.Shared, "several processes"}, {p.Bounded, "a limit"}, {p.Survives || p.Memory, "surviving kill -9"}} {
		if !c.kept {
			no = append(no, c.what)
		}
	}
	if no == nil {
		return "promises verified reads, several processes, a limit, surviving kill -9"
	}
	return "no " + strings.Join(no, ", no ")
}

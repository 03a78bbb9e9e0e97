package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// report prints results as they come.
type report struct {
	p *params
	w io.Writer
}

func newReport(p *params, w io.Writer) *report { return &report{p, w} }

// begin prints the environment and the head of the table.
func (o *report) begin() {
	if o.p.json {
		return
	}
	p := o.p
	fmt.Fprintf(o.w, "%v\nkeys of %d bytes, %s; sync %s; compression %s; mapped reads %v; %d rounds; seed %d\n\n",
		thisEnvironment(), p.keySize, p.keys.Name, p.sync.name, p.compress.name, p.maps(), p.rounds, p.seed)
	fmt.Fprintf(o.w, "%-17s %8s %6s %3s %10s %10s %6s %8s %8s %8s %8s %8s %8s %8s %6s\n", "workload", "n", "value", "c",
		"ops/s", "limit/s", "ratio", "mean", "p50", "p99", "p99.9", "rss", "disk", "written", "B/key")
}

// printJSON prints a result, which has plain fields only, as one line.
func printJSON(w io.Writer, r any) {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "%s\n", b)
}

func (o *report) add(r *result) {
	if o.p.json {
		printJSON(o.w, r)
		return
	}
	name, limit, ratio := r.Workload, "-", "-"
	if r.Variant != "" {
		name += " " + r.Variant
	}
	if r.Limit != nil {
		limit, ratio = count(*r.Limit), fmt.Sprintf("%.2f", *r.Ratio)
	}
	fmt.Fprintf(o.w, "%-17s %8s %6s %3d %10s %10s %6s %8s %8s %8s %8s %8s %8s %8s %6.1f", name, count(float64(r.N)), size(int64(r.ValueSize)), r.Goroutines,
		count(r.OpsPerSec), limit, ratio, short(int64(r.NsPerOp)), short(r.P50), short(r.P99), short(r.P999),
		size(r.RSS), size(r.Disk), size(r.Written), r.BytesPerKey)
	if r.MappedLimit != nil {
		fmt.Fprintf(o.w, "  mapped limit %s/s", count(*r.MappedLimit))
	}
	if r.FirstGet != 0 {
		fmt.Fprintf(o.w, "  with a Get %s", short(r.FirstGet))
	}
	if r.Speedup != nil && r.Goroutines != o.p.goroutines[0] {
		fmt.Fprintf(o.w, "  %.2f x the rate of c=%d", *r.Speedup, o.p.goroutines[0])
	}
	fmt.Fprintln(o.w)
	if r.PerProcess != nil {
		fmt.Fprintf(o.w, "  %d processes:", len(r.PerProcess))
		for _, rate := range r.PerProcess {
			fmt.Fprintf(o.w, " %s", count(rate))
		}
		fmt.Fprintln(o.w, " ops/s")
	}
	if r.shared != nil {
		fmt.Fprintln(o.w, r.shared)
	}
	if r.churned != nil {
		o.addChurned(r.churned)
	}
	if r.swept != nil {
		o.addSwept(r)
	}
}

func (o *report) addSwept(r *result) {
	fmt.Fprintf(o.w, "  %d items removed in %s\n", r.Removed, short(int64(r.Seconds*1e9)))
	for _, w := range []struct {
		name string
		waits
	}{{"Get meanwhile", r.Get}, {"Set meanwhile", r.Set}, {"Get, computing", r.GetComputing}, {"Set, computing", r.SetComputing}} {
		fmt.Fprintf(o.w, "  %-18s p50 %8s  p99.9 %8s  max %8s  of %s\n", w.name, short(w.P50), short(w.P999), short(w.Max), count(float64(w.N)))
	}
}

func (o *report) addChurned(c *churned) {
	fmt.Fprintf(o.w, "  %.3f written for each byte set, by %d compactions; of %.2f times the items' space, taken at most %.2f, at the end %.2f,\n",
		c.WriteAmplification, c.Compactions, c.SpaceLimit, c.SpaceMost, c.Space)
	fmt.Fprintf(o.w, "  %.2f when each key had been set three times more, %.2f after %v of rest\n", c.SpaceOverwritten, c.SpaceSettled, o.p.settle)
	for _, l := range []struct {
		name string
		latencies
	}{{"Get idle", c.GetIdle}, {"Get beside Sets", c.GetWriting}, {"Get compacting", c.GetCompacting},
		{"Get beside Compact", c.GetCompact}, {"Set not full", c.SetNotFull}, {"Set full", c.SetFull}} {
		fmt.Fprintf(o.w, "  %-18s p50 %8s  p99 %8s  p99.9 %8s\n", l.name, short(l.P50), short(l.P99), short(l.P999))
	}
	fmt.Fprintf(o.w, "  p99.9 of Get compacting %.1f times idle and %.1f times beside Sets alone, beside Compact %.1f times idle; of Set %.1f times not full\n",
		part(c.GetCompacting.P999, c.GetIdle.P999), part(c.GetCompacting.P999, c.GetWriting.P999),
		part(c.GetCompact.P999, c.GetIdle.P999), part(c.SetFull.P999, c.SetNotFull.P999))
}

// end explains the columns.
func (o *report) end() {
	if o.p.json {
		return
	}
	fmt.Fprint(o.w, `
ops/s      median over the rounds. Cache and limit take turns in the same process
limit/s    what plain system calls on records of the same size reach: WriteAt at the end of files as long as
           segments (and a sync each, with --sync always), or ReadAt at the same random places and xxhash over it.
           For open: reading and hashing the files that opening needs. A Get that misses has none, nor have churn and
           sweep
ratio      ops/s to limit/s
mean       1 / ops/s. p50 to p99.9 come from operations of their own, for looking at the clock twice takes
           time, too: quick ones are slower there
sweep      ops/s are items removed with one call; p50 to p99.9 are of Gets meanwhile. "Computing" is what Gets and
           Sets take beside a loop that only computes: as much they may wait for a processor
B/key      growth of the anonymous memory of the process by n keys, over that of an open, empty cache
`)
}

// count writes a number in four digits or so.
func count(n float64) string {
	switch {
	case n >= 1e8:
		return fmt.Sprintf("%.0fM", n/1e6)
	case n >= 1e6:
		return fmt.Sprintf("%.2fM", n/1e6)
	case n >= 1e5:
		return fmt.Sprintf("%.0fk", n/1e3)
	case n >= 1e4:
		return fmt.Sprintf("%.1fk", n/1e3)
	case n >= 100 || n == float64(int64(n)):
		return fmt.Sprintf("%.0f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}

// size writes a number of bytes.
func size(n int64) string {
	units := []string{"", "K", "M", "G", "T"}
	x := float64(n)
	i := 0
	for x >= 1024 && i < len(units)-1 {
		x /= 1024
		i++
	}
	if slices.Contains([]int64{0, 1}, int64(i)) && x == float64(int64(x)) {
		return fmt.Sprintf("%.0f%s", x, units[i])
	}
	return fmt.Sprintf("%.1f%s", x, units[i])
}

// short writes a duration in three digits.
func short(ns int64) string {
	d := time.Duration(ns)
	for unit := time.Duration(1); unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.String()
}

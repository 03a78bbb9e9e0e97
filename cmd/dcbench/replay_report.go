package main

import (
	"fmt"
	"io"
	"math"
)

// replayResult is what is told of one replay.
type replayResult struct {
	Trace              string  `json:"trace"`
	Policy             string  `json:"policy"`
	Capacity           int     `json:"capacity"`
	HitRatio           float64 `json:"hit_ratio"`
	ByteHitRatio       float64 `json:"byte_hit_ratio"`
	WriteAmplification float64 `json:"write_amplification"` // bytes written to segments for each that was set
}

// replayReport prints results as they come.
type replayReport struct {
	p       *replayParams
	w       io.Writer
	summary replaySummary
}

func newReplayReport(p *replayParams, w io.Writer) *replayReport {
	return &replayReport{p: p, w: w}
}

func (o *replayReport) begin() {
	if o.p.json {
		return
	}
	counted := "objects"
	if o.p.bytes {
		counted = "bytes"
	}
	fmt.Fprintf(o.w, "%-14s %-8s %10s %8s %8s %8s %9s %8s\n", "trace", "policy", counted, "hits", "bytes", "written", "reference", "differs")
}

func (o *replayReport) add(r *replayResult) {
	if o.p.json {
		printJSON(o.w, r)
		return
	}
	fmt.Fprintf(o.w, "%-14s %-8s %10d %8.4f %8.4f %8.3f", r.Trace, r.Policy, r.Capacity, r.HitRatio, r.ByteHitRatio, r.WriteAmplification)
	if want, ok := o.reference(r, r.Policy); ok {
		fmt.Fprintf(o.w, " %9.4f %+8.4f\n", want, r.HitRatio-want)
	} else {
		fmt.Fprintf(o.w, " %9s %8s\n", "-", "-")
	}
	o.summary.add(o, r)
}

// reference returns what the reference has for a policy in place of r's. It counts
// objects, not bytes.
func (o *replayReport) reference(r *replayResult, policy string) (float64, bool) {
	if o.p.bytes {
		return 0, false
	}
	return o.p.reference.ratio(r.Trace, policy, r.Capacity)
}

// end explains the columns and sums up.
func (o *replayReport) end() {
	if o.p.json {
		return
	}
	fmt.Fprint(o.w, `
hits       part of the requests that found their object; bytes is the same for bytes
written    bytes written to the log for each byte that was set: with what eviction and compaction copied
`)
	o.summary.print(o.w)
}

// replaySummary sums up the rows that the reference has.
type replaySummary struct {
	exact    int     // rows of policies that must have the reference's hit ratios
	greatest float64 // difference among them

	rows   int // of the default policy
	saved  float64
	copies float64
	worst  float64 // against LRU, of caches of smallCache objects and more
}

// smallCache is how many objects a cache must have for the default policy to be judged
// by its worst row: with less, it can be behind LRU for want of room to try things out.
const smallCache = 1000

func (s *replaySummary) add(o *replayReport, r *replayResult) {
	want, ok := o.reference(r, r.Policy)
	fifo, fok := o.reference(r, "fifo")
	lru, lok := o.reference(r, "lru")
	switch {
	case !ok:
	case r.Policy != "s3fifo":
		s.exact++
		s.greatest = max(s.greatest, math.Abs(r.HitRatio-want))
	case fok && lok && fifo < 1:
		s.rows++
		s.saved += (r.HitRatio - fifo) / (1 - fifo)
		s.copies += r.WriteAmplification
		if r.Capacity >= smallCache {
			s.worst = min(s.worst, r.HitRatio-lru)
		}
	}
}

func (s *replaySummary) print(w io.Writer) {
	if s.exact > 0 {
		fmt.Fprintf(w, "\nexact policies, %d rows: %.4f from the reference at most\n", s.exact, s.greatest)
	}
	if n := float64(s.rows); n > 0 {
		fmt.Fprintf(w, "s3fifo, %d rows: %.1f %% of FIFO's misses saved, %.3f written, at worst %.4f against LRU from %d objects on\n",
			s.rows, 100*s.saved/n, s.copies/n, s.worst, smallCache)
	}
}

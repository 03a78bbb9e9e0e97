package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// tortureResult is what is told of a scenario. Counts of a process that was killed lack
// what it had not told yet.
type tortureResult struct {
	Scenario    string  `json:"scenario"`
	Seconds     float64 `json:"seconds"`
	Procs       int     `json:"procs"` // at most
	Histories   int     `json:"histories"`
	Operations  int     `json:"operations"`
	Kills       int     `json:"kills"`
	Stops       int     `json:"stops"`
	Compactions int64   `json:"compactions"` // segments that were cleared
	Evictions   int64   `json:"evictions"`   // items given up for a limit
	Violations  int     `json:"violations"`
	Undecided   int     `json:"undecided"` // of these: not found out in time
	Errors      int     `json:"errors"`    // of these: operations that returned an error
	Faults      int     `json:"faults"`
	Excused     int     `json:"excused"`    // errors for which a fault was the reason; no violations
	Longest     float64 `json:"longest_ms"` // that an operation took
	CheckMean   float64 `json:"check_mean_ms,omitempty"`
	CheckMax    float64 `json:"check_max_ms,omitempty"`
	Acked       int     `json:"acknowledged_writes,omitempty"`
	Gap         *int64  `json:"longest_gap_ns,omitempty"`       // after a kill, in which no other process completed an operation
	WriteGap    *int64  `json:"longest_write_gap_ns,omitempty"` // likewise, one that changes something
	Seed        uint64  `json:"seed"`
	environment
	ExcusedAs map[string]int `json:"excused_as,omitempty"` // what they said, and how often
	Wrong     []string       `json:"wrong,omitempty"`      // what the violations are, the first of them
}

// mostWrong is how many violations are told where nobody looks at them one by one.
const mostWrong = 20

// print prints what came of a scenario.
func (t *torturing) print(w io.Writer) {
	r := &t.out
	if t.p.json {
		r.ExcusedAs = t.excused
		r.Wrong = t.wrong[:min(len(t.wrong), mostWrong)]
		printJSON(w, r)
		return
	}
	fmt.Fprintf(w, "%s: %d operations of %d processes in %.1f s, %d kills, %d stops, %d compactions, %d evictions\n",
		r.Scenario, r.Operations, r.Procs, r.Seconds, r.Kills, r.Stops, r.Compactions, r.Evictions)
	if r.Histories > 0 {
		fmt.Fprintf(w, "  %d histories, each checked in %.1f ms, %.1f ms at most\n", r.Histories, r.CheckMean, r.CheckMax)
	}
	if r.Faults > 0 {
		fmt.Fprintf(w, "  %d faults, for which %d operations failed; the longest took %.1f s\n", r.Faults, r.Excused, r.Longest/1e3)
	}
	for _, s := range slices.Sorted(maps.Keys(t.excused)) {
		fmt.Fprintf(w, "  %6d × %s\n", t.excused[s], s)
	}
	if r.Acked > 0 {
		fmt.Fprintf(w, "  %d writes acknowledged\n", r.Acked)
	}
	if r.Gap != nil {
		fmt.Fprintf(w, "  after a kill, no other process completed an operation for %s at most, or a write for %s\n", short(*r.Gap), short(*r.WriteGap))
	}
	tellWrong(t.wrong, w)
	fmt.Fprintf(w, "  %d violations, of which %d could not be decided and %d are errors\n", r.Violations, r.Undecided, r.Errors)
}

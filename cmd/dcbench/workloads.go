package main

import "strings"

// workload is one kind of load.
type workload struct {
	name  string
	sides int // that take turns, for the progress
	run   func(b *bench) ([]result, error)

	alone   bool // it removes what others have, or counts it: no other process may run it, too
	several bool // it starts the other processes itself, and is run when it is named only
}

// workloads are all that "dcbench run" knows, in the order in which it runs them
// if it is not told which.
var workloads = []workload{
	{name: "fillseq", sides: 2, run: fillSeq},
	{name: "fillrandom", sides: 2, run: fillRandom},
	{name: "overwrite", sides: 2, run: overwrite},
	{name: "readrandom", sides: 3, run: readRandom},
	{name: "readmissing", sides: 1, run: readMissing},
	{name: "readwrite", sides: 2, run: readWrite},
	{name: "delete", sides: 2, run: remove},
	{name: "open", sides: 2 * len(openings), run: open, alone: true},
	{name: "churn", sides: len(churnKeys), run: churn, alone: true},
	{name: "sweep", sides: len(sweepings), run: sweep, alone: true},
	{name: "procs", sides: len(situations), run: procs, several: true},
}

func workloadNames() string { return namesOf(func(*workload) bool { return true }) }

// usualWorkloads are those of one process.
func usualWorkloads() string { return namesOf(func(w *workload) bool { return !w.several }) }

func namesOf(is func(w *workload) bool) string {
	var names []string
	for i := range workloads {
		if is(&workloads[i]) {
			names = append(names, workloads[i].name)
		}
	}
	return strings.Join(names, ",")
}

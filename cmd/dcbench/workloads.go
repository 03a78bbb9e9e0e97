package main

import "strings"

// workload is one kind of load.
type workload struct {
	name  string
	sides int // that take turns, for the progress
	run   func(b *bench) ([]result, error)
}

// workloads are all that "dcbench run" knows, in the order in which it runs them
// if it is not told which.
var workloads = []workload{
	{"fillseq", 2, fillSeq},
	{"fillrandom", 2, fillRandom},
	{"overwrite", 2, overwrite},
	{"readrandom", 3, readRandom},
	{"readmissing", 1, readMissing},
	{"readwrite", 2, readWrite},
	{"delete", 2, remove},
	{"open", 2 * len(openings), open},
	{"churn", len(churnKeys), churn},
	{"sweep", len(sweepings), sweep},
}

func workloadNames() string {
	var names []string
	for _, w := range workloads {
		names = append(names, w.name)
	}
	return strings.Join(names, ",")
}

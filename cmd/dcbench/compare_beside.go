package main

import (
	"fmt"
	"strconv"
)

// pair is one row of the table in which this cache stands beside its only peer.
type pair struct{ own, peer *row }

// remember keeps the rows of a scenario that are to be told beside one another in the end.
func (o *tableOutput) remember(rows []*row) {
	for _, r := range rows {
		if r.Store != ownName {
			continue
		}
		for _, peer := range rows {
			if peer.Store != ownName && !peer.Promises.Limit && peer.contest() == r.contest() {
				o.pairs = append(o.pairs, pair{r, peer})
			}
		}
	}
}

// beside prints the rates of all workloads in one table, where there is one peer only.
func (o *tableOutput) beside() {
	if len(o.pairs) == 0 {
		return
	}
	peer := o.pairs[0].peer.Store
	for _, p := range o.pairs {
		if p.peer.Store != peer {
			return
		}
	}
	width := max(len(peer), 10) + 1
	fmt.Fprintf(o.w, "\nbeside %s\n  %-20s %7s %6s %11s %7s %*s %7s %8s\n", peer, "workload", "values", "at once", ownName+"/s", "spread", width+2, peer+"/s", "spread", "ratio")
	for _, p := range o.pairs {
		ratio := "failed"
		if p.own.Error == "" && p.peer.Error == "" && p.peer.OpsPerSec > 0 {
			ratio = fmt.Sprintf("%.2f", p.own.OpsPerSec/p.peer.OpsPerSec)
		}
		fmt.Fprintf(o.w, "  %-20s %7s %7s %11s %6.0f%% %*s %6.0f%% %8s\n", p.own.Workload, size(int64(p.own.ValueSize)), p.own.atOnce(),
			count(p.own.OpsPerSec), p.own.spread(), width+2, count(p.peer.OpsPerSec), p.peer.spread(), ratio)
	}
}

// atOnce is how many goroutines, or threads, there are, or processes.
func (r *row) atOnce() string {
	if r.Procs > 0 {
		return strconv.Itoa(r.Procs) + "p"
	}
	return strconv.Itoa(r.Goroutines)
}

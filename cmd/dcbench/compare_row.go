package main

import (
	"slices"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// row is what is told of one store and one workload. Fields that are null do not exist for it.
type row struct {
	Workload     string    `json:"workload"`
	ValueSize    int       `json:"value_size"` // on average
	Sizes        string    `json:"sizes"`
	Goroutines   int       `json:"goroutines"`
	Procs        int       `json:"procs,omitempty"` // where several have one directory
	Batch        int       `json:"batch,omitempty"`
	Keys         string    `json:"keys,omitempty"` // how they are drawn
	N            int       `json:"n"`              // keys that are there
	Sync         string    `json:"sync"`
	Store        string    `json:"store"`
	OpsPerSec    float64   `json:"ops_per_sec"` // median over the rounds
	Slowest      float64   `json:"ops_per_sec_min"`
	Fastest      float64   `json:"ops_per_sec_max"`
	Rounds       []float64 `json:"ops_per_sec_rounds"`
	RatioLimit   *float64  `json:"ratio_limit"`        // to one system call a record
	RatioMapped  *float64  `json:"ratio_mapped_limit"` // to a buffered append, and to reading what is mapped
	RatioPeer    *float64  `json:"ratio_best_peer"`    // to the best that keeps its data; null for memory only
	BestPeer     string    `json:"best_peer,omitempty"`
	PeerPerSec   *float64  `json:"best_peer_ops_per_sec,omitempty"`
	P50          *int64    `json:"p50_ns"`
	P90          *int64    `json:"p90_ns"`
	P99          *int64    `json:"p99_ns"`
	P999         *int64    `json:"p999_ns"`
	Longest      *int64    `json:"max_ns"`
	CDF          []point64 `json:"latency_cdf,omitempty"`
	Behind       int64     `json:"behind_ns,omitempty"` // with a rate: how late the last operation began
	Rate         float64   `json:"rate,omitempty"`
	BytesPerKey  *float64  `json:"bytes_per_key"`        // anonymous memory
	MappedPerKey *float64  `json:"mapped_bytes_per_key"` // of files, in memory
	DiskPerItem  *float64  `json:"disk_bytes_per_item"`

	Overwritten    *float64 `json:"space_overwritten,omitempty"` // times the keys and values
	Compacted      *float64 `json:"space_compacted,omitempty"`
	CompactSeconds *float64 `json:"compact_seconds,omitempty"`
	FailedGets     int      `json:"failed_gets,omitempty"` // while it compacted

	Verified bool   `json:"verified"`       // everything was read back, and was right
	Lost     int    `json:"lost,omitempty"` // keys, by a store that does not promise to keep them
	Error    string `json:"error,omitempty"`

	Promises contest.Promises `json:"promises"`
	Seed     uint64           `json:"seed"`
	environment

	entrant *entrant
	perKey  int // keys for the figures of memory and space
}

// point64 is a latency and the percent of operations that took no longer.
type point64 struct {
	Percent float64 `json:"percent"`
	Nanos   int64   `json:"ns"`
}

// newRows makes the rows of a step.
func (m *match) newRows(s *step) map[*entrant]*row {
	rows := map[*entrant]*row{}
	sizes, _ := contest.ParseSizes(m.scenario.sizes)
	for _, e := range m.entrants {
		r := &row{
			Workload: s.workload, ValueSize: sizes.Mean(), Sizes: m.scenario.sizes, Goroutines: max(1, s.order.Goroutines), Batch: s.order.Batch,
			Keys: s.order.Keys, N: m.scenario.n, Sync: m.scenario.sync, Store: e.name, Seed: m.p.seed, Rate: m.p.rate,
			environment: thisEnvironment(), entrant: e, perKey: m.scenario.n,
		}
		if r.Batch == 1 {
			r.Batch = 0
		}
		rows[e] = r
		m.rows = append(m.rows, r)
	}
	return rows
}

// count adds a round.
func (r *row) count(a *contest.Answer) {
	if a.Ops > 0 {
		r.Rounds = append(r.Rounds, float64(a.Ops)/(float64(a.Nanos)/1e9))
	}
}

func (r *row) setLatency(l *contest.Latency) {
	if l == nil {
		return
	}
	r.P50, r.P90, r.P99, r.P999, r.Longest = new(l.At(50)), new(l.At(90)), new(l.At(99)), new(l.At(99.9)), new(l.At(100))
	r.Behind = l.Behind
	for i, q := range contest.Quantiles {
		r.CDF = append(r.CDF, point64{q, l.Nanos[i]})
	}
}

// conclude is called when the scenario is over.
func (r *row) conclude() {
	e := r.entrant
	r.Promises = e.promises
	r.OpsPerSec = median(r.Rounds)
	if len(r.Rounds) > 0 {
		r.Slowest, r.Fastest = slices.Min(r.Rounds), slices.Max(r.Rounds)
	}
	if e.left != nil {
		r.Error = e.left.Error()
		return
	}
	r.Verified, r.Lost = true, e.lost
	if e.grown != nil {
		perKey := func(n int64) *float64 { return new(max(0, float64(n)/float64(r.perKey))) }
		r.BytesPerKey, r.MappedPerKey = perKey(e.grown.Anonymous), perKey(e.grown.Mapped)
		if !e.promises.Memory {
			r.DiskPerItem = perKey(e.disk)
		}
	}
}

// contestOf is what rows must have in common to be compared.
type contestOf struct {
	workload, sizes  string
	goroutines, n    int
	batch            int
	sync, drawnAlike string
}

func (r *row) contest() contestOf {
	return contestOf{r.Workload, r.Sizes, r.Goroutines, r.N, r.Batch, r.Sync, r.Keys}
}

// rank compares the rows with one another, and leaves out those of stores that were not measured.
func rank(rows []*row) []*row {
	rows = slices.DeleteFunc(rows, func(r *row) bool { return len(r.Rounds) == 0 && (r.Error == "" || r.entrant.unsupported()) })
	best, limit, mapped := map[contestOf]*row{}, map[contestOf]*row{}, map[contestOf]*row{}
	for _, r := range rows {
		at := r.contest()
		switch {
		case r.Error != "" || r.Promises.Memory || r.Store == ownName:
		case r.Store == "limit":
			limit[at] = r
		case r.Promises.Limit:
			mapped[at] = r
		case best[at] == nil || r.OpsPerSec > best[at].OpsPerSec:
			best[at] = r
		}
	}
	for _, r := range rows {
		at := r.contest()
		r.RatioLimit, r.RatioMapped, r.RatioPeer = r.ratio(limit[at]), r.ratio(mapped[at]), r.ratio(best[at])
		if best[at] != nil {
			r.BestPeer, r.PeerPerSec = best[at].Store, &best[at].OpsPerSec
		}
	}
	return rows
}

// ratio is what part of another's rate this is; of a Get that misses there is no limit, for nothing
// is to be read.
func (r *row) ratio(to *row) *float64 {
	if to == nil || r.Error != "" || to.Promises.Limit && r.Workload == "miss" {
		return nil
	}
	return new(r.OpsPerSec / to.OpsPerSec)
}

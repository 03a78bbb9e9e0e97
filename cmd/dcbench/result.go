package main

import "github.com/HdrHistogram/hdrhistogram-go"

// result is what is told of one workload. Fields that are null do not exist for
// it: there is no limit for a read of nothing.
type result struct {
	Workload    string   `json:"workload"`
	Variant     string   `json:"variant,omitempty"`
	N           int      `json:"n"`       // operations that were measured; for open, keys
	Seconds     float64  `json:"seconds"` // that they took
	OpsPerSec   float64  `json:"ops_per_sec"`
	Limit       *float64 `json:"limit_ops_per_sec"`
	Ratio       *float64 `json:"ratio"` // of the two
	MappedLimit *float64 `json:"mapped_limit_ops_per_sec,omitempty"`
	Speedup     *float64 `json:"speedup,omitempty"` // over the first number of goroutines
	NsPerOp     float64  `json:"ns_per_op"`
	latencies            // were measured apart, each operation by itself
	FirstGet    int64    `json:"first_get_ns,omitempty"` // from the beginning of Open to the end of the first Get
	RSS         int64    `json:"rss_bytes"`
	Disk        int64    `json:"disk_bytes"`
	Written     int64    `json:"written_bytes"`
	BytesPerKey float64  `json:"bytes_per_key"`
	RecordSize  int      `json:"record_size"`
	ValueSize   int      `json:"value_size"`
	KeySize     int      `json:"key_size"`
	Goroutines  int      `json:"goroutines"`
	Keys        string   `json:"keys"`
	Sync        string   `json:"sync"`
	Compression string   `json:"compression"`
	Mapped      bool     `json:"mapped"` // reads may map files
	Seed        uint64   `json:"seed"`
	// PerProcess are the rates of several processes. The others are sums then, but the
	// percentiles, which are those of the slowest.
	PerProcess []float64 `json:"per_process_ops_per_sec,omitempty"`
	*churned
	*swept
	*shared
	environment
}

// latencies are percentiles of how long an operation takes.
type latencies struct {
	P50  int64 `json:"p50_ns"`
	P99  int64 `json:"p99_ns"`
	P999 int64 `json:"p999_ns"`
}

func latenciesOf(h *hdrhistogram.Histogram) latencies {
	return latencies{h.ValueAtQuantile(50), h.ValueAtQuantile(99), h.ValueAtQuantile(99.9)}
}

// churned is what is told of the workload churn only. Space is in multiples of what the
// items take.
type churned struct {
	SpaceLimit         float64   `json:"space_limit"`
	WriteAmplification float64   `json:"write_amplification"` // bytes written to the log for each that was set, in a full cache
	Compactions        int64     `json:"compactions"`         // meanwhile
	SpaceMost          float64   `json:"space_amplification_max"`
	Space              float64   `json:"space_amplification"` // when it ended
	SpaceOverwritten   float64   `json:"space_overwritten"`   // after each key was set three times more
	SpaceSettled       float64   `json:"space_settled"`       // when the cache had then been left alone for a while
	GetIdle            latencies `json:"get_idle"`
	GetWriting         latencies `json:"get_writing"` // beside Sets, while there is room
	GetCompacting      latencies `json:"get_compacting"`
	GetCompact         latencies `json:"get_compact"` // beside Compact, without Sets
	SetNotFull         latencies `json:"set_not_full"`
	SetFull            latencies `json:"set_full"`
}

// swept is what is told of the workload sweep only.
type swept struct {
	Removed      int   `json:"removed"` // items
	Get          waits `json:"get"`     // beside the sweep
	Set          waits `json:"set"`
	GetComputing waits `json:"get_computing"` // beside what only computes
	SetComputing waits `json:"set_computing"`
}

// waits are latencies of which the longest counts.
type waits struct {
	latencies
	Max int64 `json:"max_ns"`
	N   int64 `json:"n"`
}

func waitsOf(h *hdrhistogram.Histogram) waits { return waits{latenciesOf(h), h.Max(), h.TotalCount()} }

// blank returns a result with only what it was measured under.
func (b *bench) blank() *result {
	return &result{
		Workload: b.w.name, N: b.p.n, BytesPerKey: b.bytesPerKey, RecordSize: b.sizes.insert, ValueSize: b.valueSize, KeySize: b.p.keySize,
		Goroutines: len(b.workers), Keys: b.p.keys.Name, Sync: b.p.sync.name, Compression: b.p.compress.name,
		Mapped: b.p.maps(), Seed: b.p.seed, environment: thisEnvironment(),
	}
}

func (r *result) setRate(rate float64) {
	r.OpsPerSec, r.NsPerOp = rate, 1e9/rate
}

func (r *result) setLimit(rate float64) {
	r.Limit = new(rate)
	r.Ratio = new(r.OpsPerSec / rate)
}

func (r *result) setLatencies(h *hdrhistogram.Histogram) { r.latencies = latenciesOf(h) }

// point is what two results must have in common for their numbers of goroutines
// to be compared.
type point struct {
	workload, variant string
	valueSize         int
}

// compareWith states the speedup over the first number of goroutines, if several
// were asked for.
func (r *result) compareWith(first map[point]float64, goroutines []int) {
	at := point{r.Workload, r.Variant, r.ValueSize}
	if r.Goroutines == goroutines[0] {
		first[at] = r.OpsPerSec
	}
	if len(goroutines) > 1 {
		r.Speedup = new(r.OpsPerSec / first[at])
	}
}

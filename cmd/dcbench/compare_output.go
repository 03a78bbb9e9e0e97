package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// compareOutput prints rows as they come.
type compareOutput interface {
	begin()
	add(rows []*row)
	end()
}

func newOutput(p *compareParams, w io.Writer) (compareOutput, error) {
	switch p.format {
	case "json":
		return jsonOutput{w}, nil
	case "csv":
		return &csvOutput{csv.NewWriter(w)}, nil
	case "benchfmt":
		return benchOutput{w}, nil
	case "table":
		return &tableOutput{w: w, p: p, bold: mayColor(w)}, nil
	}
	return nil, fmt.Errorf("unknown format %q", p.format)
}

// mayColor tells whether a terminal is written to that nobody wants without colors
// (https://no-color.org).
func mayColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// jsonOutput prints an object a line.
type jsonOutput struct{ w io.Writer }

func (o jsonOutput) begin() {}

func (o jsonOutput) add(rows []*row) {
	for _, r := range rows {
		printJSON(o.w, r)
	}
}

func (o jsonOutput) end() {}

// csvOutput prints the figures, without the environment.
type csvOutput struct{ w *csv.Writer }

var csvHead = []string{
	"workload", "value_size", "goroutines", "procs", "batch", "keys", "n", "sync", "store", "ops_per_sec", "ops_per_sec_min", "ops_per_sec_max",
	"ratio_limit", "ratio_mapped_limit", "ratio_best_peer", "best_peer", "best_peer_ops_per_sec", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns",
	"bytes_per_key", "mapped_bytes_per_key", "disk_bytes_per_item", "space_overwritten", "space_compacted", "verified", "lost", "error",
}

func (o *csvOutput) begin() { _ = o.w.Write(csvHead) } // errors are kept for Flush, and those of stdout are nobody's

func (o *csvOutput) add(rows []*row) {
	for _, r := range rows {
		_ = o.w.Write([]string{
			r.Workload, strconv.Itoa(r.ValueSize), strconv.Itoa(r.Goroutines), strconv.Itoa(r.Procs), strconv.Itoa(r.Batch), r.Keys, strconv.Itoa(r.N), r.Sync, r.Store,
			real(&r.OpsPerSec), real(&r.Slowest), real(&r.Fastest), real(r.RatioLimit), real(r.RatioMapped), real(r.RatioPeer), r.BestPeer, real(r.PeerPerSec),
			whole(r.P50), whole(r.P90), whole(r.P99), whole(r.P999), whole(r.Longest),
			real(r.BytesPerKey), real(r.MappedPerKey), real(r.DiskPerItem), real(r.Overwritten), real(r.Compacted),
			strconv.FormatBool(r.Verified), strconv.Itoa(r.Lost), r.Error,
		})
	}
	o.w.Flush()
}

func (o *csvOutput) end() { o.w.Flush() }

// real and whole are empty for what does not exist.
func real(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'g', 6, 64)
}

func whole(x *int64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatInt(*x, 10)
}

// benchOutput prints what benchstat reads: a line for each round.
type benchOutput struct{ w io.Writer }

func (o benchOutput) begin() {
	e := thisEnvironment()
	fmt.Fprintf(o.w, "goos: %s\ngoarch: %s\npkg: github.com/go-diskcache/diskcache/cmd/dcbench\n", e.OS, e.Arch)
}

func (o benchOutput) add(rows []*row) {
	for _, r := range rows {
		if r.Error != "" {
			continue // it was told on stderr
		}
		for _, rate := range r.Rounds {
			fmt.Fprintf(o.w, "%s 1 %.6g ns/op\n", r.benchName(), 1e9/rate)
		}
	}
}

func (o benchOutput) end() {}

// benchName has a part for all that benchstat may group by.
func (r *row) benchName() string {
	procs := ""
	if r.Procs > 0 {
		procs = fmt.Sprintf("/procs=%d", r.Procs)
	}
	return fmt.Sprintf("BenchmarkCompare/workload=%s/size=%d/c=%d%s/n=%d/store=%s", r.Workload, r.ValueSize, r.Goroutines, procs, r.N, r.Store)
}

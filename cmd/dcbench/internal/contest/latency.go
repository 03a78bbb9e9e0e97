package contest

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Quantiles are what is told of latencies, in percent.
var Quantiles = [...]float64{0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100}

// Latency is how long operations took.
type Latency struct {
	N      int64                 `json:"n"`
	Nanos  [len(Quantiles)]int64 `json:"ns"`                  // by Quantiles
	Behind int64                 `json:"behind_ns,omitempty"` // with a rate: how late the last operation began
}

// At returns the latency at one of Quantiles.
func (l *Latency) At(quantile float64) int64 {
	for i, q := range Quantiles {
		if q == quantile {
			return l.Nanos[i]
		}
	}
	panic("no such quantile")
}

// newHistogram is sized for nanoseconds up to a minute, three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60e9, 3) }

// record counts what is too long as the longest.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(max(1, min(int64(d), h.HighestTrackableValue())))
}

func latencyOf(h *hdrhistogram.Histogram) *Latency {
	l := &Latency{N: h.TotalCount()}
	for i, q := range Quantiles {
		l.Nanos[i] = h.ValueAtQuantile(q)
	}
	l.Nanos[0], l.Nanos[len(l.Nanos)-1] = h.Min(), h.Max()
	return l
}

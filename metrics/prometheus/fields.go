package prometheus

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/go-diskcache/diskcache"
)

// field says how one of the diskcache.Stats is published.
type field struct {
	name, help string
	kind       prometheus.ValueType
	value      func(s *diskcache.Stats) float64
}

// fields are all of them, in the order of diskcache.Stats. Counts are those since Open.
var fields = []field{
	counter("hits_total", "Reads that found an item.", func(s *diskcache.Stats) int64 { return s.Hits }),
	counter("misses_total", "Reads that found no item.", func(s *diskcache.Stats) int64 { return s.Misses }),
	counter("sets_total", "Items stored.", func(s *diskcache.Stats) int64 { return s.Sets }),
	counter("deletes_total", "Items removed.", func(s *diskcache.Stats) int64 { return s.Deletes }),
	counter("syncs_total", "Syncs of segments.", func(s *diskcache.Stats) int64 { return s.Syncs }),
	counter("set_bytes_total", "Bytes of the records stored, value files included.", func(s *diskcache.Stats) int64 { return s.SetBytes }),
	counter("written_bytes_total", "Bytes written to segments and value files.", func(s *diskcache.Stats) int64 { return s.WrittenBytes }),
	counter("moved_total", "Records copied by compaction and eviction.", func(s *diskcache.Stats) int64 { return s.Moved }),
	counter("moved_bytes_total", "Bytes copied by compaction and eviction.", func(s *diskcache.Stats) int64 { return s.MovedBytes }),
	counter("evicted_total", "Items given up for a limit, by Cull or by EvictTag.", func(s *diskcache.Stats) int64 { return s.Evicted }),
	counter("evicted_bytes_total", "Bytes of the items given up.", func(s *diskcache.Stats) int64 { return s.EvictedBytes }),
	counter("expired_total", "Items taken back because their time was over.", func(s *diskcache.Stats) int64 { return s.Expired }),
	counter("expired_bytes_total", "Bytes of the items whose time was over.", func(s *diskcache.Stats) int64 { return s.ExpiredBytes }),
	counter("compactions_total", "Segments cleared and removed.", func(s *diskcache.Stats) int64 { return s.Compactions }),
	gauge("tombstone_bytes", "Bytes of tombstones that are needed for long.", func(s *diskcache.Stats) int64 { return s.TombBytes }),
	counter("corrupt_total", "Records and files found damaged.", func(s *diskcache.Stats) int64 { return s.Corrupt }),
	counter("torn_bytes_total", "Bytes that a crash left unfinished.", func(s *diskcache.Stats) int64 { return s.Torn }),
	counter("background_errors_total", "Errors of the background.", func(s *diskcache.Stats) int64 { return s.BackgroundErrs }),
	gauge("segments", "Segment files.", func(s *diskcache.Stats) int64 { return s.Segments }),
	gauge("items", "Items.", func(s *diskcache.Stats) int64 { return s.Items }),
	gauge("live_bytes", "Bytes on the disk of items that are not superseded.", func(s *diskcache.Stats) int64 { return s.LiveBytes }),
	gauge("disk_bytes", "Bytes of all files.", func(s *diskcache.Stats) int64 { return s.DiskBytes }),
	gauge("index_bytes", "Memory of the index.", func(s *diskcache.Stats) int64 { return s.IndexBytes }),
	{"open_seconds", "How long Open took.", prometheus.GaugeValue, func(s *diskcache.Stats) float64 {
		return time.Duration(s.OpenTime).Seconds()
	}},
}

func counter(name, help string, value func(s *diskcache.Stats) int64) field {
	return field{name, help, prometheus.CounterValue, func(s *diskcache.Stats) float64 { return float64(value(s)) }}
}

func gauge(name, help string, value func(s *diskcache.Stats) int64) field {
	return field{name, help, prometheus.GaugeValue, func(s *diskcache.Stats) float64 { return float64(value(s)) }}
}

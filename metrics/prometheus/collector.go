// Package prometheus has the statistics of a diskcache.Store for Prometheus. It is a module of its
// own, so that who does not use it does not depend on the client of Prometheus.
package prometheus

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/go-diskcache/diskcache"
)

// Collector is a prometheus.Collector of the statistics of a Store, asked for at each scrape. Where
// they cannot be had, the scrape has the error in place of them.
type Collector struct {
	store   diskcache.Store
	metrics []metric
}

// metric is one of the statistics.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(s *diskcache.Stats) float64
}

// NewCollector returns the collector of s. labels are those of each metric; what tells apart the
// stores of one registry has to be among them.
func NewCollector(s diskcache.Store, labels prometheus.Labels) *Collector {
	c := &Collector{store: s}
	for _, f := range fields {
		c.metrics = append(c.metrics, metric{
			desc:  prometheus.NewDesc(prometheus.BuildFQName("diskcache", "", f.name), f.help, nil, labels),
			kind:  f.kind,
			value: f.value,
		})
	}
	return c
}

// Describe sends what the metrics are.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		descs <- m.desc
	}
}

// Collect sends the metrics, all as they are at one moment.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	stats, err := c.store.Stats()
	for _, m := range c.metrics {
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(m.desc, err)
			continue
		}
		metrics <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&stats))
	}
}

package prometheus_test

import (
	"fmt"
	"log"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/metrics/prometheus"
)

// store stands for one that is open.
type store struct{ diskcache.Store }

func (store) Stats() (diskcache.Stats, error) { return diskcache.Stats{Hits: 3}, nil }

func ExampleCollector() {
	reg := client.NewRegistry()
	if err := reg.Register(prometheus.NewCollector(store{}, client.Labels{"cache": "thumbnails"})); err != nil {
		log.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "diskcache_hits_total" {
			m := f.GetMetric()[0]
			fmt.Println(m.GetLabel()[0].GetValue(), m.GetCounter().GetValue())
		}
	}
	// Output: thumbnails 3
}

package metrics_test

import (
	"encoding/json"
	"expvar"
	"fmt"
	"log"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/metrics"
)

func ExamplePublish() {
	s := memory.New(nil) // or diskcache.Open(dir, nil)
	defer s.Close()
	if err := metrics.Publish("thumbnails", s); err != nil {
		log.Fatal(err)
	}
	if err := s.Set("k", nil); err != nil {
		log.Fatal(err)
	}
	var stats diskcache.Stats // what /debug/vars has
	if err := json.Unmarshal([]byte(expvar.Get("thumbnails").String()), &stats); err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Sets)
	// Output: 1
}

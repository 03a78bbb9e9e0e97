package storetest_test

import (
	"testing"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/storetest"
)

// TestCacheProcesses runs what is atomic on a cache that processes have open at once.
func TestCacheProcesses(t *testing.T) {
	for name, o := range map[string]diskcache.Options{
		"disk": {}, "small segments": {SegmentSize: 1 << 12, FileThreshold: 2}, "network": {Network: diskcache.NetworkYes, Freshness: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if o.Network == diskcache.NetworkYes && testing.Short() {
				t.Skip("short")
			}
			storetest.RunProcesses(t, func(dir string) (diskcache.Store, error) { return diskcache.Open(dir, &o) })
		})
	}
}

package diskcache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/fanout"
	"github.com/go-diskcache/diskcache/hybrid"
	"github.com/go-diskcache/diskcache/storetest"
)

// TestStoreFaults runs the suite of the contract on disks that fail, of all stores that have any.
func TestStoreFaults(t *testing.T) {
	for _, sync := range []diskcache.SyncMode{diskcache.SyncNever, diskcache.SyncAlways} {
		on := func(d *storetest.Disks, now func() time.Time) diskcache.Options {
			o := diskcache.Options{Now: now, Sync: sync, Policy: diskcache.PolicyNone, SegmentSize: 4 << 10, FileThreshold: 1 << 10}
			return o.On(d.Of)
		}
		for name, env := range map[string]storetest.FaultEnv{
			"disk": {Open: func(d *storetest.Disks, now func() time.Time) (diskcache.Store, error) {
				o := on(d, now)
				return diskcache.Open("disk", &o)
			}},
			"hybrid": {Open: func(d *storetest.Disks, now func() time.Time) (diskcache.Store, error) {
				o := on(d, now)
				c, err := diskcache.Open("disk", &o)
				if err != nil {
					return nil, err
				}
				return hybrid.New(c, &hybrid.Options{AdmitFirst: true, WriteThrough: true})
			}},
			"fanout": {InParts: true, Open: func(d *storetest.Disks, now func() time.Time) (diskcache.Store, error) {
				return fanout.Open(t.TempDir(), &fanout.Options{Shards: 3, Options: on(d, now)})
			}},
		} {
			t.Run(fmt.Sprint(name, ", sync mode ", sync), func(t *testing.T) {
				t.Parallel()
				storetest.RunFaults(t, env)
			})
		}
	}
}

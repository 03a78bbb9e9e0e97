package memory

import (
	"testing"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/storetest"
)

// TestStore runs the suite of the contract, on a store without limits and on those that have
// some that are never reached, by which the policies have all the work and give up nothing.
func TestStore(t *testing.T) {
	t.Run("unlimited", func(t *testing.T) { storetest.Run(t, open(Options{})) })
	for p := diskcache.PolicyS3FIFO; p <= diskcache.PolicyNone; p++ {
		t.Run(p.String(), func(t *testing.T) {
			storetest.Run(t, open(Options{SizeLimit: 1 << 30, CountLimit: 1 << 20, Policy: p}))
		})
	}
}

func open(o Options) func(t *testing.T) storetest.Env {
	return func(*testing.T) storetest.Env {
		clock := storetest.NewClock()
		o.Now = clock.Now
		return storetest.Env{Store: New(&o), Clock: clock}
	}
}

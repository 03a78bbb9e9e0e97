package storetest_test

import (
	"testing"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/storetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCache runs the suite on a cache on the disk.
func TestCache(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Env {
		clock, dir := storetest.NewClock(), t.TempDir()
		open := func() *diskcache.Cache {
			c, err := diskcache.Open(dir, &diskcache.Options{Now: clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := open()
		return storetest.Env{Store: c, Clock: clock, Reopen: func() diskcache.Store {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			c = open()
			return c
		}}
	})
}

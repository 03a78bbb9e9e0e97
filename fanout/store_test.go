package fanout

import (
	"testing"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/storetest"
	"github.com/stretchr/testify/require"
)

// TestStore runs the suite of the contract on directories.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Env {
		clock, dir := storetest.NewClock(), t.TempDir()
		open := func() *Store {
			s, err := Open(dir, &Options{Shards: 3, Options: diskcache.Options{Now: clock.Now}})
			require.NoError(t, err)
			return s
		}
		s := open()
		return storetest.Env{Store: s, Clock: clock, OrderByClock: true, Reopen: func() diskcache.Store {
			require.NoError(t, s.Close())
			s = open()
			return s
		}}
	})
}

// TestStoreProcesses runs what is atomic on directories that processes have open at once.
func TestStoreProcesses(t *testing.T) {
	storetest.RunProcesses(t, func(dir string) (diskcache.Store, error) { return Open(dir, &Options{Shards: 3}) })
}

// TestStoreInMemory runs it on shards that are none of ours: all that is asked of them is the
// contract. One shard alone has the order of insertion, too.
func TestStoreInMemory(t *testing.T) {
	for name, n := range map[string]int{"one": 1, "seven": 7} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Env {
				clock := storetest.NewClock()
				return storetest.Env{Store: newStore(inMemory(n, memory.Options{Now: clock.Now})), Clock: clock, OrderByClock: n > 1}
			})
		})
	}
}

func inMemory(n int, o memory.Options) (shards []diskcache.Store) {
	for range n {
		shards = append(shards, memory.New(&o))
	}
	return shards
}

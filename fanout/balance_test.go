package fanout

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// keysOf returns keys of one shard of n.
func keysOf(shard, n, count int) (keys []string) {
	for i := 0; len(keys) < count; i++ {
		if k := fmt.Sprint("key", i); place(home(k), n) == shard {
			keys = append(keys, k)
		}
	}
	return keys
}

// traffic asks for keys by a law of Zipf: of ten requests one is for any of the shards, and the
// others for the hot one.
type traffic struct {
	rand *rand.Rand
	zipf *rand.Zipf
	keys [][]string
	hot  int
}

func newTraffic(n, hot, keys int) *traffic {
	r := rand.New(rand.NewPCG(1, 2))
	t := &traffic{rand: r, zipf: rand.NewZipf(r, 1.01, 50, uint64(keys-1)), hot: hot}
	for i := range n {
		t.keys = append(t.keys, keysOf(i, n, keys))
	}
	return t
}

func (t *traffic) next() string {
	shard := t.hot
	if t.rand.IntN(10) == 0 {
		shard = t.rand.IntN(len(t.keys))
	}
	return t.keys[shard][t.zipf.Uint64()]
}

// rate returns the part of some requests that find something; what does not is stored.
func (t *traffic) rate(tb testing.TB, s diskcache.Store, requests, size int) float64 {
	hits := 0
	for range requests {
		k := t.next()
		_, err := s.Get(k)
		if err == nil {
			hits++
			continue
		}
		require.ErrorIs(tb, err, diskcache.ErrNotFound)
		require.NoError(tb, s.Set(k, make([]byte, size)))
	}
	return float64(hits) / float64(requests)
}

// sharesOf returns what limits the shards have.
func sharesOf(tb testing.TB, s *Store) (shares []amounts) {
	for _, c := range s.balancer.shards {
		set, err := c.Settings()
		require.NoError(tb, err)
		shares = append(shares, amounts{set.SizeLimit, set.CountLimit})
	}
	return shares
}

func sumOf(shares []amounts) (sum amounts) {
	for _, a := range shares {
		for kind, n := range a {
			sum[kind] += n
		}
	}
	return sum
}

// TestHotShard: a shard that most requests are for gets most of the limit, and what is found is
// about what one cache would find. When another shard becomes the hot one, that gets it.
func TestHotShard(t *testing.T) {
	const n = 8
	for _, limit := range []diskcache.Options{{CountLimit: 4000}, {SizeLimit: 24 << 20}} {
		for _, policy := range []diskcache.Policy{diskcache.PolicyS3FIFO, diskcache.PolicyLRU} {
			limit.Policy, limit.ManualCompaction = policy, true
			size := 16
			if limit.SizeLimit > 0 {
				size = 4 << 10
			}
			one, err := diskcache.Open(t.TempDir(), &limit)
			require.NoError(t, err)
			defer one.Close()
			s, err := Open(t.TempDir(), &Options{Shards: n, Options: limit})
			require.NoError(t, err)
			defer s.Close()
			equal, err := Open(t.TempDir(), &Options{Shards: n, Options: limit})
			require.NoError(t, err)
			defer equal.Close()
			whole := sumOf(sharesOf(t, s))
			now := time.Now()
			for _, hot := range []int{3, 6} {
				a, b, c := newTraffic(n, hot, 12000), newTraffic(n, hot, 12000), newTraffic(n, hot, 12000)
				var single, many, old float64
				for i := range 30 {
					single = a.rate(t, one, 2000, size)
					many = b.rate(t, s, 2000, size)
					old = c.rate(t, equal, 2000, size)
					now = now.Add(interval)
					require.NoError(t, s.balancer.pass(t.Context(), now, true))
					sum := sumOf(sharesOf(t, s))
					for kind, n := range sum {
						assert.LessOrEqual(t, n, whole[kind])
					}
					t.Log(limit.CountLimit, policy, hot, i, single, many, old, sharesOf(t, s))
				}
			}
		}
	}
}

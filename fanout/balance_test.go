package fanout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// keysOf returns keys of each of n shards.
func keysOf(n, count int) [][]string {
	keys := make([][]string, n)
	for i, full := 0, 0; full < n; i++ {
		k := fmt.Sprint("key", i)
		at := place(home(k), n)
		if len(keys[at]) < count {
			if keys[at] = append(keys[at], k); len(keys[at]) == count {
				full++
			}
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
	even bool // there is no hot one
}

func newTraffic(keys [][]string, hot int) *traffic {
	r := rand.New(rand.NewPCG(1, 2))
	return &traffic{rand: r, zipf: rand.NewZipf(r, 1.01, 50, uint64(len(keys[0])-1)), keys: keys, hot: hot}
}

func (t *traffic) next() string {
	shard := t.hot
	if t.even || t.rand.IntN(10) == 0 {
		shard = t.rand.IntN(len(t.keys))
	}
	return t.keys[shard][t.zipf.Uint64()]
}

type getSetter interface {
	Get(key string) ([]byte, error)
	Set(key string, value []byte, opts ...diskcache.SetOption) error
}

// rate returns the part of some requests that find something; what does not is stored.
func (t *traffic) rate(tb testing.TB, s getSetter, requests int) float64 {
	hits := 0
	for range requests {
		k := t.next()
		_, err := s.Get(k)
		if err == nil {
			hits++
			continue
		}
		assert.ErrorIs(tb, err, diskcache.ErrNotFound)
		assert.NoError(tb, s.Set(k, make([]byte, 16)))
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
	const n, rounds, requests = 8, 30, 2000
	keys := keysOf(n, 12000)
	for _, whole := range []amounts{{0, 4000}, {64 << 20, 0}, {64 << 20, 4000}} {
		const size = 16 << 10
		one, s := newLRU(size, whole), newModel(t, n, size, whole)
		most := whole[bytes] / size
		if most == 0 {
			most = whole[items]
		}
		now := time.Now()
		for _, hot := range []int{3, 6} {
			forOne, forMany := newTraffic(keys, hot), newTraffic(keys, hot)
			var single, many float64
			for range rounds {
				single = forOne.rate(t, one, requests)
				many = forMany.rate(t, s, requests)
				used, err := s.Stats()
				require.NoError(t, err)
				require.LessOrEqual(t, used.Items, most)
				for _, c := range s.shards { // what the background of a cache does, at some time
					_, err := c.Cull()
					require.NoError(t, err)
				}
				now = now.Add(interval)
				require.NoError(t, s.balancer.pass(t.Context(), now, false))
				for kind, sum := range sumOf(sharesOf(t, s)) {
					require.LessOrEqual(t, sum, whole[kind])
				}
			}
			shares := sharesOf(t, s)
			for kind := range kinds {
				require.GreaterOrEqual(t, 10*shares[hot][kind], 8*whole[kind], "%v", shares)
				for _, share := range shares {
					require.GreaterOrEqual(t, share[kind], whole[kind]/n/leastPart)
				}
			}
			require.Greater(t, many, 0.95*single)
		}
		require.NoError(t, s.Close())
	}
}

// TestGrowsByWhatIsFree: a share is not raised before what the others had beyond theirs is gone.
func TestGrowsByWhatIsFree(t *testing.T) {
	s, keys := newModel(t, 4, 1, amounts{0, 4000}), keysOf(4, 4000)
	for i := range s.shards {
		for _, k := range keys[i][:1000] {
			require.NoError(t, s.Set(k, nil))
		}
	}
	now := time.Now()
	for _, k := range keys[1][1000:] {
		require.NoError(t, s.Set(k, nil))
	}
	pass := func() []amounts {
		now = now.Add(interval)
		require.NoError(t, s.balancer.pass(t.Context(), now, false))
		return sharesOf(t, s)
	}
	shares := pass()
	require.Less(t, shares[0][items], int64(1000))
	require.EqualValues(t, 1000, shares[1][items])
	for _, c := range s.shards { // as their background does
		_, err := c.Cull()
		require.NoError(t, err)
	}
	for _, k := range keys[1][:100] {
		require.NoError(t, s.Set(k, nil))
	}
	require.Greater(t, pass()[1][items], int64(1000))
	require.NoError(t, s.Close())
}

// TestForced: what a shard gives up because its share gets lower is no demand.
func TestForced(t *testing.T) {
	k := &notes{Demand: make([]demand, 2)}
	now := time.Now()
	k.add([]demand{{GivenUp: amounts{0, 100}}, {}}, now)
	k.forced(1, items, 80)
	k.add([]demand{{}, {GivenUp: amounts{0, 80}}}, now)
	require.Equal(t, amounts{0, 100}, k.Turned)
	require.Zero(t, k.Demand[1].weight(items))
	require.Positive(t, k.Demand[0].weight(items))
	was := k.Demand[0].weight(items)
	k.add(make([]demand, 2), now.Add(halfLife))
	require.InDelta(t, was/2, k.Demand[0].weight(items), 0.1)
	k.add(make([]demand, 2), now) // a clock that goes back makes nothing more
	require.InDelta(t, was/2, k.Demand[0].weight(items), 0.1)
}

// TestEvenDemand: shards that are asked for about the same keep about the same.
func TestEvenDemand(t *testing.T) {
	const n, whole = 8, 4000
	s := newModel(t, n, 1, amounts{0, whole})
	load := newTraffic(keysOf(n, 3000), 0)
	load.even = true
	now := time.Now()
	for range 40 {
		load.rate(t, s, 1000)
		now = now.Add(interval)
		require.NoError(t, s.balancer.pass(t.Context(), now, true))
		for _, share := range sharesOf(t, s) {
			require.InDelta(t, whole/n, share[items], whole/n/4)
		}
	}
	require.NoError(t, s.Close())
}

// TestScanGetsLittle: what is stored and never asked for takes little from a shard whose keys are.
func TestScanGetsLittle(t *testing.T) {
	const rounds, requests = 40, 1000
	s := newModel(t, 4, 1, amounts{0, 4000})
	keys := keysOf(4, rounds*requests)
	used, scanned := keys[1][:900], keys[2]
	r := rand.New(rand.NewPCG(3, 4))
	now := time.Now()
	misses := 0
	for round := range rounds {
		for i := range requests {
			k := used[r.IntN(len(used))]
			if _, err := s.Get(k); err != nil {
				if round >= rounds/2 {
					misses++
				}
				require.NoError(t, s.Set(k, nil))
			}
			require.NoError(t, s.Set(scanned[round*requests+i], nil))
		}
		now = now.Add(interval)
		require.NoError(t, s.balancer.pass(t.Context(), now, true))
	}
	require.Less(t, misses, rounds/2*requests/10)
	require.NoError(t, s.Close())
}

// TestCrashBetweenSteps has a pass die at each of its steps: the shares are never more than the
// whole, and the passes that come bring back what was between two of them.
func TestCrashBetweenSteps(t *testing.T) {
	whole, keys := amounts{32 << 20, 4000}, keysOf(4, 6000)
	for step := 0; ; step++ {
		s := newModel(t, 4, 8<<10, whole)
		d := dies(t, s, whole, step)
		hot := newTraffic(keys, 1)
		hot.rate(t, s, 12000)
		now := time.Now()
		err := s.balancer.pass(t.Context(), now, true)
		if err != nil {
			require.ErrorIs(t, err, errDied)
		}
		died := err != nil
		d.left.Store(1 << 30)
		for range 12 {
			hot.rate(t, s, 1500)
			now = now.Add(interval)
			require.NoError(t, s.balancer.pass(t.Context(), now, true))
		}
		for kind, sum := range sumOf(sharesOf(t, s)) {
			require.GreaterOrEqual(t, 20*sum, 19*whole[kind], "step %d", step)
		}
		require.NoError(t, s.Close())
		if !died {
			require.GreaterOrEqual(t, step, 4+4, "there are steps to die at")
			return
		}
	}
}

var errDied = errors.New("died")

// dying lets a number of changes of settings be, and looks at the sum after each.
type dying struct {
	limited
	left *atomic.Int64
}

// dies has the shards of a model die at a step.
func dies(t *testing.T, s *Store, whole amounts, step int) *dying {
	left := &atomic.Int64{}
	left.Store(int64(step))
	for i, c := range s.shards {
		c.(*lru).after = func() {
			for kind, sum := range sumOf(sharesOf(t, s)) {
				assert.LessOrEqual(t, sum, whole[kind])
			}
		}
		s.balancer.shards[i] = dying{c.(*lru), left}
	}
	return &dying{left: left}
}

func (d dying) ConfigureContext(ctx context.Context, fn func(*diskcache.Settings)) error {
	if d.left.Add(-1) < 0 {
		return errDied
	}
	return d.limited.ConfigureContext(ctx, fn)
}

// TestBalanceAtOnce has several move shares at once: the sum is never more than the whole.
func TestBalanceAtOnce(t *testing.T) {
	whole, keys := amounts{0, 4000}, keysOf(4, 6000)
	s := newModel(t, 4, 1, whole)
	dies(t, s, whole, 1<<30)
	var wg sync.WaitGroup
	for hot := range 4 {
		wg.Go(func() {
			b := newBalancer(s.balancer.shards, s.balancer.notes, nil)
			load := newTraffic(keys, hot)
			for range 25 {
				load.rate(t, s, 1000)
				assert.NoError(t, b.pass(t.Context(), time.Now(), true))
				_, err := b.makeWay(t.Context(), hot, true)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.Close())
}

// TestTicks: what the goroutine does when it is time, and that it ends.
func TestTicks(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, &Options{Shards: 4, Options: diskcache.Options{CountLimit: 100, ManualCompaction: true}})
	require.NoError(t, err)
	before := sharesOf(t, s)
	ticks := make(chan time.Time)
	s.balancer.work.Go(func() { s.balancer.run(ticks) })
	newTraffic(keysOf(4, 300), 2).rate(t, s, 600)
	ticks <- time.Time{}
	ticks <- time.Time{} // the first is done
	require.NotEqual(t, before, sharesOf(t, s))
	require.Greater(t, sharesOf(t, s)[2][items], before[2][items])
	again, err := Open(dir, nil)
	require.NoError(t, err)
	_, news, err := again.balancer.news()
	require.NoError(t, err)
	require.Nil(t, news, "what was before is none of its own")
	require.NoError(t, again.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Balance(t.Context()), diskcache.ErrClosed)
}

// TestCloseEndsBalance: Close does not wait for who waits for a transaction of another.
func TestCloseEndsBalance(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Shards: 2, Options: diskcache.Options{CountLimit: 100, ManualCompaction: true}}
	other, err := Open(dir, o)
	require.NoError(t, err)
	tx, err := other.Begin(t.Context())
	require.NoError(t, err)
	s, err := Open(dir, nil)
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- s.Balance(context.Background()) }()
	require.NoError(t, s.Close())
	require.Error(t, <-ended)
	require.NoError(t, tx.Rollback())
	require.NoError(t, other.Balance(t.Context()))
	require.NoError(t, other.Close())
}

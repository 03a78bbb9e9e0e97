package memory

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/storetest"
	"github.com/stretchr/testify/require"
)

func keysOf(t *testing.T, s *Store) (keys []string) {
	t.Helper()
	for k, err := range s.Scan(diskcache.Range{}) {
		require.NoError(t, err)
		keys = append(keys, k)
	}
	return keys
}

// TestPolicies: what a full store gives up, for each policy that has an exact order.
func TestPolicies(t *testing.T) {
	for policy, want := range map[diskcache.Policy]string{
		diskcache.PolicyFIFO:   "c d a e", // b was stored the longest ago; a was stored anew
		diskcache.PolicyLRU:    "b d a e", // c was neither read nor stored since
		diskcache.PolicyLFU:    "b c a e", // d was used once, as c was, but c was read in addition
		diskcache.PolicyTTL:    "b c a e", // d expires first
		diskcache.PolicyLRUTTL: "b c a e",
	} {
		t.Run(policy.String(), func(t *testing.T) {
			s := New(&Options{CountLimit: 4, Policy: policy})
			defer s.Close()
			for _, k := range []string{"a", "b", "c"} {
				require.NoError(t, s.Set(k, nil))
			}
			if policy == diskcache.PolicyLFU {
				_, err := s.Get("c")
				require.NoError(t, err)
			}
			require.NoError(t, s.Set("d", nil, diskcache.TTL(time.Hour)))
			for _, k := range []string{"b", "b"} {
				_, err := s.Get(k)
				require.NoError(t, err)
			}
			require.NoError(t, s.Set("a", nil))
			if policy == diskcache.PolicyLFU {
				_, err := s.GetAppend("a", nil)
				require.NoError(t, err)
			}
			require.NoError(t, s.Set("e", nil))
			require.ElementsMatch(t, strings.Fields(want), keysOf(t, s))
			st, err := s.Stats()
			require.NoError(t, err)
			require.EqualValues(t, 1, st.Evicted)
		})
	}
}

// TestRefuses: with PolicyNone a full store takes nothing more, but what replaces or is smaller.
func TestRefuses(t *testing.T) {
	clock := storetest.NewClock()
	s := New(&Options{CountLimit: 2, Policy: diskcache.PolicyNone, Now: clock.Now})
	defer s.Close()
	require.NoError(t, s.Set("a", nil))
	require.NoError(t, s.Set("b", nil, diskcache.TTL(time.Second)))
	require.ErrorIs(t, s.Set("c", nil), diskcache.ErrFull)
	require.NoError(t, s.Set("a", []byte("again")))
	require.ErrorIs(t, s.SetMany([]diskcache.KeyValue{{Key: "a", Value: []byte("x")}, {Key: "c"}}), diskcache.ErrFull)
	v, err := s.Get("a")
	require.NoError(t, err)
	require.Equal(t, "again", string(v), "nothing of it was done")
	clock.Advance(time.Second) // what has expired makes room
	require.NoError(t, s.Set("c", nil))
	require.Equal(t, []string{"a", "c"}, keysOf(t, s))
}

// TestLimitsExact: whatever is done, at no moment is there more than the limits allow.
func TestLimitsExact(t *testing.T) {
	for p := diskcache.PolicyS3FIFO; p <= diskcache.PolicyLRUTTL; p++ {
		t.Run(p.String(), func(t *testing.T) {
			clock := storetest.NewClock()
			const size, count = 40_000, 60
			s := New(&Options{SizeLimit: size, CountLimit: count, Policy: p, Now: clock.Now})
			defer s.Close()
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() { // what a reader sees
				for {
					st, err := s.Stats()
					if err != nil || st.LiveBytes > size || st.Items > count {
						t.Errorf("%+v, %v", st, err)
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
			r := rand.New(rand.NewPCG(1, uint64(p)))
			for i := range 5000 {
				key := fmt.Sprint(r.IntN(200))
				switch r.IntN(10) {
				case 0:
					_, err := s.Delete(key)
					require.NoError(t, err)
				case 1, 2, 3:
					if _, err := s.Get(key); err != nil {
						require.ErrorIs(t, err, diskcache.ErrNotFound)
					}
				case 4:
					clock.Advance(time.Millisecond)
					_, err := s.Touch(key, diskcache.TTL(time.Duration(r.IntN(20))*time.Millisecond))
					require.NoError(t, err)
				case 5:
					items := make([]diskcache.KeyValue, r.IntN(20))
					for j := range items {
						items[j] = diskcache.KeyValue{Key: fmt.Sprint(r.IntN(200)), Value: make([]byte, r.IntN(1000))}
					}
					require.NoError(t, s.SetMany(items))
				default:
					require.NoError(t, s.Set(key, make([]byte, r.IntN(2000)), diskcache.Tag(fmt.Sprint(i%3))))
				}
			}
			close(done)
			wg.Wait()
			require.ErrorIs(t, s.Set("big", make([]byte, size)), diskcache.ErrFull)
			before := keysOf(t, s)
			require.NotEmpty(t, before)
			volume := int64(0)
			for it, err := range s.ScanItems(diskcache.Range{}) {
				require.NoError(t, err)
				volume += int64(len(it.Key)+len(it.Value)+len(it.Tag)) + overhead
			}
			_, err := s.Expire()
			require.NoError(t, err)
			is, err := s.Volume()
			require.NoError(t, err)
			require.Equal(t, volume, is, "what is counted is what is there")
			_, err = s.Clear()
			require.NoError(t, err)
			is, err = s.Volume()
			require.NoError(t, err)
			require.Zero(t, is)
		})
	}
}

// TestS3FIFOKeepsWhatIsRead: a walk over much that is read once does not displace what is read
// again and again. LRU would lose all of it.
func TestS3FIFOKeepsWhatIsRead(t *testing.T) {
	s := New(&Options{CountLimit: 1000})
	defer s.Close()
	read := func() (hits int) {
		for i := range 500 {
			k := fmt.Sprint("hot", i)
			if _, err := s.Get(k); err == nil {
				hits++
			} else {
				require.NoError(t, s.Set(k, nil))
			}
		}
		return hits
	}
	for range 4 {
		read()
	}
	for i := range 20_000 {
		require.NoError(t, s.Set(fmt.Sprint("once", i), nil))
		if i%1000 == 0 {
			read()
		}
	}
	require.Greater(t, read(), 450)
}

// TestS3FIFOPromotes: what was read twice goes to main at the end of probation, and what was not
// goes.
func TestS3FIFOPromotes(t *testing.T) {
	s := New(&Options{CountLimit: 100})
	defer s.Close()
	for i := range 20 {
		k := fmt.Sprint(i)
		require.NoError(t, s.Set(k, nil))
		for range i % 4 {
			_, err := s.Get(k)
			require.NoError(t, err)
		}
	}
	for i := range 300 {
		require.NoError(t, s.Set(fmt.Sprint("once", i), nil))
	}
	for i := range 20 {
		ok, err := s.Has(fmt.Sprint(i))
		require.NoError(t, err)
		require.Equal(t, i%4 >= promoteHits, ok, "read %d times", i%4)
	}
}

// TestWaitForExpiry: an item whose time ends while one waits for it ends the wait, at that
// time and not sooner.
func TestWaitForExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(nil)
		defer s.Close()
		require.NoError(t, s.Set("k", nil, diskcache.TTL(time.Hour)))
		it, err := s.Item("k")
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, s.Wait(t.Context(), "k", it.Version))
		require.Equal(t, time.Hour, time.Since(began))
	})
}

// TestWaitSleeps: who waits does nothing, however long it takes.
func TestWaitSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(nil)
		defer s.Close()
		ended := false
		go func() {
			_ = s.Wait(t.Context(), "k", 0)
			ended = true
		}()
		synctest.Wait()
		require.NoError(t, s.Set("other", nil))
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		require.False(t, ended)
		require.NoError(t, s.Set("k", nil))
		synctest.Wait()
		require.True(t, ended)
		require.Zero(t, s.waiters.n.Load())
		require.Empty(t, s.waiters.keys)
	})
}

// TestExpiredGoWithWrites: without limits, and with nobody who calls Expire, what has expired
// does not stay for ever.
func TestExpiredGoWithWrites(t *testing.T) {
	clock := storetest.NewClock()
	s := New(&Options{Now: clock.Now})
	defer s.Close()
	for i := range 1000 {
		require.NoError(t, s.Set(fmt.Sprint(i), nil, diskcache.TTL(time.Second)))
	}
	clock.Advance(time.Second)
	for range 100 {
		require.NoError(t, s.Set("k", nil))
	}
	n, err := s.Len()
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// TestOptions: a limit that cannot be is a mistake of the program.
func TestOptions(t *testing.T) {
	for _, o := range []Options{{SizeLimit: -1}, {CountLimit: -1}, {Policy: -1}, {Policy: diskcache.PolicyNone + 1}} {
		require.Panics(t, func() { New(&o) })
	}
}

// TestSteadyReadAllocatesNothing: GetAppend into room that is there.
func TestSteadyReadAllocatesNothing(t *testing.T) {
	s := New(&Options{CountLimit: 10})
	defer s.Close()
	require.NoError(t, s.Set("k", []byte("value")))
	buf := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf, _ = s.GetAppend("k", buf[:0]) }))
}

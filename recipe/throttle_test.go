package recipe

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// handClock is a clock that stands still until somebody sleeps by it.
type handClock struct {
	now   time.Time
	slept []time.Duration
}

func (c *handClock) Now() time.Time { return c.now }

func (c *handClock) Sleep(ctx context.Context, d time.Duration) error {
	c.slept = append(c.slept, d)
	c.now = c.now.Add(d)
	return ctx.Err()
}

// A throttle lets as many calls through at once as it says, and then one at a time.
func TestThrottleClock(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		c := &handClock{now: time.Unix(1e9, 0)}
		th := NewThrottle(s, "throttle", 4, 2*time.Second, c)
		for range 10 {
			require.NoError(t, th.Wait(t.Context()))
		}
		require.Len(t, c.slept, 6)
		for _, d := range c.slept {
			assert.InDelta(t, 500*time.Millisecond, d, 10)
		}
		ok, err := th.Allow(t.Context())
		require.NoError(t, err)
		assert.False(t, ok)
		c.now = c.now.Add(time.Second)
		for _, want := range []bool{true, true, false} {
			ok, err := th.Allow(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, ok)
		}
		c.now = c.now.Add(time.Hour) // it holds no more than four
		for i := range 5 {
			ok, err := th.Allow(t.Context())
			require.NoError(t, err)
			assert.Equal(t, i < 4, ok)
		}
		c.now = c.now.Add(-time.Hour) // a clock that is set back keeps nobody waiting
		c.slept = nil
		require.NoError(t, th.Wait(t.Context()))
		require.Len(t, c.slept, 1)
		assert.InDelta(t, 500*time.Millisecond, c.slept[0], 10)
	})
}

// Calls of several goroutines are let through in the order in which they came, at the rate.
func TestThrottleOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			order []int
			began = time.Now()
		)
		for i := range 12 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // they come one after the other
				assert.NoError(t, NewThrottle(s, "throttle", 2, time.Second, nil).Wait(t.Context()))
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			})
		}
		wg.Wait()
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, order)
		assert.InDelta(t, 5*time.Second, time.Since(began), 1000)
	})
}

// A call that ends while it waits has taken nothing.
func TestThrottleGivesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		th := NewThrottle(s, "throttle", 1, time.Hour, nil)
		require.NoError(t, th.Wait(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, th.Wait(ctx), context.DeadlineExceeded)
		began := time.Now()
		require.NoError(t, th.Wait(t.Context()))
		assert.InDelta(t, 59*time.Minute, time.Since(began), 1000)
		began = time.Now()
		cancel()
		assert.Error(t, th.Wait(ctx), "a context that has ended is not asked")
		assert.Zero(t, time.Since(began))
	})
}

// Nothing is left of a throttle that is full, and one that was removed is full.
func TestThrottleForgets(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		th := NewThrottle(s, "throttle", 5, time.Second, nil)
		require.NoError(t, th.Wait(t.Context()))
		has, err := s.Has("throttle")
		require.NoError(t, err)
		assert.True(t, has)
		time.Sleep(time.Second)
		has, err = s.Has("throttle")
		require.NoError(t, err)
		assert.False(t, has)
		require.NoError(t, th.Wait(t.Context()))
	})
}

func TestThrottleBadInput(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		for _, th := range []*Throttle{
			NewThrottle(s, "throttle", 0, time.Second, nil), NewThrottle(s, "throttle", 1, 0, nil), NewThrottle(s, "throttle", -1, -1, nil),
		} {
			assert.ErrorIs(t, th.Wait(t.Context()), diskcache.ErrOption)
			_, err := th.Allow(t.Context())
			assert.ErrorIs(t, err, diskcache.ErrOption)
		}
		require.NoError(t, s.Set("throttle", []byte("my diary")))
		assert.ErrorIs(t, NewThrottle(s, "throttle", 1, 1, nil).Wait(t.Context()), ErrForeign)
		s.broken.Store(true)
		assert.ErrorIs(t, NewThrottle(s, "other", 1, 1, nil).Wait(t.Context()), errBroken)
		s.broken.Store(false)
		assert.False(t, errors.Is(NewThrottle(s, "other", 1, 1, nil).Wait(t.Context()), errBroken))
	})
}

// A throttle of less than one call in a lifetime lets none through but the first; what it would have
// them wait is more than a Duration holds.
func TestThrottleSlow(t *testing.T) {
	for _, per := range []time.Duration{math.MaxInt64, 200 * 365 * 24 * time.Hour} {
		s := memory.New(nil)
		clock := &handClock{now: time.Now()}
		th := NewThrottle(s, "k", 1, per, clock)
		for i := range 3 {
			ok, err := th.Allow(t.Context())
			require.NoError(t, err)
			require.Equal(t, i == 0, ok, "%v: %d", per, i)
		}
		for i := range 3 {
			wait, _, err := th.take(t.Context(), 1, true)
			require.NoError(t, err)
			require.GreaterOrEqual(t, wait, per, "%v: %d", per, i)
		}
		require.NoError(t, s.Close())
	}
}

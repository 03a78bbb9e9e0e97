package recipe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

func acquired(t *testing.T, a Acquirer) *Hold {
	t.Helper()
	h, err := a.Acquire(t.Context())
	require.NoError(t, err)
	return h
}

// refused checks that something is held by others.
func refused(t *testing.T, a acquirer, why ...any) {
	t.Helper()
	h, err := a.TryAcquire(t.Context())
	assert.ErrorIs(t, err, ErrHeld, why...)
	if err == nil {
		assert.NoError(t, h.Release())
	}
}

// A read and a write that are two operations are one under a lock.
func TestLockExcludes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		var wg sync.WaitGroup
		inside := 0
		for range 8 {
			wg.Go(func() {
				l := NewLock(s, "lock", time.Minute)
				for range 20 {
					h, err := l.Acquire(t.Context())
					if !assert.NoError(t, err) {
						return
					}
					inside++
					assert.Equal(t, 1, inside)
					time.Sleep(time.Second)
					inside--
					assert.NoError(t, h.Release())
				}
			})
		}
		wg.Wait()
		has, err := s.Has("lock")
		require.NoError(t, err)
		assert.False(t, has, "nothing is left of a lock that nobody holds")
	})
}

// Many find a lock free at once, and one of them gets in.
func TestLockAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		s.delay.Store(int64(time.Second))
		var wg sync.WaitGroup
		var in atomic.Int64
		for range 5 {
			wg.Go(func() {
				h, err := NewLock(s, "lock", time.Minute).TryAcquire(t.Context())
				if err != nil {
					assert.ErrorIs(t, err, ErrHeld)
					return
				}
				in.Add(1)
				time.Sleep(time.Minute)
				assert.NoError(t, h.Release())
			})
		}
		wg.Wait()
		assert.Equal(t, int64(1), in.Load())
	})
}

// A live holder keeps its lock for as long as it likes, and a dead one until its lease is over.
func TestLockLease(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		l := NewLock(s, "lock", lease)
		h := acquired(t, l)
		for range 50 {
			time.Sleep(lease)
			refused(t, l)
			held, err := l.Held()
			require.NoError(t, err)
			require.True(t, held)
			require.NoError(t, h.Context().Err())
		}
		died := time.Now()
		h.die()
		h = acquired(t, l)
		assert.LessOrEqual(t, time.Since(died), lease)
		assert.Greater(t, time.Since(died), lease/2, "the last renewal is not older than a third")
		require.NoError(t, h.Release())
	})
}

// Who waits sleeps: it does something when the lock changes, and only then.
func TestLockDoesNotSpin(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		l := NewLock(s, "lock", lease)
		h := acquired(t, l)
		got := make(chan *Hold)
		go func() {
			h, err := l.Acquire(t.Context())
			assert.NoError(t, err)
			got <- h
		}()
		synctest.Wait()
		s.asked.Store(0)
		time.Sleep(100 * lease)
		synctest.Wait()
		assert.LessOrEqual(t, s.asked.Load(), int64(3*100*3+10), "each renewal, what wakes of it looks, and waits again")
		released := time.Now()
		require.NoError(t, h.Release())
		h = <-got
		assert.Zero(t, time.Since(released), "who waits is woken at once")
		require.NoError(t, h.Release())
	})
}

// A holder that cannot renew is told before anybody else gets in.
func TestLockLost(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		l := NewLock(s, "lock", lease)
		h := acquired(t, l)
		time.Sleep(10 * lease)
		s.broken.Store(true)
		broken := time.Now()
		<-h.Context().Done()
		assert.ErrorIs(t, context.Cause(h.Context()), ErrLost)
		assert.Less(t, time.Since(broken), lease)
		s.broken.Store(false)
		refused(t, l, "it was told before the lease was over")
		next := acquired(t, l)
		assert.Greater(t, next.Token(), h.Token())
		err := h.Release()
		assert.ErrorIs(t, err, ErrLost)
		assert.ErrorIs(t, err, ErrNotHeld)
		refused(t, l, "the release of a lost lock leaves that of another alone")
		require.NoError(t, next.Release())
	})
}

// An error that passes does not cost the lock.
func TestLockSurvivesAnError(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		h := acquired(t, NewLock(s, "lock", lease))
		for range 10 {
			s.broken.Store(true)
			time.Sleep(lease / 4) // one renewal fails at most
			s.broken.Store(false)
			time.Sleep(lease)
			require.NoError(t, h.Context().Err())
		}
		require.NoError(t, h.Release())
	})
}

// A lock that somebody has removed is lost, which its holder hears at the next renewal.
func TestLockRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		h := acquired(t, NewLock(s, "lock", lease))
		removed := time.Now()
		_, err := s.Clear()
		require.NoError(t, err)
		<-h.Context().Done()
		assert.ErrorIs(t, context.Cause(h.Context()), ErrLost)
		assert.LessOrEqual(t, time.Since(removed), lease/3)
		assert.ErrorIs(t, h.Release(), ErrLost)
	})
}

// A lost hold stays lost, though nobody has come in the meantime: it was told so.
func TestLockLostAndAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		acquiredAt := time.Now()
		h := acquired(t, NewLock(s, "lock", time.Second))
		s.broken.Store(true)
		<-h.Context().Done()
		assert.Less(t, time.Since(acquiredAt), time.Second, "it was never renewed")
		s.broken.Store(false)
		assert.ErrorIs(t, h.Release(), ErrLost)
	})
}

func TestReleaseTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		for _, a := range acquirers(s) {
			h := acquired(t, a)
			require.NoError(t, h.Release())
			assert.ErrorIs(t, context.Cause(h.Context()), context.Canceled)
			err := h.Release()
			assert.ErrorIs(t, err, ErrNotHeld, "%T", a)
			assert.NotErrorIs(t, err, ErrLost, "%T", a)
			other := acquired(t, a)
			assert.ErrorIs(t, h.Release(), ErrNotHeld, "%T: it releases nothing of others", a)
			require.NoError(t, other.Context().Err())
			require.NoError(t, other.Release())
		}
	})
}

// acquirers is one of each kind, each for one holder at a time.
func acquirers(s diskcache.Store) []Acquirer {
	return []Acquirer{NewLock(s, "lock", 0), NewRLock(s, "rlock", "", 0), NewSemaphore(s, "semaphore", 1, 0)}
}

// Tokens grow from holder to holder, also where they die.
func TestToken(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		l := NewLock(s, "lock", time.Second)
		last := uint64(0)
		for i := range 20 {
			h := acquired(t, l)
			require.Greater(t, h.Token(), last)
			last = h.Token()
			time.Sleep(5 * time.Second)
			if i%2 == 0 {
				h.die()
				continue
			}
			require.NoError(t, h.Release())
		}
	})
}

// Who comes so late from storing that its lease is over has not got in, nor has it the token of who has.
func TestLockEnteredTooLate(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = time.Second
		slow := &lateItem{Store: s, late: 2 * lease}
		got := make(chan *Hold)
		go func() {
			h, err := NewLock(slow, "lock", lease).Acquire(t.Context())
			assert.NoError(t, err)
			got <- h
		}()
		time.Sleep(lease + lease/2) // it has entered, and its lease is over
		other := acquired(t, NewLock(s, "lock", lease))
		time.Sleep(lease)
		require.NoError(t, other.Release())
		h := <-got
		assert.NoError(t, h.Context().Err())
		assert.Greater(t, h.Token(), other.Token())
		require.NoError(t, h.Release())
	})
}

// lateItem is a store that is late with the first item that it has.
type lateItem struct {
	diskcache.Store
	late time.Duration
}

func (s *lateItem) Item(key string) (diskcache.Item, error) {
	it, err := s.Store.Item(key)
	if err == nil && s.late > 0 {
		time.Sleep(s.late)
		s.late = 0
		it, err = s.Store.Item(key)
	}
	return it, err
}

// Waiting ends with its context, says so, and leaves nothing behind.
func TestAcquireEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		for _, a := range acquirers(s) {
			h := acquired(t, a)
			if r, ok := a.(*RLock); ok {
				a = NewRLock(s, r.l.key, "another", 0)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			began := time.Now()
			_, err := a.Acquire(ctx)
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Hour, time.Since(began))
			why := errors.New("enough")
			ctx, stop := context.WithCancelCause(t.Context())
			stop(why)
			_, err = a.Acquire(ctx)
			assert.ErrorIs(t, err, why)
			require.NoError(t, h.Release())
			h = acquired(t, a)
			require.NoError(t, h.Release())
		}
	})
}

// The context that ends the waiting does not end the hold, which has its values.
func TestHoldContext(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		type key struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		h, err := NewLock(s, "lock", time.Second).Acquire(ctx)
		require.NoError(t, err)
		cancel()
		time.Sleep(time.Minute)
		require.NoError(t, h.Context().Err())
		assert.Equal(t, "value", h.Context().Value(key{}))
		require.NoError(t, h.Release())
	})
}

// What is no lock is not made one.
func TestForeignValue(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		for _, key := range []string{"lock", "rlock", "semaphore"} {
			require.NoError(t, s.Set(key, []byte("my diary")))
		}
		for _, a := range acquirers(s) {
			_, err := a.Acquire(t.Context())
			assert.ErrorIs(t, err, ErrForeign)
			assert.Regexp(t, `"(r?lock|semaphore)"`, err.Error())
		}
		v, err := s.Get("lock")
		require.NoError(t, err)
		assert.Equal(t, "my diary", string(v))
	})
}

// Leases of any length are made ones that can be kept.
func TestLeaseLengths(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		for given, want := range map[time.Duration]time.Duration{
			-1: DefaultLease, 0: DefaultLease, 1: shortestLease, time.Hour: time.Hour, 1<<63 - 1: longestLease,
		} {
			l := NewLock(s, fmt.Sprint(given), given)
			assert.Equal(t, want, l.l.length)
			h := acquired(t, l)
			require.NoError(t, h.Release())
		}
	})
}

// Its owner enters an RLock as often as it likes, and others when it has left as often.
func TestRLock(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		mine, also, other := NewRLock(s, "lock", "me", 0), NewRLock(s, "lock", "me", 0), NewRLock(s, "lock", "", 0)
		holds := []*Hold{acquired(t, mine), acquired(t, also), acquired(t, mine)}
		for i, h := range holds {
			refused(t, other, i)
			require.NoError(t, h.Release())
			assert.ErrorIs(t, h.Release(), ErrNotHeld, "it does not release the others")
		}
		theirs := acquired(t, other)
		refused(t, mine)
		again := acquired(t, other)
		require.NoError(t, theirs.Release())
		require.NoError(t, again.Release())
		has, err := s.Has("lock")
		require.NoError(t, err)
		assert.False(t, has)
	})
}

// What an owner held that died is free when its lease is over, though the same owner lives elsewhere
// and renews what it holds there.
func TestRLockDead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		mine, other := NewRLock(s, "lock", "me", lease), NewRLock(s, "lock", "", lease)
		dead := []*Hold{acquired(t, mine), acquired(t, mine)}
		alive := acquired(t, NewRLock(s, "lock", "me", lease))
		for _, h := range dead {
			h.die()
		}
		time.Sleep(10 * lease)
		require.NoError(t, alive.Context().Err())
		refused(t, other)
		again := acquired(t, mine)
		require.NoError(t, alive.Release())
		refused(t, other)
		require.NoError(t, again.Release())
		theirs, err := other.TryAcquire(t.Context())
		require.NoError(t, err, "nobody lives who holds it")
		require.NoError(t, theirs.Release())
	})
}

// Each hold is lost by itself: what its owner holds besides stays.
func TestRLockLostAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		lost := acquired(t, NewRLock(s, "lock", "me", lease))
		time.Sleep(lease / 2)
		kept := acquired(t, NewRLock(s, "lock", "me", 10*lease))
		s.broken.Store(true)
		<-lost.Context().Done()
		s.broken.Store(false)
		time.Sleep(2 * lease)
		require.NoError(t, kept.Context().Err())
		assert.ErrorIs(t, lost.Release(), ErrLost)
		refused(t, NewRLock(s, "lock", "", lease))
		require.NoError(t, kept.Release())
	})
}

// Who was too late and comes again has a hold of its own: the one that was lost stays lost.
func TestRLockLost(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		l := NewRLock(s, "lock", "me", 3*time.Second)
		lost, too := acquired(t, l), acquired(t, l)
		_, err := s.Delete("lock")
		require.NoError(t, err)
		again := acquired(t, l)
		time.Sleep(3 * time.Second)
		assert.ErrorIs(t, context.Cause(lost.Context()), ErrLost)
		assert.ErrorIs(t, context.Cause(too.Context()), ErrLost)
		assert.ErrorIs(t, lost.Release(), ErrLost)
		assert.ErrorIs(t, too.Release(), ErrLost)
		require.NoError(t, again.Context().Err())
		require.NoError(t, again.Release())
	})
}

// There are never more holders than there is room for, and all room is used.
func TestSemaphore(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const n = 3
		p := NewSemaphore(s, "semaphore", n, time.Minute)
		var wg sync.WaitGroup
		var mu sync.Mutex
		inside, most := 0, 0
		began := time.Now()
		for range 30 {
			wg.Go(func() {
				h, err := p.Acquire(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				inside--
				mu.Unlock()
				assert.NoError(t, h.Release())
			})
		}
		wg.Wait()
		assert.Equal(t, n, most)
		assert.Equal(t, 10*time.Second, time.Since(began))
		free, err := p.Free()
		require.NoError(t, err)
		assert.Equal(t, n, free)
	})
}

// The room of a dead holder is free when its lease is over, though others renew theirs.
func TestSemaphoreLease(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		p := NewSemaphore(s, "semaphore", 2, lease)
		alive := acquired(t, p)
		time.Sleep(lease / 6) // its renewals fall between the end of the other lease
		dead := acquired(t, p)
		refused(t, p)
		died := time.Now()
		dead.die()
		next := acquired(t, p)
		assert.Equal(t, lease, time.Since(died))
		free, err := p.Free()
		require.NoError(t, err)
		assert.Zero(t, free)
		require.NoError(t, alive.Release())
		require.NoError(t, next.Release())
	})
}

func TestSemaphoreOfNone(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		for _, n := range []int{0, -1} {
			p := NewSemaphore(s, "semaphore", n, 0)
			_, err := p.Acquire(t.Context())
			assert.ErrorIs(t, err, diskcache.ErrOption)
			_, err = p.TryAcquire(t.Context())
			assert.ErrorIs(t, err, diskcache.ErrOption)
		}
	})
}

// A barrier lets one call in at a time, and out of it whatever happens there.
func TestBarrier(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		l := NewLock(s, "lock", lease)
		failed := errors.New("failed")
		require.ErrorIs(t, Barrier(l, func(context.Context) error {
			held, err := l.Held()
			return errors.Join(err, failed, map[bool]error{false: errors.New("not held")}[held])
		})(t.Context()), failed)
		require.PanicsWithValue(t, "oh", func() {
			_ = Barrier(l, func(context.Context) error { panic("oh") })(t.Context())
		})
		held, err := l.Held()
		require.NoError(t, err)
		require.False(t, held)

		// Its context ends with the one given.
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, Barrier(l, func(ctx context.Context) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})(ctx), context.Canceled)

		// And when the lock is lost.
		err = Barrier(l, func(ctx context.Context) error {
			_, err := s.Clear()
			require.NoError(t, err)
			<-ctx.Done()
			return context.Cause(ctx)
		})(t.Context())
		require.ErrorIs(t, err, ErrLost)
		require.Equal(t, 2, strings.Count(err.Error(), "lost"), "what fn says and what Release does: %v", err)
	})
}

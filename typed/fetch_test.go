package typed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/stretchr/testify/require"
)

var errLoad = errors.New("cannot load")

type ctxKey struct{}

// world is a store in a bubble, and views of it as two processes would have them.
type world struct {
	*testing.T
	m      *memory.Store
	a, b   *Store[string, string]
	calls  atomic.Int64
	failed []error
}

func bubble(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, m: memory.New(nil)}
		o := &Options[string]{Failed: func(_ string, err error) { w.failed = append(w.failed, err) }}
		w.a, w.b = New(w.m, String(), Strings[string](), o), New(w.m, String(), Strings[string](), o)
		test(w)
		require.NoError(t, w.a.Close())
		require.NoError(t, w.b.Close())
		require.NoError(t, w.m.Close())
	})
}

// slow is a load that takes a second; its values are numbered.
func (w *world) slow(ctx context.Context) (string, error) {
	n := w.calls.Add(1)
	select {
	case <-time.After(time.Second):
		return fmt.Sprint("v", n), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (w *world) is(s *Store[string, string], want string, o *FetchOptions) {
	w.Helper()
	v, err := s.Fetch(w.Context(), "k", w.slow, o)
	require.NoError(w, err)
	require.Equal(w, want, v)
}

func (w *world) called(n int64) {
	w.Helper()
	synctest.Wait()
	require.Equal(w, n, w.calls.Load())
}

func TestFetchOnce(t *testing.T) {
	bubble(t, func(w *world) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { w.is(w.a, "v1", nil) })
		}
		wg.Wait()
		w.is(w.a, "v1", nil)
		w.called(1)
		v, err := w.a.Get("k")
		require.NoError(w, err)
		require.Equal(w, "v1", v)
		require.Empty(w, w.a.flights)
		it, err := w.m.Item("k")
		require.NoError(w, err)
		require.True(w, it.Expires.IsZero())
	})
}

func TestFetchTTL(t *testing.T) {
	bubble(t, func(w *world) {
		o := &FetchOptions{TTL: time.Minute, Set: []diskcache.SetOption{diskcache.Tag("t"), diskcache.TTL(1), diskcache.Kind(1)}}
		w.is(w.a, "v1", o)
		time.Sleep(time.Minute - 1)
		w.is(w.a, "v1", o)
		time.Sleep(time.Nanosecond)
		w.is(w.a, "v2", o)
		n, err := w.m.EvictTag("t")
		require.NoError(w, err)
		require.Equal(w, 1, n)
		w.is(w.a, "v3", o)
	})
}

// TestFetchError: an error is not stored, and goes to all who wait.
func TestFetchError(t *testing.T) {
	bubble(t, func(w *world) {
		load := func(context.Context) (string, error) {
			w.calls.Add(1)
			time.Sleep(time.Second)
			return "x", errLoad
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				_, err := w.a.Fetch(w.Context(), "k", load, &FetchOptions{Missing: time.Hour})
				require.ErrorIs(w, err, errLoad)
			})
		}
		wg.Wait()
		w.called(1)
		w.is(w.a, "v2", &FetchOptions{Missing: time.Hour})
	})
}

// TestFetchCancelled: who is cancelled leaves; the load goes on while anyone waits, and ends
// when nobody does.
func TestFetchCancelled(t *testing.T) {
	bubble(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.WithValue(w.Context(), ctxKey{}, "mine"))
		ended := make(chan error, 3)
		var loaded context.Context
		load := func(ctx context.Context) (string, error) {
			loaded = ctx
			return w.slow(ctx)
		}
		go func() {
			_, err := w.a.Fetch(ctx, "k", load, nil)
			ended <- err
		}()
		synctest.Wait()
		for range 2 {
			go func() {
				_, err := w.a.Fetch(w.Context(), "k", load, nil)
				ended <- err
			}()
		}
		synctest.Wait()
		cancel()
		require.ErrorIs(w, <-ended, context.Canceled)
		synctest.Wait()
		require.NoError(w, loaded.Err(), "two are waiting")
		require.Equal(w, "mine", loaded.Value(ctxKey{}))
		require.NoError(w, <-ended)
		require.NoError(w, <-ended)
		w.called(1)

		_, err := w.a.Delete("k")
		require.NoError(w, err)
		ctx, cancel = context.WithCancel(w.Context())
		go func() {
			_, err := w.a.Fetch(ctx, "k", load, nil)
			ended <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(w, <-ended, context.Canceled)
		synctest.Wait()
		require.Error(w, loaded.Err(), "nobody waits")
		_, err = w.a.Get("k")
		require.ErrorIs(w, err, diskcache.ErrNotFound)
		w.is(w.a, "v3", nil)

		_, err = w.a.Fetch(ctx, "other", load, nil)
		require.ErrorIs(w, err, context.Canceled)
		v, err := w.a.Fetch(ctx, "k", load, nil)
		require.NoError(w, err, "what is there needs no waiting")
		require.Equal(w, "v3", v)
		w.called(3)
	})
}

// TestFetchPanics: a load that panics does so in the Fetch that began it, and is an error to
// the others.
func TestFetchPanics(t *testing.T) {
	bubble(t, func(w *world) {
		load := func(context.Context) (string, error) {
			time.Sleep(time.Second)
			panic(errLoad)
		}
		panicked := make(chan any)
		go func() {
			defer func() { panicked <- recover() }()
			_, _ = w.a.Fetch(w.Context(), "k", load, &FetchOptions{Lease: time.Hour})
		}()
		synctest.Wait()
		ended := make(chan error)
		go func() {
			_, err := w.a.Fetch(w.Context(), "k", load, nil)
			ended <- err
		}()
		p, ok := (<-panicked).(*PanicError)
		require.True(w, ok)
		require.Equal(w, errLoad, p.Value)
		require.Contains(w, string(p.Stack), "TestFetchPanics")
		err := <-ended
		require.ErrorAs(w, err, &p)
		require.ErrorIs(w, err, errLoad)
		began := time.Now()
		w.is(w.b, "v1", &FetchOptions{Lease: time.Hour})
		require.Equal(w, time.Second, time.Since(began), "the lease was given up")
	})
}

func TestFetchGoexit(t *testing.T) {
	bubble(t, func(w *world) {
		_, err := w.a.Fetch(w.Context(), "k", func(context.Context) (string, error) {
			runtime.Goexit()
			return "", nil
		}, nil)
		require.ErrorIs(w, err, ErrGoexit)
		w.is(w.a, "v1", nil)
	})
}

func TestFetchMissing(t *testing.T) {
	bubble(t, func(w *world) {
		o := &FetchOptions{Missing: time.Minute}
		load := func(context.Context) (string, error) {
			w.calls.Add(1)
			return "", fmt.Errorf("no such user: %w", diskcache.ErrNotFound)
		}
		_, err := w.a.Fetch(w.Context(), "k", load, o)
		require.ErrorContains(w, err, "no such user")
		_, err = w.a.Fetch(w.Context(), "k", load, o)
		require.Equal(w, ErrMissing, err)
		require.ErrorIs(w, err, diskcache.ErrNotFound)
		_, err = w.b.Fetch(w.Context(), "k", load, o)
		require.Equal(w, ErrMissing, err)
		w.called(1)
		for range w.a.All(diskcache.Range{}) {
			w.Fatal("what Fetch notes is no item")
		}
		require.NoError(w, w.a.Set("k", "set")) // what is there counts
		w.is(w.a, "set", o)
		_, err = w.a.Delete("k")
		require.NoError(w, err)
		time.Sleep(time.Minute)
		w.is(w.a, "v2", o)
	})
}

// TestFetchStale: what is stale is served at once while one loads it anew.
func TestFetchStale(t *testing.T) {
	bubble(t, func(w *world) {
		o := &FetchOptions{TTL: time.Minute, Stale: time.Minute}
		w.is(w.a, "v1", o)
		time.Sleep(time.Minute)
		began := time.Now()
		for range 10 {
			w.is(w.a, "v1", o)
		}
		require.Zero(w, time.Since(began))
		w.called(2)
		time.Sleep(time.Second)
		synctest.Wait()
		w.is(w.a, "v2", o)
		time.Sleep(2 * time.Minute)
		began = time.Now()
		w.is(w.a, "v3", o)
		require.Equal(w, time.Second, time.Since(began), "beyond Stale nothing is served")

		// The error of a refresh is told, and what is stale stays.
		time.Sleep(time.Minute)
		for _, load := range []Load[string]{
			func(context.Context) (string, error) { return "", errLoad },
			func(context.Context) (string, error) { panic(errLoad) },
		} {
			v, err := w.a.Fetch(w.Context(), "k", load, o)
			require.NoError(w, err)
			require.Equal(w, "v3", v)
			synctest.Wait()
			require.Len(w, w.failed, 1)
			require.ErrorIs(w, w.failed[0], errLoad)
			w.failed = nil
		}
	})
}

// TestFetchLease: of all processes one loads.
func TestFetchLease(t *testing.T) {
	bubble(t, func(w *world) {
		o := &FetchOptions{TTL: time.Minute, Stale: time.Minute, Lease: 10 * time.Second}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { w.is(w.a, "v1", o) })
			wg.Go(func() { w.is(w.b, "v1", o) })
		}
		wg.Wait()
		w.called(1)
		n, err := w.m.Len()
		require.NoError(w, err)
		require.Equal(w, 1, n, "the lease was given up")

		time.Sleep(time.Minute)
		w.is(w.a, "v1", o)
		synctest.Wait()
		w.is(w.b, "v1", o)
		w.called(2)
		time.Sleep(time.Second)
		synctest.Wait()
		w.is(w.b, "v2", o)
		require.Empty(w, w.failed)

		// One that dies has its lease no longer than that.
		_, err = w.m.Clear()
		require.NoError(w, err)
		require.NoError(w, w.m.Set(auxLease+"k", []byte("dead"), diskcache.TTL(10*time.Second)))
		began := time.Now()
		w.is(w.a, "v3", o)
		require.Equal(w, 11*time.Second, time.Since(began))

		// One whose load takes longer has lost it, and does not take it from another.
		_, err = w.m.Clear()
		require.NoError(w, err)
		wg.Go(func() {
			_, err := w.a.Fetch(w.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(15 * time.Second)
				return "slow", nil
			}, o)
			require.NoError(w, err)
		})
		synctest.Wait()
		wg.Go(func() {
			_, err := w.b.Fetch(w.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(9 * time.Second)
				return "second", nil
			}, o)
			require.NoError(w, err)
		})
		time.Sleep(16 * time.Second)
		synctest.Wait()
		ok, err := w.m.Has(auxLease + "k")
		require.NoError(w, err)
		require.True(w, ok, "it is the other's")
		wg.Wait()
	})
}

// TestFetchEarly: the chance to load anew is the one of the paper: for a draw r, at the time
// at which cost * beta * -ln(r) is left.
func TestFetchEarly(t *testing.T) {
	bubble(t, func(w *world) {
		o := &FetchOptions{TTL: time.Minute, Early: 2}
		draw := 0.0
		w.a.random = func() float64 { return draw }
		w.is(w.a, "v1", o) // took a second
		stored := time.Now()
		ahead := func(r float64) time.Duration { return time.Duration(-2 * math.Log(r) * float64(time.Second)) }
		draw = 1 - 0.5
		time.Sleep(time.Minute - ahead(0.5) - time.Millisecond)
		w.is(w.a, "v1", o)
		w.called(1)
		draw = 1 - 0.49
		w.is(w.a, "v1", o)
		w.called(2)
		require.Less(w, time.Since(stored), time.Minute)
		time.Sleep(time.Second)
		synctest.Wait()
		w.is(w.a, "v2", o)

		// How often, over many draws: that it is e^(-left/cost/beta).
		draw = 0
		l := &loading[string, string]{s: w.a, o: *o}
		tr := trailer{fresh: time.Now().Add(4 * time.Second), cost: time.Second}
		due := 0
		for i := range 10_000 {
			draw = (float64(i) + 0.5) / 10_000
			if l.due(tr) {
				due++
			}
		}
		require.InDelta(w, 10_000*math.Exp(-2), due, 2)
	})
}

// TestFetchEarlyWithLease: the chance is drawn once, not once more with the lease.
func TestFetchEarlyWithLease(t *testing.T) {
	bubble(t, func(w *world) {
		o := &FetchOptions{TTL: time.Minute, Early: 1, Lease: time.Minute}
		w.is(w.a, "v1", o)
		draws := []float64{0.999999999999, 0, 0, 0}
		w.a.random = func() float64 {
			d := draws[0]
			draws = draws[1:]
			return d
		}
		time.Sleep(time.Minute - 5*time.Second)
		w.is(w.a, "v1", o)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.called(2)
		w.is(w.a, "v2", o)
	})
}

// TestClose ends what is under way.
func TestClose(t *testing.T) {
	bubble(t, func(w *world) {
		s := New(w.m, String(), Strings[string](), nil)
		ended := make(chan error)
		go func() {
			_, err := s.Fetch(w.Context(), "k", func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			}, nil)
			ended <- err
		}()
		synctest.Wait()
		require.NoError(w, w.m.Set("there", []byte("v")))
		go func() { ended <- s.Close() }()
		for range 2 {
			if err := <-ended; err != nil {
				require.ErrorIs(w, err, context.Canceled)
			}
		}
		_, err := s.Fetch(w.Context(), "k", w.slow, nil)
		require.ErrorIs(w, err, diskcache.ErrClosed)
		v, err := s.Fetch(w.Context(), "there", w.slow, nil)
		require.NoError(w, err)
		require.Equal(w, "v", v)
		require.ErrorIs(w, s.Close(), diskcache.ErrClosed)
	})
}

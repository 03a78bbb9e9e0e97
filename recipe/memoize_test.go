package recipe

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

func name(arg string) string { return "f/" + arg }

// both runs a test with and without a lease.
func both(t *testing.T, test func(t *testing.T, s *watched, lease time.Duration)) {
	for _, lease := range []time.Duration{0, 3 * time.Second} {
		t.Run(lease.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *watched) { test(t, s, lease) })
		})
	}
}

// free fails if anything but the keys given is in the store.
func free(t *testing.T, s *watched, keys ...string) {
	t.Helper()
	found := []string{}
	for k, err := range s.Scan(diskcache.Range{}) {
		require.NoError(t, err)
		found = append(found, k)
	}
	assert.Equal(t, append([]string{}, keys...), found)
}

func TestMemoize(t *testing.T) {
	both(t, func(t *testing.T, s *watched, lease time.Duration) {
		calls := 0
		m := Memoize(s, name, func(_ context.Context, arg string) ([]byte, error) {
			calls++
			if arg == "none" {
				return nil, nil
			}
			return []byte("of " + arg), nil
		}, &MemoOptions{Set: []diskcache.SetOption{diskcache.TTL(time.Hour)}, Lease: lease})
		for range 3 {
			v, err := m.Call(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, "of a", string(v))
			v, err = m.Call(t.Context(), "none")
			require.NoError(t, err)
			require.Equal(t, []byte{}, v, "an empty result is one")
		}
		assert.Equal(t, 2, calls)
		assert.Equal(t, "f/a", m.Key("a"))
		free(t, s, "f/a", "f/none")
		forgot, err := m.Forget("a")
		require.NoError(t, err)
		assert.True(t, forgot)
		forgot, err = m.Forget("a")
		require.NoError(t, err)
		assert.False(t, forgot)
		_, err = m.Call(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, 3, calls)
		time.Sleep(time.Hour)
		_, err = m.Call(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, 4, calls)
	})
}

// With a lease one call loads, however many ask, and however long it takes.
func TestMemoizeOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		calls := 0
		var wg sync.WaitGroup
		for range 20 {
			m := Memoize(s, name, func(context.Context, string) ([]byte, error) {
				calls++
				time.Sleep(time.Hour)
				return []byte("slow"), nil
			}, &MemoOptions{Lease: time.Minute})
			wg.Go(func() {
				v, err := m.Call(t.Context(), "a")
				assert.NoError(t, err)
				assert.Equal(t, "slow", string(v))
			})
		}
		wg.Wait()
		assert.Equal(t, 1, calls)
		free(t, s, "f/a")
	})
}

// Of a load that fails, panics or is cancelled nothing stays, and the next call loads.
func TestMemoizeLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, s *watched, lease time.Duration) {
		var load func(ctx context.Context) ([]byte, error)
		m := Memoize(s, name, func(ctx context.Context, _ string) ([]byte, error) { return load(ctx) }, &MemoOptions{Lease: lease})

		failed := errors.New("failed")
		load = func(context.Context) ([]byte, error) { return []byte("part"), failed }
		_, err := m.Call(t.Context(), "a")
		require.ErrorIs(t, err, failed)
		free(t, s)

		load = func(context.Context) ([]byte, error) { panic("oh") }
		require.PanicsWithValue(t, "oh", func() { _, _ = m.Call(t.Context(), "a") })
		free(t, s)

		ctx, cancel := context.WithCancel(t.Context())
		load = func(ctx context.Context) ([]byte, error) {
			cancel()
			<-ctx.Done()
			return []byte("part"), nil
		}
		v, err := m.Call(ctx, "a")
		require.ErrorIs(t, err, context.Canceled)
		require.Nil(t, v)
		free(t, s)

		load = func(context.Context) ([]byte, error) { return []byte("whole"), nil }
		v, err = m.Call(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "whole", string(v))
	})
}

// Who loads and dies keeps nobody waiting for longer than its lease.
func TestMemoizeDeadLoader(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		const lease = 3 * time.Second
		dead := acquired(t, NewLock(s, name("a")+lockSuffix, lease))
		dead.die()
		began := time.Now()
		m := Memoize(s, name, func(context.Context, string) ([]byte, error) { return []byte("v"), nil }, &MemoOptions{Lease: lease})
		v, err := m.Call(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "v", string(v))
		assert.LessOrEqual(t, time.Since(began), lease)
	})
}

// A damaged result is loaded anew; what else the store says is returned.
func TestMemoizeStoreErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		bad := &failing{Store: s, err: &diskcache.CorruptError{File: "f"}}
		m := Memoize[string](bad, name, func(context.Context, string) ([]byte, error) { return []byte("v"), nil }, nil)
		v, err := m.Call(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "v", string(v))
		bad.err = diskcache.ErrClosed
		_, err = m.Call(t.Context(), "a")
		assert.ErrorIs(t, err, diskcache.ErrClosed)
	})
}

// failing is a store that cannot be read.
type failing struct {
	diskcache.Store
	err error
}

func (f *failing) Get(string) ([]byte, error) { return nil, f.err }

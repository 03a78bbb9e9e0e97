package recipe

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

func TestAverager(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		a := NewAverager(s, "mean", diskcache.TTL(time.Hour), diskcache.Tag("t"))
		_, err := a.Mean()
		require.ErrorIs(t, err, diskcache.ErrNotFound)
		_, err = a.Pop()
		require.ErrorIs(t, err, diskcache.ErrNotFound)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				assert.NoError(t, NewAverager(s, "mean", diskcache.TTL(time.Hour), diskcache.Tag("t")).Add(float64(i)))
			})
		}
		wg.Wait()
		mean, err := a.Mean()
		require.NoError(t, err)
		assert.Equal(t, 49.5, mean)
		it, err := s.Item("mean")
		require.NoError(t, err)
		assert.Equal(t, "t", it.Tag)
		mean, err = a.Pop()
		require.NoError(t, err)
		assert.Equal(t, 49.5, mean)
		_, err = a.Mean()
		require.ErrorIs(t, err, diskcache.ErrNotFound)

		require.NoError(t, a.Add(1))
		time.Sleep(time.Hour)
		require.NoError(t, a.Add(3), "what has expired is no part of the mean")
		mean, err = a.Mean()
		require.NoError(t, err)
		assert.Equal(t, 3.0, mean)
	})
}

func TestAveragerBadInput(t *testing.T) {
	inBubble(t, func(t *testing.T, s *watched) {
		a := NewAverager(s, "mean")
		require.NoError(t, a.Add(math.MaxFloat64))
		for _, x := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64} {
			assert.ErrorIs(t, a.Add(x), diskcache.ErrOverflow)
		}
		mean, err := a.Mean()
		require.NoError(t, err)
		assert.Equal(t, math.MaxFloat64, mean, "nothing was changed")

		require.NoError(t, s.Set("diary", []byte("my diary")))
		a = NewAverager(s, "diary")
		assert.ErrorIs(t, a.Add(1), ErrForeign)
		_, err = a.Mean()
		assert.ErrorIs(t, err, ErrForeign)
		_, err = a.Pop()
		assert.ErrorIs(t, err, ErrForeign)
		v, err := s.Get("diary")
		require.NoError(t, err)
		assert.Equal(t, "my diary", string(v))
	})
}

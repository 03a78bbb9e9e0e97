package draw

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPermutationHasEveryNumberOnce(t *testing.T) {
	p := Permutation(rand.New(rand.NewPCG(1, 2)), 1000)
	assert.NotEqual(t, Sequence(1000), p)
	slices.Sort(p)
	assert.Equal(t, Sequence(1000), p)
}

// Rank k of Zipf's law is drawn 1/(k+1)^θ times as often as rank 0.
func TestZipf(t *testing.T) {
	const draws = 1_000_000
	for _, theta := range []float64{0.5, 0.99, 1, 2} {
		z := newZipf(100, theta)
		r := rand.New(rand.NewPCG(1, 2))
		counts := make([]float64, 100)
		for range draws {
			counts[z.rank(r)]++
		}
		for _, k := range []int{1, 4, 9} {
			assert.InEpsilon(t, math.Pow(float64(k+1), -theta), counts[k]/counts[0], 0.1, "θ %v, rank %d", theta, k)
		}
		assert.Positive(t, counts[0])
	}
}

func TestDrawStaysBelowN(t *testing.T) {
	for _, name := range []string{"uniform", "zipf:0.8"} {
		d, err := Parse(name)
		require.NoError(t, err)
		order := d.Draw(rand.New(rand.NewPCG(1, 2)), 10_000, 50)
		assert.Len(t, order, 10_000)
		seen := make(map[uint32]bool)
		for _, n := range order {
			require.Less(t, n, uint32(50))
			seen[n] = true
		}
		assert.Len(t, seen, 50)
	}
}

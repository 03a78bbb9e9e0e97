package draw

import (
	"math"
	"math/rand/v2"
	"sort"
)

// zipf draws ranks from 0 on, rank k with a probability that goes with
// 1/(k+1)^θ, for any θ over 0. That of math/rand needs a θ over 1, and caches
// are mostly measured below.
type zipf struct {
	sums []float64 // sums[k] is the weight of the ranks up to k
}

func newZipf(n int, theta float64) *zipf {
	z := &zipf{make([]float64, n)}
	sum := 0.0
	for k := range z.sums {
		sum += math.Pow(float64(k+1), -theta)
		z.sums[k] = sum
	}
	return z
}

func (z *zipf) rank(r *rand.Rand) int {
	x := r.Float64() * z.sums[len(z.sums)-1]
	return min(sort.SearchFloat64s(z.sums, x), len(z.sums)-1)
}

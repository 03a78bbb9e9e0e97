// Package draw says which keys a load is for: all alike, or by Zipf's law.
package draw

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Distribution says which keys are read and overwritten.
type Distribution struct {
	Name  string
	theta float64 // of Zipf's law; 0: all alike
}

// What caches are mostly measured with.
var (
	Uniform = Distribution{Name: "uniform"}
	Zipf099 = Distribution{"zipf:0.99", 0.99}
)

// maxTheta is far beyond any load: nearly all goes to one key.
const maxTheta = 10

// Parse returns the distribution of a name: "uniform", or "zipf:" and a θ.
func Parse(s string) (Distribution, error) {
	if s == "uniform" {
		return Distribution{Name: s}, nil
	}
	if t, ok := strings.CutPrefix(s, "zipf:"); ok {
		theta, err := strconv.ParseFloat(t, 64)
		if err == nil && theta > 0 && theta <= maxTheta {
			return Distribution{s, theta}, nil
		}
	}
	return Distribution{}, fmt.Errorf("unknown --keys %q; it is uniform, or zipf:θ with θ over 0 and at most %d", s, maxTheta)
}

// Draw returns ops numbers below n.
func (d Distribution) Draw(r *rand.Rand, ops, n int) []uint32 {
	order := d.Ranks(r, ops, n)
	if d.theta == 0 {
		return order
	}
	// The ranks are dealt to the keys at random: what is hot must not lie
	// together in the log.
	key := Permutation(r, n)
	for i, rank := range order {
		order[i] = key[rank]
	}
	return order
}

// Ranks returns ops numbers below n, of which the lowest come most often.
func (d Distribution) Ranks(r *rand.Rand, ops, n int) []uint32 {
	order := make([]uint32, ops)
	if d.theta == 0 {
		for i := range order {
			order[i] = uint32(r.Uint64N(uint64(n)))
		}
		return order
	}
	z := newZipf(n, d.theta)
	for i := range order {
		order[i] = uint32(z.rank(r))
	}
	return order
}

// Permutation returns the numbers below n in random order.
func Permutation(r *rand.Rand, n int) []uint32 {
	p := Sequence(n)
	r.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

// Sequence returns the numbers below n in order.
func Sequence(n int) []uint32 {
	p := make([]uint32, n)
	for i := range p {
		p[i] = uint32(i)
	}
	return p
}

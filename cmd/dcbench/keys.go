package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// distribution says which keys are read and overwritten.
type distribution struct {
	name  string
	theta float64 // of Zipf's law; 0: all alike
}

// churnKeys are what churn draws keys from, one after the other: where all segments lose
// their records alike, and where some lose them much sooner.
var churnKeys = [...]distribution{{name: "uniform"}, {"zipf:0.99", 0.99}}

// maxTheta is far beyond any load: nearly all goes to one key.
const maxTheta = 10

func parseDistribution(s string) (distribution, error) {
	if s == "uniform" {
		return distribution{name: s}, nil
	}
	if t, ok := strings.CutPrefix(s, "zipf:"); ok {
		theta, err := strconv.ParseFloat(t, 64)
		if err == nil && theta > 0 && theta <= maxTheta {
			return distribution{s, theta}, nil
		}
	}
	return distribution{}, fmt.Errorf("unknown --keys %q; it is uniform, or zipf:θ with θ over 0 and at most %d", s, maxTheta)
}

// draw returns ops numbers below n.
func (d distribution) draw(r *rand.Rand, ops, n int) []uint32 {
	order := make([]uint32, ops)
	if d.theta == 0 {
		for i := range order {
			order[i] = uint32(r.Uint64N(uint64(n)))
		}
		return order
	}
	z := newZipf(n, d.theta)
	// The ranks are dealt to the keys at random: what is hot must not lie
	// together in the log.
	key := permutation(r, n)
	for i := range order {
		order[i] = key[z.rank(r)]
	}
	return order
}

// permutation returns the numbers below n in random order.
func permutation(r *rand.Rand, n int) []uint32 {
	p := sequence(n)
	r.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

// sequence returns the numbers below n in order.
func sequence(n int) []uint32 {
	p := make([]uint32, n)
	for i := range p {
		p[i] = uint32(i)
	}
	return p
}

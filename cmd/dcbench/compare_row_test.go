package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// The best peer is neither this cache, nor a limit, nor one that keeps nothing, nor one that failed.
func TestRank(t *testing.T) {
	measured := func(store string, rate float64, p contest.Promises) *row {
		p.Name = store
		return &row{Workload: "get", Store: store, OpsPerSec: rate, Rounds: []float64{rate}, Promises: p, entrant: &entrant{}}
	}
	failed := measured("failed", 900, contest.Promises{})
	failed.Error = "it died"
	absent := &row{Workload: "get", Store: "absent", Error: "no such thing", entrant: &entrant{left: errors.ErrUnsupported}}
	other := measured("peer", 7, contest.Promises{})
	other.Goroutines = 8
	own := measured(ownName, 500, contest.Promises{})
	rows := rank([]*row{
		own, measured("limit", 250, contest.Promises{Limit: true}), measured("limit-mapped", 1000, contest.Promises{Limit: true}),
		measured("peer", 100, contest.Promises{}), measured("slow", 50, contest.Promises{}), measured("memory", 800, contest.Promises{Memory: true}),
		failed, absent, other,
	})
	require.Len(t, rows, 8, "what is unsupported has no row")
	assert.Equal(t, "peer", own.BestPeer)
	assert.InDelta(t, 5, *own.RatioPeer, 1e-9)
	assert.InDelta(t, 2, *own.RatioLimit, 1e-9)
	assert.InDelta(t, 0.5, *own.RatioMapped, 1e-9)
	assert.Nil(t, failed.RatioPeer)
	assert.Nil(t, other.RatioLimit, "other goroutines are another contest")
}

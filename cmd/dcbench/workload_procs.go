package main

import (
	"errors"
	"fmt"
	"path/filepath"
)

// procs measures what the first process pays for others that have the directory open, in
// three situations that take turns: alone, with the others open and idle, and with the
// others writing as fast as they can. python-diskcache does the same beside it where
// there is one.
func procs(b *bench) ([]result, error) {
	if b.p.procs < 2 {
		b.p.procs = 2
	}
	cache := func(place int) (peer, error) { return goPeer(b, b.cacheDir(), peerBase(place)) }
	results, err := b.measureProcs("", cache)
	if err != nil {
		return nil, err
	}
	if err := hasPython(b.p.python); err != nil {
		b.note("python-diskcache was not measured: %v", err)
		return results, nil
	}
	python := func(place int) (peer, error) {
		return pythonPeer(b.p.python, b.valueSize, filepath.Join(b.dir, "python"), peerBase(place))
	}
	more, err := b.measureProcs("python", python)
	return append(results, more...), err
}

// peerBase is from where on a process has keys of its own.
func peerBase(place int) uint64 { return 1 + uint64(place)<<24 }

// situations are what the others do.
var situations = [...]string{"alone", "idle", "writing"}

// processRates are the rates of the first process, by situation, of each round.
type processRates [len(situations)][]float64

// measureProcs measures with processes that start gives.
func (b *bench) measureProcs(variant string, start func(place int) (peer, error)) (results []result, err error) {
	var peers []peer
	defer func() {
		for _, p := range peers {
			err = errors.Join(err, p.end())
		}
	}()
	for place := range b.p.procs {
		p, err := start(place)
		if err != nil {
			return nil, err
		}
		peers = append(peers, p)
	}
	first, others := peers[0], peers[1:]
	if _, err := first.do("open"); err != nil {
		return nil, err
	}
	if _, err := first.do("set 0 %d", b.p.n); err != nil {
		return nil, err
	}
	rates := map[string]*processRates{"set": {}, "get": {}}
	for r := range b.p.rounds {
		for i := range situations {
			if err := b.situation((i+r)%len(situations), first, others, rates); err != nil {
				return nil, err
			}
			b.bar.step()
		}
	}
	for _, op := range []string{"set", "get"} {
		results = append(results, *b.processResult(variant, op, rates[op]))
	}
	_, err = first.do("close")
	return results, err
}

// situation measures one situation, from opening to closing of the others.
func (b *bench) situation(at int, first peer, others []peer, rates map[string]*processRates) error {
	var before, after []string
	switch situations[at] {
	case "idle":
		before, after = []string{"open"}, []string{"close"}
	case "writing":
		before, after = []string{"open", "write"}, []string{"stop", "close"}
	}
	if err := orderAll(others, before); err != nil {
		return err
	}
	for op, r := range rates {
		took, err := first.do("%s 0 %d", op, b.p.n)
		if err != nil {
			return err
		}
		r[at] = append(r[at], float64(b.p.n)/max(took, 1).Seconds())
	}
	return orderAll(others, after)
}

func orderAll(peers []peer, orders []string) error {
	for _, order := range orders {
		for _, p := range peers {
			if _, err := p.do("%s", order); err != nil {
				return err
			}
		}
	}
	return nil
}

// shared is what is told of the workload procs only: what an operation of the first
// process costs, as a multiple of what it costs alone.
type shared struct {
	Procs       int     `json:"procs"`
	Op          string  `json:"op"`
	Idle        float64 `json:"idle_ops_per_sec"`
	Writing     float64 `json:"writing_ops_per_sec"`
	IdleCost    float64 `json:"idle_cost"`
	WritingCost float64 `json:"writing_cost"`
}

func (b *bench) processResult(variant, op string, rates *processRates) *result {
	r := b.blank()
	r.Variant = op
	if variant != "" {
		r.Variant = variant + " " + op
	}
	alone, idle, writing := median(rates[0]), median(rates[1]), median(rates[2])
	r.setRate(alone)
	r.shared = &shared{b.p.procs, op, idle, writing, medianCost(rates[0], rates[1]), medianCost(rates[0], rates[2])}
	return r
}

// medianCost compares within rounds, so that a machine that gets slower meanwhile does
// not count.
func medianCost(alone, with []float64) float64 {
	var costs []float64
	for i := range alone {
		costs = append(costs, alone[i]/with[i])
	}
	return median(costs)
}

func (s *shared) String() string {
	return fmt.Sprintf("  %s: with %d other processes open and idle %s ops/s, costs %.2f times as much; writing %s ops/s, %.2f times",
		s.Op, s.Procs-1, count(s.Idle), s.IdleCost, count(s.Writing), s.WritingCost)
}

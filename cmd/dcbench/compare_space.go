package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// overwritings is how often each key is set again, before space is looked at.
const overwritings = 3

// spaceScenario measures what garbage costs: space, and Gets while it is taken back.
func (p *compareParams) spaceScenario() *course {
	const size = 1 << 10
	return p.scenario("space", strconv.Itoa(size),
		step{"space", contest.Order{Do: "set", Goroutines: 1}, measureSpace},
		step{"compact", contest.Order{Do: "compact", Keys: uniform, Goroutines: 1}, measureCompaction})
}

// measureSpace sets every key three times more. Nobody is stopped on the way, for who has less
// garbage has an advantage.
func measureSpace(m *match, s *step) error {
	m.filled()
	rows := m.newRows(s)
	for range overwritings {
		m.each(func(e *entrant) error {
			a, err := e.ask(stretch(s.order, 0, m.scenario.n))
			if err == nil {
				rows[e].count(a)
				m.settle()
			}
			return err
		})
	}
	m.each(func(e *entrant) (err error) {
		rows[e].Overwritten, err = m.timesLive(e)
		return err
	})
	return nil
}

// timesLive is the space that a store takes, as a multiple of what its keys and values have.
func (m *match) timesLive(e *entrant) (*float64, error) {
	used, err := spaceUsed(e.dir)
	if e.promises.Memory {
		return nil, err
	}
	sizes, _ := contest.ParseSizes(m.scenario.sizes)
	return new(float64(used) / float64(m.scenario.n*(contest.KeySize+sizes.Mean()))), err
}

// measureCompaction compacts, with Gets meanwhile.
func measureCompaction(m *match, s *step) error {
	m.filled()
	rows := m.newRows(s)
	m.each(func(e *entrant) error {
		o := s.order
		o.N = m.scenario.n
		a, err := e.ask(o)
		if errors.Is(err, errors.ErrUnsupported) {
			return nil // and no row
		}
		if err != nil {
			return err
		}
		r := rows[e]
		r.count(a)
		r.setLatency(a.Latency)
		r.CompactSeconds, r.FailedGets = new(time.Duration(a.Took).Seconds()), a.Failed
		m.settle()
		r.Compacted, err = m.timesLive(e)
		return err
	})
	return nil
}

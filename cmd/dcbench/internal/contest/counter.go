package contest

import "fmt"

// counting is added to the number of a key to get that of a counter.
const counting = 1 << 41

// incr adds 1 to a counter, and looks whether the sum is how often that was done.
func (p *player) incr(s Counter, w *worker, n uint64) error {
	sum, err := s.Incr(AppendKey(w.key, counting+p.base+n))
	if err != nil {
		return fmt.Errorf("counter %d: %w", n, err)
	}
	if p.counts[n]++; sum != p.counts[n] {
		return wrongf("counter %d is %d after %d times", n, sum, p.counts[n])
	}
	return nil
}

// counters makes room for the counters of an order.
func (p *player) counters(o *Order) {
	if more := max(o.N, o.To) - len(p.counts); more > 0 {
		p.counts = append(p.counts, make([]int64, more)...)
	}
}

// checkCounters reads all counters back.
func (p *player) checkCounters(f *faults) {
	s, _ := p.store.(Counter)
	for n, want := range p.counts {
		if want == 0 {
			continue
		}
		got, err := s.Number(AppendKey(nil, counting+p.base+uint64(n)))
		if err == nil && got != want {
			err = wrongf("it is %d after %d times", got, want)
		}
		if err != nil {
			f.add(fmt.Errorf("counter %d: %w", n, err))
		}
	}
}

package contest

import "fmt"

// How much is filled in with one batch.
const (
	fillKeys  = 1000
	fillBytes = 1 << 20
)

// fill sets the keys that are not there, in batches: it is not measured.
func (p *player) fill(o *Order) (*Answer, error) {
	if o.To > len(p.versions) {
		return nil, fmt.Errorf("%w: fill to %d of %d", errOrder, o.To, len(p.versions))
	}
	w := &worker{of: 1, key: make([]byte, 0, KeySize)}
	step := max(1, min(fillKeys, fillBytes/(p.sizes.Mean()+1)))
	for from := 0; from < o.To; from += step {
		if err := p.batch(w, from, min(from+step, o.To), true); err != nil {
			return nil, err
		}
	}
	p.raise(int64(o.To))
	return nil, nil
}

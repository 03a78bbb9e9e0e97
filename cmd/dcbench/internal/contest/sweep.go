package contest

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"time"
)

// parts are how many tags there are, and times at which keys are over: of each key follows from its
// number which it has. Each order evict or expire is for the next of them, a tenth of the keys.
const parts = 10

// sweeping is how often something was removed by evict, expire or clear.
type sweeping struct {
	turn  int
	begin time.Time    // to which ends and times are related
	ahead atomic.Int64 // nanoseconds by which the clock was put ahead
}

// now is the clock of a store of which keys are to be over.
func (s *sweeping) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// day is a step of the clock: longer than anything is measured, so that nothing is over by itself.
const day = 24 * time.Hour

// end is when a key is over that is set now: in the middle of a day, and no two at once.
func (s *sweeping) end(n uint64) time.Time {
	wait := (int(n%parts) + parts - s.turn%parts) % parts
	return s.begin.Add(time.Duration(s.turn+wait)*day + day/2 + time.Duration(n)*time.Millisecond)
}

// due tells whether a key goes with the next order evict or expire.
func (s *sweeping) due(n uint64) bool { return int(n%parts) == s.turn%parts }

func tagOf(n uint64) string { return fmt.Sprintf("tag%d", n%parts) }

// mark sets what is not there of the keys below o.To, with a tag or an end. It is not measured.
func (p *player) mark(o *Order) error {
	s, err := has[Sweeper](p.store)
	if err != nil {
		return err
	}
	if o.To > len(p.versions) || o.Write != "tag" && o.Write != "expire" {
		return fmt.Errorf("%w: mark to %d of %d, write %q", errOrder, o.To, len(p.versions), o.Write)
	}
	w := &worker{of: 1, key: make([]byte, 0, KeySize)}
	for n := range uint64(o.To) {
		if p.there(n) {
			continue
		}
		err := p.setBy(func(key, value []byte) error {
			if o.Write == "tag" {
				return s.SetTagged(key, value, tagOf(n))
			}
			return s.SetUntil(key, value, p.sweeping.end(n))
		}, w, n)
		if err != nil {
			return fmt.Errorf("key %d: %w", n, err)
		}
	}
	p.raise(int64(o.To))
	return nil
}

// sweep removes, and looks whether as many are left as must be. Who expires in the background may
// have been first with some, so it does not count what the call itself says.
func (p *player) sweep(o *Order) (*Answer, error) {
	s, err := has[Sweeper](p.store)
	if err != nil {
		return nil, err
	}
	a := &Answer{}
	begin := time.Now()
	said, err := p.sweepOnce(s, o.Do)
	a.Nanos = max(1, int64(time.Since(begin)))
	if err != nil {
		return nil, err
	}
	left := 0
	for n := range uint64(len(p.versions)) {
		switch {
		case !p.there(n):
		case o.Do == "clear" || p.sweeping.due(n):
			p.versions[n].Store(p.versions[n].Load() | deleted)
			a.Ops++
		default:
			left++
		}
	}
	p.sweeping.turn++
	if found, err := s.Len(); err != nil || found != left || said > a.Ops {
		return nil, cmp.Or(err, wrongf("%s has removed %d of %d, and left %d of %d", o.Do, said, a.Ops, found, left))
	}
	return a, nil
}

func (p *player) sweepOnce(s Sweeper, do string) (int, error) {
	switch do {
	case "evict":
		return s.EvictTag(tagOf(uint64(p.sweeping.turn)))
	case "expire":
		now := p.sweeping.begin.Add(time.Duration(p.sweeping.turn+1) * day)
		p.sweeping.ahead.Store(int64(time.Until(now)))
		return s.Expire(now)
	}
	return s.Clear()
}

package memory

import (
	"sync/atomic"

	"github.com/go-diskcache/diskcache"
)

// ranked gives up the item of the smallest rank, exactly.
//
// A read only raises the rank that the slot has; the heap still has the one from when it was
// put there. So what comes to the top is asked for its rank as it is now, and goes down if that
// is larger. What is at the top with the rank that it has now is the smallest: no other has
// less than the heap says of it.
//
// A read of LRU or LFU counts a tick that all goroutines share; that is the price of an exact
// order. The other policies cost a read nothing.
type ranked struct {
	policy diskcache.Policy
	tick   atomic.Uint64
	heap   *slotHeap
}

// A rank of LFU is how often in the upper bits, and when in the lower 44. A rank of the policies
// by time to live has forever where there is none.
const (
	useOne   = 1 << 44
	tickMask = useOne - 1
	mostUses = (1<<64 - 1) &^ tickMask
	forever  = 1 << 63
)

// stored returns the rank of what was just stored.
func (r *ranked) stored(e *entry) uint64 {
	tick := r.tick.Add(1)
	switch {
	case r.policy == diskcache.PolicyLFU:
		return useOne | tick&tickMask
	case r.policy == diskcache.PolicyTTL && e.expires != 0:
		return uint64(max(e.expires, 0))
	case r.policy == diskcache.PolicyTTL, r.policy == diskcache.PolicyLRUTTL && e.expires == 0:
		return forever | tick
	}
	return tick
}

// touched returns the rank of what has another time to live and was not stored anew.
func (r *ranked) touched(e *entry, rank uint64) uint64 {
	switch {
	case r.policy == diskcache.PolicyTTL:
		return r.stored(e)
	case r.policy == diskcache.PolicyLRUTTL && e.expires == 0:
		return rank | forever
	case r.policy == diskcache.PolicyLRUTTL:
		return rank &^ forever
	}
	return rank
}

func (r *ranked) hit(s *slot) {
	switch r.policy {
	case diskcache.PolicyLRU:
		s.used.Store(r.tick.Add(1))
	case diskcache.PolicyLRUTTL:
		s.used.Store(s.used.Load()&forever | r.tick.Add(1))
	case diskcache.PolicyLFU:
		tick := r.tick.Add(1) & tickMask
		for {
			rank := s.used.Load()
			uses := rank &^ tickMask
			if uses < mostUses { // there it stays: one more would be none
				uses += useOne
			}
			if s.used.CompareAndSwap(rank, uses|tick) {
				return
			}
		}
	}
}

func (r *ranked) add(s *slot) {
	s.rank = r.stored(s.entry)
	s.used.Store(s.rank)
	r.heap.push(s)
}

func (r *ranked) replaced(s *slot) {
	if s.stored == s.version {
		s.rank = r.stored(s.entry)
	} else {
		s.rank = r.touched(s.entry, s.used.Load())
	}
	s.used.Store(s.rank)
	r.heap.fix(s)
}

func (r *ranked) remove(s *slot) {
	if s.rankAt >= 0 {
		r.heap.remove(s)
	}
}

func (r *ranked) victim(kept func(string) bool) *slot {
	var aside []*slot
	defer func() {
		for _, s := range aside {
			r.heap.push(s)
		}
	}()
	for r.heap.len() > 0 {
		s := r.heap.top()
		if rank := s.used.Load(); rank != s.rank {
			s.rank = rank
			r.heap.fix(s)
			continue
		}
		r.heap.remove(s)
		if !kept(s.key) {
			return s
		}
		aside = append(aside, s)
	}
	return nil
}

package memory

import (
	"hash/maphash"
)

// s3fifo is the policy of Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for
// cache eviction" (SOSP 2023): what is new proves itself in a tenth of the space; what was read
// twice by its end goes to main, all else is given up and remembered for a while, so that it
// goes to main at once when it comes back. In main, what was read since goes around once more.
// A read is an atomic operation at most, and none once an item has three hits.
type s3fifo struct {
	limit     int64
	byCount   bool // the limit is a number of items
	probation queue
	main      queue
	ghost     ghost
	seed      maphash.Seed
}

const (
	maxHits        = 3
	promoteHits    = 2
	probationShare = 10 // of the limit, the reciprocal
)

func newS3FIFO(o *Options) *s3fifo {
	p := &s3fifo{limit: o.SizeLimit, seed: maphash.MakeSeed(), ghost: ghost{at: make(map[uint64]uint64)}}
	if o.SizeLimit == 0 {
		p.limit, p.byCount = o.CountLimit, true
	}
	return p
}

func (p *s3fifo) weigh(s *slot) int64 {
	if p.byCount {
		return 1
	}
	return s.size()
}

func (p *s3fifo) add(s *slot) {
	s.weight = p.weigh(s)
	if p.ghost.take(maphash.String(p.seed, s.key)) {
		p.main.push(s)
	} else {
		p.probation.push(s)
	}
}

func (p *s3fifo) replaced(s *slot) {
	w := p.weigh(s)
	s.list.weight += w - s.weight
	s.weight = w
}

func (p *s3fifo) remove(s *slot) {
	if s.list != nil {
		s.list.remove(s)
	}
}

func (p *s3fifo) hit(s *slot) {
	for h := s.used.Load(); h < maxHits; h = s.used.Load() {
		if s.used.CompareAndSwap(h, h+1) {
			return
		}
	}
}

func (p *s3fifo) victim(kept func(string) bool) *slot {
	n := p.probation.n + p.main.n
	// Each comes to an end of main once for each of its hits. Readers may set hits as fast as
	// they are cleared; after so many steps they count no more.
	for step := 0; step < (maxHits+3)*n; step++ {
		q := &p.main
		if p.probation.n > 0 && (p.main.n == 0 || p.probation.weight >= p.limit/probationShare) {
			q = &p.probation
		}
		s := q.oldest()
		if s == nil {
			return nil
		}
		q.remove(s)
		hits := s.used.Load()
		switch {
		case kept(s.key):
			p.main.push(s)
		case q == &p.probation && hits >= promoteHits:
			s.used.Store(0)
			p.main.push(s)
		case q == &p.main && hits > 0 && step < (maxHits+1)*n:
			s.used.Store(hits - 1)
			p.main.push(s)
		default:
			if q == &p.probation {
				p.ghost.add(maphash.String(p.seed, s.key), n)
			}
			return s
		}
	}
	return nil
}

// queue is a list of slots in the order in which they came, with their weight.
type queue struct {
	head, tail *slot
	n          int
	weight     int64
}

func (q *queue) oldest() *slot { return q.head }

func (q *queue) push(s *slot) {
	s.list, s.prev, s.next = q, q.tail, nil
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
	q.n++
	q.weight += s.weight
}

func (q *queue) remove(s *slot) {
	if s.prev == nil {
		q.head = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.tail = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.list, s.prev, s.next = nil, nil, nil
	q.n--
	q.weight -= s.weight
}

// ghost remembers the hashes of what was given up last.
type ghost struct {
	at    map[uint64]uint64 // when a hash was added last
	order []ghostHash       // from first on
	first int
	tick  uint64
}

type ghostHash struct{ hash, tick uint64 }

// add remembers a hash, and forgets those before the last n.
func (g *ghost) add(hash uint64, n int) {
	g.tick++
	g.at[hash] = g.tick
	g.order = append(g.order, ghostHash{hash, g.tick})
	for len(g.order)-g.first > n {
		old := g.order[g.first]
		if g.at[old.hash] == old.tick {
			delete(g.at, old.hash)
		}
		g.first++
	}
	if g.first > len(g.order)/2 {
		g.order = append(g.order[:0], g.order[g.first:]...)
		g.first = 0
	}
}

// take reports whether a hash is remembered, and forgets it.
func (g *ghost) take(hash uint64) bool {
	_, ok := g.at[hash]
	delete(g.at, hash)
	return ok
}

package evict

import "slices"

// The caches of the simulation: the engine without disk, keys and values. An
// object is its number in the trace, and stands in the cache or does not.
type cache interface {
	get(id int) bool // tells whether it is there, and counts as a use
	set(id int)      // it is not there, and takes its place, others give up theirs
}

// objectSize makes bytes of objects, for decisions that count in bytes.
const objectSize = 1024

func hashOf(id int) uint64 {
	h := uint64(id) + 1
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// s3Cache is the engine under S3FIFO.
type s3Cache struct {
	capacity        int
	hits            []uint8 // by object
	present         []bool
	probation, main stream
	ghost           *Ghost
	copies          Copies

	sets, copied int
}

func newS3Cache(objects, capacity int) *s3Cache {
	return &s3Cache{
		capacity: capacity,
		hits:     make([]uint8, objects),
		present:  make([]bool, objects),
		ghost:    NewGhost(capacity),
	}
}

func (c *s3Cache) get(id int) bool {
	if c.present[id] {
		c.hits[id] = min(c.hits[id]+1, MaxHits)
	}
	return c.present[id]
}

func (c *s3Cache) set(id int) {
	c.sets++
	known := c.ghost.Take(hashOf(id))
	for c.probation.len()+c.main.len() >= c.capacity {
		c.reclaim()
	}
	c.present[id], c.hits[id] = true, 0
	if known {
		c.main.push(id)
	} else {
		c.probation.push(id)
	}
}

func (c *s3Cache) reclaim() {
	limit := int64(c.capacity) * objectSize
	probation, main := c.probation.bytes(), c.main.bytes()
	var id int
	var keep bool
	if FromProbation(probation, main, limit, c.probation.len()+c.main.len()) {
		id = c.probation.pop()
		if keep = Promote(c.hits[id], main, limit); !keep {
			c.ghost.Add(hashOf(id))
		}
	} else {
		id = c.main.pop()
		keep = c.copies.Keep(c.hits[id], objectSize, limit)
	}
	if keep {
		c.copied++
		c.hits[id] = 0
		c.main.push(id)
	} else {
		c.present[id] = false
	}
}

func (c *s3Cache) amplification() float64 { return float64(c.sets+c.copied) / float64(c.sets) }

// stream is a FIFO of objects.
type stream struct {
	ids  []int32
	head int
}

func (s *stream) len() int     { return len(s.ids) - s.head }
func (s *stream) bytes() int64 { return int64(s.len()) * objectSize }
func (s *stream) push(id int)  { s.ids = append(s.ids, int32(id)) }

func (s *stream) pop() int {
	if s.head > 1000 && s.head > len(s.ids)/2 {
		s.ids, s.head = slices.Delete(s.ids, 0, s.head), 0
	}
	s.head++
	return int(s.ids[s.head-1])
}

// rankCache is the engine under a policy with ranks.
type rankCache struct {
	policy   Policy
	capacity int
	tick     uint64
	ranks    []uint64 // by object; 0: not there
	used     int
	queue    Queue
	scans    int
}

func newRankCache(p Policy, objects, capacity int) *rankCache {
	return &rankCache{policy: p, capacity: capacity, ranks: make([]uint64, objects)}
}

func (c *rankCache) get(id int) bool {
	if c.ranks[id] == 0 {
		return false
	}
	c.tick++
	c.ranks[id] = c.policy.Access(c.ranks[id], c.tick)
	return true
}

func (c *rankCache) set(id int) {
	for c.used >= c.capacity {
		c.evict()
	}
	c.tick++
	c.ranks[id] = c.policy.Insert(c.tick, 0)
	c.used++
	c.queue.Offer(Item{Rank: c.ranks[id], ID: uint64(id)})
}

func (c *rankCache) evict() {
	if c.queue.NeedsScan() {
		c.scan()
	}
	it, ok := c.queue.Pop()
	if !ok {
		panic("nothing to evict")
	}
	switch rank := c.ranks[it.ID]; rank {
	case 0:
	case it.Rank:
		c.ranks[it.ID] = 0
		c.used--
	default:
		c.queue.Offer(Item{Rank: rank, ID: it.ID})
	}
}

func (c *rankCache) scan() {
	c.scans++
	c.queue.Begin(c.used)
	for id, rank := range c.ranks {
		if rank != 0 {
			c.queue.Offer(Item{Rank: rank, ID: uint64(id)})
		}
	}
	c.queue.End()
}

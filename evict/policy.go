package evict

import (
	"fmt"
	"math"
)

// A Policy says which item a full cache gives up. The zero value is S3FIFO.
type Policy uint8

const (
	// S3FIFO keeps two streams, see [FromProbation]. It is the only policy
	// besides None that needs no rank: hits are two bits in the index.
	S3FIFO Policy = iota
	// FIFO gives up what was stored first.
	FIFO
	// LRU gives up what was used last the longest ago. To store is to use.
	LRU
	// LFU gives up what was used least often since it was stored; among these,
	// what has had its count for the longest time. What is given up, or stored
	// again, counts from one again.
	LFU
	// TTL gives up what expires first. Items that never expire come after all
	// that do, in the order in which they were stored.
	TTL
	// LRUTTL is LRU, but any item that expires goes before any that does not:
	// who gives an item a lifetime says that it can be had again.
	LRUTTL
	// None gives up nothing: a full cache refuses to store.
	None

	policies // how many there are
)

var policyNames = [policies]string{"s3fifo", "fifo", "lru", "lfu", "ttl", "lru-ttl", "none"}

// Names that python-diskcache has for policies of ours.
var otherNames = map[string]Policy{
	"least-recently-stored": FIFO,
	"least-recently-used":   LRU,
	"least-frequently-used": LFU,
}

// Parse returns the policy of a name: what [Policy.String] returns, or a name
// that python-diskcache uses.
func Parse(name string) (Policy, error) {
	for p, s := range policyNames {
		if s == name {
			return Policy(p), nil
		}
	}
	if p, ok := otherNames[name]; ok {
		return p, nil
	}
	return 0, fmt.Errorf("evict: unknown policy %q", name)
}

func (p Policy) String() string {
	if !p.Valid() {
		return fmt.Sprintf("policy(%d)", uint8(p))
	}
	return policyNames[p]
}

// Valid tells whether p is one of the policies.
func (p Policy) Valid() bool { return p < policies }

// Ranked tells whether p judges items by rank: whether each needs one.
func (p Policy) Ranked() bool { return p.Valid() && p != S3FIFO && p != None }

// A rank of LFU: count 20 | tick 44. So a million uses are told apart, and at a
// million operations in a second the tick lasts for half a year; an item that
// has been used more often, or later, is not told from another that has.
const (
	countOne = 1 << 44
	maxTick  = countOne - 1
	maxCount = math.MaxUint64 - maxTick // in its place in a rank
)

// forever is set in the ranks of items that never expire. Neither a time nor a
// tick reaches it.
const forever = 1 << 63

// Insert returns the rank of an item just stored, new or in place of another.
// Tick is a counter that is raised with each operation and less than 1<<44;
// expires is in nanoseconds, not negative, 0 for never. The item with the
// smallest rank is the one to give up. Without a rank the result is 0.
func (p Policy) Insert(tick uint64, expires int64) uint64 {
	switch p {
	case FIFO, LRU:
		return tick
	case LFU:
		return countOne | min(tick, maxTick)
	case TTL:
		if expires != 0 {
			return uint64(max(expires, 0))
		}
		return forever | tick
	case LRUTTL:
		if expires != 0 {
			return tick
		}
		return forever | tick
	}
	return 0
}

// Access returns the rank of an item that is read and had this rank. It is
// never less than rank, as long as ticks do not go back; [Queue] rests on that.
func (p Policy) Access(rank, tick uint64) uint64 {
	switch p {
	case LRU:
		return tick
	case LFU:
		count := min(rank&^maxTick, maxCount-countOne) + countOne
		return count | min(tick, maxTick)
	case LRUTTL:
		return rank&forever | tick
	}
	return rank
}

package evict

import "math"

// An Item is an item of the cache as a [Queue] sees it.
type Item struct {
	Rank  uint64 // from Policy.Insert and Policy.Access
	ID    uint64 // says which item it is; the caller's
	Place uint64 // where it was; the caller's
}

// A Queue finds the items of the smallest ranks, in order and exactly, without
// keeping all items in order: a scan of the index collects the few that go
// first, and they last for many evictions. The zero value wants a scan.
//
//	if q.NeedsScan() {
//		q.Begin(items)
//		for each item { q.Offer(item) }
//		q.End()
//	}
//	it, ok := q.Pop()
//	// The item has this very rank, in this place: it is the victim.
//	// It is there with another rank or in another place: q.Offer it as it is now.
//	// It is not there: nothing.
//
// Each item that is stored, also in place of another, is offered, and so is a
// victim that is kept after all. A read, a delete and a move need not be told.
//
// # Why it is exact
//
// The queue holds triples and a limit. Between End and the next Begin it is true that
//
//	(1) each item of the cache whose rank is below the limit has a triple in
//	    the queue with a rank not above the item's;
//	(2) no triple has a rank above the limit.
//
// A scan makes them true: it begins with the largest limit there is, and each
// item is offered once. To store an item keeps (1), as it is offered, and to
// read one, as that only raises its rank. What Offer refuses has a rank above
// the limit. Shrinking takes the triples of the largest ranks out and lowers
// the limit to the smallest of these. Pop takes out one triple: its item is
// evicted, is gone, or is offered again.
//
// So take a triple of the smallest rank r that matches its item, which has rank
// r then. Let x be any other item. If the rank of x is below the limit, x has a
// triple by (1), not above the rank of x, nor below r, as r was the smallest. If
// it is not, then r is not above it by (2). Either way no item has a rank below r.
//
// The same is true while items come, go and move during a scan, so long as the
// scan sees each item that stays, and each that is stored is offered: a scan may
// let go of its locks between two parts of an index.
//
// # What it costs
//
// A queue of capacity k, a sixteenth of the items, takes 24 bytes for each of
// at most 2k triples. A scan leaves k triples in it, if there are as many items,
// and so does shrinking, which comes after k offers. So there are at least k
// calls of Offer or Pop between two scans, and a scan is paid with looking at
// sixteen items for each, more only in a cache of over four million.
//
// A Queue is used by one goroutine at a time.
type Queue struct {
	items    itemHeap
	limit    uint64
	capacity int  // k
	scanning bool // items is in no order
}

const (
	minCapacity   = 1 << 10
	maxCapacity   = 1 << 18 // 12 MB
	capacityShare = 16
)

// NeedsScan tells whether Pop has to wait for a scan: the queue is empty, and
// the cache perhaps is not.
func (q *Queue) NeedsScan() bool {
	return q.scanning || len(q.items) == 0 && q.limit != math.MaxUint64
}

// Begin begins a scan of about so many items, and forgets all that is in the queue.
func (q *Queue) Begin(items int) {
	q.begin(min(max(items/capacityShare, minCapacity), maxCapacity))
}

func (q *Queue) begin(capacity int) {
	if cap(q.items) > 4*capacity { // of a cache that was much larger
		q.items = nil
	}
	q.items, q.limit, q.scanning = q.items[:0], math.MaxUint64, true
	q.capacity = capacity
}

// End ends a scan.
func (q *Queue) End() {
	if len(q.items) > q.capacity {
		q.shrink()
	}
	q.scanning = false
	q.items.init()
}

// Offer tells of an item that a scan has found, that was stored, or that Pop
// gave and is still there. What cannot be a victim before the next scan is dropped.
func (q *Queue) Offer(it Item) {
	if it.Rank > q.limit || q.capacity == 0 { // 0: before the first scan
		return
	}
	if q.scanning {
		q.items = append(q.items, it)
	} else {
		q.items.push(it)
	}
	if len(q.items) >= 2*q.capacity {
		q.shrink()
	}
}

// Pop takes out the triple of the smallest rank. It returns false when there is
// none: if NeedsScan returns false then, the cache is empty.
func (q *Queue) Pop() (Item, bool) {
	if q.scanning || len(q.items) == 0 {
		return Item{}, false
	}
	return q.items.pop(), true
}

// Len returns the number of triples.
func (q *Queue) Len() int { return len(q.items) }

// shrink leaves the triples of the k smallest ranks, and lowers the limit.
func (q *Queue) shrink() {
	selectSmallest(q.items, q.capacity)
	for _, it := range q.items[q.capacity:] {
		q.limit = min(q.limit, it.Rank)
	}
	q.items = q.items[:q.capacity]
	if !q.scanning {
		q.items.init()
	}
}

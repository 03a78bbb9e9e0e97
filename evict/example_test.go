package evict_test

import (
	"fmt"

	"github.com/go-diskcache/diskcache/evict"
)

// A cache of three items under LRU. A real one scans its index, and seldom.
func ExampleQueue() {
	ranks := map[uint64]uint64{}
	for id := range uint64(3) {
		ranks[id] = evict.LRU.Insert(id+1, 0)
	}
	ranks[0] = evict.LRU.Access(ranks[0], 4)

	var q evict.Queue
	for len(ranks) > 0 {
		if q.NeedsScan() {
			q.Begin(len(ranks))
			for id, rank := range ranks {
				q.Offer(evict.Item{Rank: rank, ID: id})
			}
			q.End()
		}
		it, ok := q.Pop()
		if !ok {
			continue
		}
		switch rank, there := ranks[it.ID]; {
		case there && rank == it.Rank:
			fmt.Println("evicted", it.ID)
			delete(ranks, it.ID)
		case there: // it was read since
			q.Offer(evict.Item{Rank: rank, ID: it.ID})
		}
	}
	// Output:
	// evicted 1
	// evicted 2
	// evicted 0
}

func ExampleGhost() {
	g := evict.NewGhost(1000)
	g.Add(0x9a3c5d7e1f2b4c6d)
	fmt.Println(g.Take(0x9a3c5d7e1f2b4c6d)) // goes to main
	fmt.Println(g.Take(0x9a3c5d7e1f2b4c6d)) // was there once
	// Output:
	// true
	// false
}

func ExampleParse() {
	p, err := evict.Parse("least-recently-used")
	fmt.Println(p, p.Ranked(), err)
	// Output: lru true <nil>
}

// What an engine does with the item at the oldest end of main.
func ExampleCopies() {
	const limit = 1 << 20
	var c evict.Copies
	fmt.Println(c.Keep(0, 4096, limit)) // never read: evicted
	fmt.Println(c.Keep(2, 4096, limit)) // copied
	fmt.Println(c.Keep(1, 4096, limit))
	// Output:
	// false
	// true
	// false
}

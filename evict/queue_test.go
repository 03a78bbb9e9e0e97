package evict

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// queueModel is a cache, and a Queue that has to find its victims. The cache is
// a plain map, and its victim is the first of all items, sorted by rank.
type queueModel struct {
	*rapid.T
	policy   Policy
	capacity int
	items    map[uint64]Item
	tick     uint64
	place    uint64
	quiet    bool // nothing happens during a scan
	q        Queue
}

// scanParts is in how many parts the index is scanned, as if each had a lock.
const scanParts = 4

func TestQueueModel(t *testing.T) {
	for _, p := range ranked {
		t.Run(p.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := &queueModel{
					T:        t,
					policy:   p,
					capacity: rapid.IntRange(1, 8).Draw(t, "capacity"),
					items:    map[uint64]Item{},
				}
				for range rapid.IntRange(0, 30).Draw(t, "stored") { // before the first scan
					m.store()
				}
				t.Repeat(map[string]func(*rapid.T){
					"store": func(*rapid.T) { m.store() },
					"use":   func(*rapid.T) { m.use() },
					"evict": func(*rapid.T) { m.evict() },
					"scan":  func(*rapid.T) { m.scan() }, // needless ones do no harm
				})
				m.quiet = true
				for range len(m.items) + 1 { // the last one of nothing
					m.evict()
				}
			})
		})
	}
}

// id draws one of few, so that what is stored often takes the place of another.
func (m *queueModel) id() uint64 { return rapid.Uint64Range(0, 40).Draw(m.T, "id") }

func (m *queueModel) store() {
	m.tick++
	m.place++
	expires := rapid.Int64Range(0, 20).Draw(m.T, "expires") // so that some are the same
	it := Item{Rank: m.policy.Insert(m.tick, expires), ID: m.id(), Place: m.place}
	m.items[it.ID] = it
	m.q.Offer(it)
}

// use does what the queue is not told of.
func (m *queueModel) use() {
	id := m.id()
	it, ok := m.items[id]
	if !ok {
		return
	}
	switch rapid.IntRange(0, 5).Draw(m.T, "what") {
	case 0:
		delete(m.items, id)
	case 1: // compaction
		m.place++
		it.Place = m.place
		m.items[id] = it
	default:
		m.tick++
		it.Rank = m.policy.Access(it.Rank, m.tick)
		m.items[id] = it
	}
}

func (m *queueModel) scan() {
	m.q.begin(m.capacity)
	for part := range uint64(scanParts) {
		for _, id := range m.ids() {
			if id%scanParts == part {
				m.q.Offer(m.items[id])
			}
		}
		if !m.q.NeedsScan() {
			m.Fatal("the scan is not over, but NeedsScan says so")
		}
		if _, ok := m.q.Pop(); ok {
			m.Fatal("a victim while the scan is not over")
		}
		if !m.quiet && rapid.IntRange(0, 9).Draw(m.T, "meanwhile") == 0 {
			m.store()
			m.use()
		}
	}
	m.q.End()
	if m.q.NeedsScan() && len(m.items) > 0 {
		m.Fatal("needs a scan after a scan")
	}
}

// ids returns the items' numbers in an order that a seed repeats.
func (m *queueModel) ids() []uint64 {
	var ids []uint64
	for id := range m.items {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// evict is what an engine does, and the check: no item has a smaller rank.
func (m *queueModel) evict() {
	for {
		if m.q.NeedsScan() {
			m.scan()
		}
		it, ok := m.q.Pop()
		if m.q.Len() > 2*m.capacity {
			m.Fatalf("%d triples, capacity %d", m.q.Len(), m.capacity)
		}
		if !ok {
			if m.q.NeedsScan() {
				continue
			}
			if len(m.items) > 0 {
				m.Fatalf("no victim among %v", m.items)
			}
			return
		}
		now, there := m.items[it.ID]
		if now != it {
			if there {
				m.q.Offer(now)
			}
			continue
		}
		for _, other := range m.items {
			if other.Rank < it.Rank {
				m.Fatalf("victim %v, but there is %v", it, other)
			}
		}
		delete(m.items, it.ID)
		return
	}
}

// TestQueueScansSeldom: a scan is paid by many evictions. All are stored at once
// and go one by one.
func TestQueueScansSeldom(t *testing.T) {
	const n = 100_000
	c := newRankCache(LRU, 2*n, n)
	for id := range n {
		c.set(id)
	}
	for id := range n { // each of these makes room first
		c.set(n + id)
	}
	if c.scans > capacityShare+1 {
		t.Errorf("%d scans for one content of the cache", c.scans)
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	var q Queue
	fill := func() {
		q.begin(100)
		for i := range uint64(1000) {
			q.Offer(Item{Rank: i * 7919 % 1009})
		}
		q.End()
		for !q.NeedsScan() {
			q.Pop()
		}
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranks := rapid.SliceOf(rapid.Uint64Range(0, 30)).Draw(t, "ranks")
		cut := rapid.IntRange(0, len(ranks)).Draw(t, "cut")
		var h itemHeap
		for _, r := range ranks[:cut] {
			h = append(h, Item{Rank: r})
		}
		h.init()
		for _, r := range ranks[cut:] {
			h.push(Item{Rank: r})
		}
		slices.Sort(ranks)
		for _, want := range ranks {
			if got := h.pop(); got.Rank != want {
				t.Fatalf("rank %d, want %d of %v", got.Rank, want, ranks)
			}
		}
	})
}

func TestSelectSmallest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranks := rapid.SliceOfN(rapid.Uint64Range(0, 30), 1, -1).Draw(t, "ranks")
		k := rapid.IntRange(0, len(ranks)-1).Draw(t, "k")
		var items []Item
		for _, r := range ranks {
			items = append(items, Item{Rank: r})
		}
		selectSmallest(items, k)
		byRank := func(a, b Item) int { return cmp.Compare(a.Rank, b.Rank) }
		if k > 0 && slices.MaxFunc(items[:k], byRank).Rank > slices.MinFunc(items[k:], byRank).Rank {
			t.Fatalf("%d smallest of %v: %v", k, ranks, items)
		}
		slices.SortFunc(items, byRank)
		slices.Sort(ranks)
		for i, r := range ranks {
			if items[i].Rank != r {
				t.Fatalf("%v became %v", ranks, items)
			}
		}
	})
}

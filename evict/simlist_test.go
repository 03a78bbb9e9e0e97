package evict

import "container/list"

// listCache is FIFO, LRU or LFU as a textbook has it: a list for each count of
// uses, the next victim in front of the first. It shares nothing with the package.
type listCache struct {
	policy   Policy
	capacity int
	at       map[int]*list.Element // its value is a listItem
	byCount  map[int]*list.List
	least    int
}

type listItem struct{ id, count int }

func newListCache(p Policy, capacity int) *listCache {
	return &listCache{policy: p, capacity: capacity, at: map[int]*list.Element{}, byCount: map[int]*list.List{1: list.New()}}
}

func (c *listCache) get(id int) bool {
	e := c.at[id]
	if e == nil {
		return false
	}
	it := e.Value.(listItem)
	switch c.policy {
	case LRU:
		c.byCount[1].MoveToBack(e)
	case LFU:
		c.byCount[it.count].Remove(e)
		if c.least == it.count && c.byCount[it.count].Len() == 0 {
			c.least++
		}
		it.count++
		if c.byCount[it.count] == nil {
			c.byCount[it.count] = list.New()
		}
		c.at[id] = c.byCount[it.count].PushBack(it)
	}
	return true
}

func (c *listCache) set(id int) {
	if len(c.at) == c.capacity {
		for c.byCount[c.least].Len() == 0 {
			c.least++
		}
		l := c.byCount[c.least]
		delete(c.at, l.Remove(l.Front()).(listItem).id)
	}
	c.least = 1
	c.at[id] = c.byCount[1].PushBack(listItem{id, 1})
}

package memory

import "container/heap"

// slotHeap is a binary heap of slots that know their places in it, so that any can be taken out.
type slotHeap struct{ h slotHeapItems }

type slotHeapItems struct {
	slots []*slot
	less  func(a, b *slot) bool
	at    func(*slot) *int // where a slot keeps its place
}

func newExpiring() *slotHeap {
	return &slotHeap{slotHeapItems{
		less: func(a, b *slot) bool { return a.expires < b.expires },
		at:   func(s *slot) *int { return &s.expiryAt },
	}}
}

func newRanks() *slotHeap {
	return &slotHeap{slotHeapItems{
		less: func(a, b *slot) bool { return a.rank < b.rank },
		at:   func(s *slot) *int { return &s.rankAt },
	}}
}

func (s *slotHeap) len() int        { return len(s.h.slots) }
func (s *slotHeap) top() *slot      { return s.h.slots[0] }
func (s *slotHeap) push(x *slot)    { heap.Push(&s.h, x) }
func (s *slotHeap) fix(x *slot)     { heap.Fix(&s.h, *s.h.at(x)) }
func (s *slotHeap) remove(x *slot)  { heap.Remove(&s.h, *s.h.at(x)) }
func (s *slotHeapItems) Len() int   { return len(s.slots) }
func (s *slotHeapItems) Push(x any) { s.set(x.(*slot), len(s.slots)) }

func (s *slotHeapItems) Less(i, j int) bool { return s.less(s.slots[i], s.slots[j]) }

func (s *slotHeapItems) Swap(i, j int) {
	s.slots[i], s.slots[j] = s.slots[j], s.slots[i]
	*s.at(s.slots[i]), *s.at(s.slots[j]) = i, j
}

func (s *slotHeapItems) set(x *slot, i int) {
	s.slots = append(s.slots, x)
	*s.at(x) = i
}

func (s *slotHeapItems) Pop() any {
	n := len(s.slots) - 1
	x := s.slots[n]
	s.slots[n] = nil
	s.slots = s.slots[:n]
	*s.at(x) = -1
	return x
}

package evict

// An itemHeap is a binary heap, the smallest rank first. It is not one of
// container/heap, because that allocates memory for each item pushed.
type itemHeap []Item

func (h itemHeap) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *itemHeap) push(it Item) {
	s := append(*h, it)
	*h = s
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if s[parent].Rank <= s[i].Rank {
			return
		}
		s[parent], s[i] = s[i], s[parent]
		i = parent
	}
}

func (h *itemHeap) pop() Item {
	s := *h
	smallest := s[0]
	last := len(s) - 1
	s[0] = s[last]
	*h = s[:last]
	h.down(0)
	return smallest
}

func (h itemHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if right := child + 1; right < len(h) && h[right].Rank < h[child].Rank {
			child = right
		}
		if h[i].Rank <= h[child].Rank {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// selectSmallest brings the k items of the smallest ranks to the front, in any
// order. It is Hoare's quickselect: linear on average. k < len(items).
func selectSmallest(items []Item, k int) {
	lo, hi := 0, len(items)-1 // the k-th is between them
	for lo < hi {
		pivot := items[lo+(hi-lo)/2].Rank
		i, j := lo, hi
		for i <= j {
			for items[i].Rank < pivot {
				i++
			}
			for items[j].Rank > pivot {
				j--
			}
			if i <= j {
				items[i], items[j] = items[j], items[i]
				i++
				j--
			}
		}
		switch { // lo..j not above the pivot, i..hi not below it, one between them at most
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return
		}
	}
}

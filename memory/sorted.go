package memory

import "sort"

// sorted is a list of slots in order, cut into chunks: to insert moves a few hundred pointers
// at most, to find is a binary search, and the n-th is found by adding up the chunks. It has no
// more pointers than elements, which a tree of nodes has not, and a walk reads memory in order.
type sorted struct {
	less   func(a, b *slot) bool
	chunks [][]*slot // none is empty
	n      int
}

const maxChunk = 512

// place is where a slot is in a list that does not change meanwhile.
type place struct{ chunk, i int }

// search returns the first place whose slot is beyond, which is false up to some slot and
// true from there on. The place may be behind the last slot.
func (s *sorted) search(beyond func(*slot) bool) place {
	c := sort.Search(len(s.chunks), func(c int) bool { return beyond(s.chunks[c][len(s.chunks[c])-1]) })
	if c == len(s.chunks) {
		return place{c, 0}
	}
	return place{c, sort.Search(len(s.chunks[c]), func(i int) bool { return beyond(s.chunks[c][i]) })}
}

func (s *sorted) find(x *slot) place {
	return s.search(func(y *slot) bool { return !s.less(y, x) })
}

// at returns the slot of a place, or nil where there is none.
func (s *sorted) at(p place) *slot {
	if p.chunk < 0 || p.chunk >= len(s.chunks) {
		return nil
	}
	return s.chunks[p.chunk][p.i]
}

// step returns the place after p, or the one before it.
func (s *sorted) step(p place, back bool) place {
	switch {
	case !back && p.chunk < len(s.chunks) && p.i+1 < len(s.chunks[p.chunk]):
		return place{p.chunk, p.i + 1}
	case !back:
		return place{p.chunk + 1, 0}
	case p.i > 0:
		return place{p.chunk, p.i - 1}
	case p.chunk > 0:
		return place{p.chunk - 1, len(s.chunks[p.chunk-1]) - 1}
	}
	return place{-1, 0}
}

// end returns the first place, or the last one.
func (s *sorted) end(back bool) place {
	if !back {
		return place{0, 0}
	}
	return s.step(place{len(s.chunks), 0}, true)
}

// nth returns the slot at a place counted from the front, or nil.
func (s *sorted) nth(i int) *slot {
	if i < 0 || i >= s.n {
		return nil
	}
	for _, c := range s.chunks {
		if i < len(c) {
			return c[i]
		}
		i -= len(c)
	}
	return nil
}

func (s *sorted) insert(x *slot) {
	s.n++
	if len(s.chunks) == 0 {
		s.chunks = [][]*slot{{x}}
		return
	}
	p := s.find(x)
	if p.chunk == len(s.chunks) { // behind all
		p = place{p.chunk - 1, len(s.chunks[p.chunk-1])}
	}
	c := append(s.chunks[p.chunk], nil)
	copy(c[p.i+1:], c[p.i:])
	c[p.i] = x
	s.chunks[p.chunk] = c
	if len(c) > maxChunk {
		s.split(p)
	}
}

// split parts the chunk of a place: in the middle, but where it grows at its end there, so
// that what comes in order fills the chunks.
func (s *sorted) split(p place) {
	c := s.chunks[p.chunk]
	at := len(c) / 2
	if p.i == len(c)-1 {
		at = len(c) - 1
	}
	rest := append(make([]*slot, 0, maxChunk+1), c[at:]...)
	clear(c[at:])
	s.chunks[p.chunk] = c[:at]
	s.chunks = append(s.chunks, nil)
	copy(s.chunks[p.chunk+2:], s.chunks[p.chunk+1:])
	s.chunks[p.chunk+1] = rest
}

// remove takes x out, which is there.
func (s *sorted) remove(x *slot) {
	p := s.find(x)
	c := s.chunks[p.chunk]
	s.n--
	if len(c) == 1 {
		s.chunks = append(s.chunks[:p.chunk], s.chunks[p.chunk+1:]...)
		return
	}
	copy(c[p.i:], c[p.i+1:])
	c[len(c)-1] = nil
	s.chunks[p.chunk] = c[:len(c)-1]
}

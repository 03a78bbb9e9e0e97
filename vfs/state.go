package vfs

// state says for each part of a point what became of it.
type state struct {
	p  *point
	of []int

	// What follows from it; see resolve.
	done  []int   // for each operation on names, how far it got
	used  []bool  // for each of p.names, see settle
	bound []int   // for each of p.names, the file
	found []bool  // for each of p.files, whether it has a name
	sizes []int64 // for each of p.files
}

func newState(p *point) *state {
	return &state{
		p: p, of: make([]int, len(p.parts)),
		done: make([]int, len(p.r.ops)), used: make([]bool, len(p.names)),
		bound: make([]int, len(p.names)), found: make([]bool, len(p.files)), sizes: make([]int64, len(p.files)),
	}
}

// none: nothing arrived.
func (s *state) none(size int) *state {
	for i, d := range s.p.parts {
		s.of[i] = d.low
		if d.kind == partSize {
			s.of[i] = size
		}
	}
	return s
}

// all: everything arrived.
func (s *state) all(size int) *state {
	for i, d := range s.p.parts {
		s.of[i] = d.all
		if d.kind == partSize {
			s.of[i] = size
		}
	}
	return s
}

// prefix: what happened first arrived, what happened after n steps did not.
func (s *state) prefix(n, size int) *state {
	s.none(size)
	for _, t := range s.p.steps[:n] {
		s.of[t.part] = t.state
	}
	return s
}

// suffix: what happened first did not arrive, what happened later did.
func (s *state) suffix(n, size int) *state {
	s.none(size)
	for _, t := range s.p.steps[n:] {
		s.of[t.part] = t.state
	}
	return s
}

// missing: only one part did not arrive.
func (s *state) missing(i, size int) *state {
	s.all(size)
	s.of[i] = s.p.parts[i].low
	return s
}

// garbage: what did not arrive is garbage where it can be.
func (s *state) garbage() *state {
	for i, d := range s.p.parts {
		if d.kind == partSector && s.of[i] == 0 {
			s.of[i] = d.high
			if d.high == d.all {
				s.of[i] = 0
			}
		}
	}
	return s
}

// random: more or less of everything arrived, and it may be any version of it.
func (s *state) random() *state {
	r := s.p.rand
	most := r.IntN(10)
	for i, d := range s.p.parts {
		switch {
		case r.IntN(10) < most:
			s.of[i] = d.all
		case r.IntN(2) == 0:
			s.of[i] = d.low
		default:
			s.of[i] = d.low + r.IntN(d.high-d.low+1)
		}
	}
	return s
}

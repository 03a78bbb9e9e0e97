package vfs

import (
	"math/bits"
	"slices"
)

// state says for each part of a point what became of it.
type state struct {
	p  *point
	of []int

	// What follows from it; see resolve.
	bound []int   // for each of p.names, the file
	found []bool  // for each of p.files, whether it has a name
	sizes []int64 // for each of p.files
}

func newState(p *point) *state {
	return &state{
		p: p, of: make([]int, len(p.parts)),
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
		high := d.high
		if d.kind == partSize {
			high += len(s.p.files[d.index].diskFile.sizes)
		}
		switch {
		case r.IntN(10) < most:
			s.of[i] = d.all
		case r.IntN(2) == 0:
			s.of[i] = d.low
		default:
			s.of[i] = d.low + r.IntN(high-d.low+1)
		}
	}
	return s
}

// resolve works out what the names and the sizes are.
func (s *state) resolve() {
	for i, n := range s.p.names {
		s.bound[i] = n.was
	}
	next := 0
	for i := range s.p.r.ops {
		o := &s.p.r.ops[i]
		st := o.floor
		if st < o.full() { // it is the next of the parts, which begin with these
			st = s.of[next]
			next++
		}
		o.do(st, func(n nameAt, ino int) { s.bound[s.p.nameIndex(n)] = ino })
	}
	for i, n := range s.p.names {
		if !s.alive(n.dir) {
			s.bound[i] = noFile
		}
	}
	for i, f := range s.p.files {
		s.found[i] = slices.ContainsFunc(f.homes, s.alive)
		s.sizes[i] = s.sizeOf(f)
	}
	for _, ino := range s.bound {
		if i, ok := s.p.byID[ino]; ok {
			s.found[i] = true
		}
	}
}

// alive says whether a directory has a name itself.
func (s *state) alive(dir int) bool {
	return dir == rootID || len(s.p.homes[dir]) > 0 || slices.Contains(s.bound, dir)
}

// sizeOf is the size that a file has in this state.
func (s *state) sizeOf(f *openFile) int64 {
	if f.sizePart < 0 {
		return f.disk.size
	}
	switch st := s.of[f.sizePart]; st {
	case sizeOld:
		return f.disk.size
	case sizeFull:
		return f.now.size
	case sizeData:
		size := f.disk.size
		for i, n := range f.dirty {
			size = max(size, min(sectorEnd(n), f.grownBy(n, s.of[f.first+i])))
		}
		return size
	default:
		return max(f.disk.size, f.diskFile.sizes[st-sizeMore])
	}
}

// grownBy is the size that the file must have had for a sector to get into a state.
func (f *openFile) grownBy(n, st int) int64 {
	versions := f.sectors[n]
	switch {
	case st == 0:
		return 0
	case st > len(versions):
		return f.now.size
	}
	return versions[st-1].size
}

// sum is the same for two states whose images are equal.
type sum uint64

func (s *state) sum() sum {
	s.resolve()
	h := sum(1)
	for _, ino := range s.bound {
		h = h.add(ino)
	}
	for i, f := range s.p.files {
		if !s.found[i] {
			continue
		}
		h = h.add(int(s.sizes[i]))
		for j, n := range f.dirty {
			if sectorEnd(n-1) < s.sizes[i] { // what is behind the end is not there
				h = h.add(s.of[f.first+j])
			}
		}
	}
	return h
}

func (h sum) add(x int) sum {
	h = (h ^ sum(x)) * 0x9E3779B97F4A7C15
	return sum(bits.RotateLeft64(uint64(h), 29))
}

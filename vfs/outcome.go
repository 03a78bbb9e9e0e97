package vfs

import (
	"bytes"
	"math/bits"
	"slices"
)

// resolve works out what the names and the sizes are.
func (s *state) resolve() {
	for i, n := range s.p.names {
		s.bound[i] = n.was
	}
	s.settle()
	for i := range s.p.r.ops {
		s.p.r.ops[i].do(s.done[i], func(n nameAt, ino int) { s.bound[s.p.nameIndex(n)] = ino })
	}
	for i, n := range s.p.names {
		if !s.alive(n.dir) {
			s.bound[i] = noFile
		}
	}
	for i, f := range s.p.files {
		s.found[i] = f.named
		s.sizes[i] = s.sizeOf(f)
	}
	for _, ino := range s.bound {
		if i, ok := s.p.byID[ino]; ok {
			s.found[i] = true
		}
	}
}

// settle works out how far each operation on names got. A rename whose old name
// was used again by something that arrived must itself have arrived at least
// so far that the new name is there; else the file would be nowhere, without
// anybody having removed it.
func (s *state) settle() {
	ops := s.p.r.ops
	for i := range ops {
		s.done[i] = ops[i].floor
	}
	for i, d := range s.p.parts {
		if d.kind == partName {
			s.done[d.index] = s.of[i]
		}
	}
	clear(s.used)
	use := func(n nameAt, _ int) { s.used[s.p.nameIndex(n)] = true }
	for i := len(ops) - 1; i >= 0; i-- {
		o := &ops[i]
		if o.kind == evRename && s.done[i] == 0 && s.used[s.p.nameIndex(nameAt{o.dir, o.base})] {
			s.done[i] = opLinked
		}
		o.do(s.done[i], use)
	}
}

// alive says whether a directory has a name itself.
func (s *state) alive(dir int) bool {
	return dir == rootID || s.p.named[dir] || slices.Contains(s.bound, dir)
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
			if seen := s.sizes[i] - sectorEnd(n-1); seen > 0 { // the rest is behind the end
				h = h.add(f.same(n, s.of[f.first+j], min(seen, sectorSize)))
			}
		}
	}
	return h
}

// add mixes x in. Small numbers in another order must not cancel out.
func (h sum) add(x int) sum {
	y := bits.RotateLeft64(uint64(x)*0x87C37B91114253D5, 31) * 0x4CF5AD432745937F
	return sum(bits.RotateLeft64(uint64(h)^y, 27)*5 + 0x52DCE729)
}

// same is the first state of a sector that looks like st when only the first
// bytes of the sector, seen of them, belong to the file.
func (f *openFile) same(n, st int, seen int64) int {
	versions := f.sectors[n]
	if seen == sectorSize || st == 0 {
		return st
	}
	old := f.disk.sector(n)[:seen]
	if st > len(versions) { // garbage
		if sectorEnd(n-1)+seen <= f.disk.size {
			return 0
		}
		return st
	}
	data := versions[st-1].data[:seen]
	if bytes.Equal(data, old) {
		return 0
	}
	for i := range st {
		if bytes.Equal(data, versions[i].data[:seen]) {
			return i + 1
		}
	}
	return st
}

package engine

// hashSet is the set of the key hashes in a stage: small, mostly of one element,
// emptied after every write.
type hashSet struct {
	few  []uint64
	many map[uint64]struct{} // used from maxFew on
}

const maxFew = 16

func (s *hashSet) has(h uint64) bool {
	if len(s.many) > 0 {
		_, ok := s.many[h]
		return ok
	}
	for _, x := range s.few {
		if x == h {
			return true
		}
	}
	return false
}

func (s *hashSet) add(h uint64) {
	if len(s.many) == 0 && len(s.few) < maxFew {
		s.few = append(s.few, h)
		return
	}
	if s.many == nil {
		s.many = make(map[uint64]struct{})
	}
	for _, x := range s.few {
		s.many[x] = struct{}{}
	}
	s.few = s.few[:0]
	s.many[h] = struct{}{}
}

func (s *hashSet) remove(h uint64) {
	delete(s.many, h)
	for i, x := range s.few {
		if x == h {
			s.few = append(s.few[:i], s.few[i+1:]...)
			return
		}
	}
}

func (s *hashSet) reset() {
	s.few = s.few[:0]
	if s.many != nil {
		clear(s.many)
	}
}

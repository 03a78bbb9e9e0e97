package vfs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
)

// point is one moment of a crash: the parts of the disk that are open, and the
// walk over what they may be. An image is a state for each part.
type point struct {
	m     *Mem
	r     *replay
	o     CrashOptions
	where CrashPoint
	visit func(*Mem, CrashPoint) bool
	rand  *rand.Rand

	parts  []part
	steps  []step         // what happened to the parts, oldest first
	names  []openName     // that r.ops change
	files  []*openFile    // that are not durable as a whole
	byID   map[int]int    // place in files of a file
	nameAt map[nameAt]int // place in names of a name
	named  map[int]bool   // files and directories that certainly have a name
	seen   map[sum]bool   // images that were shown
}

// part is something that can be in one of several states: low is that nothing
// of it arrived, all that everything did, high the highest.
type part struct {
	kind      partKind
	low       int
	all, high int
	index     int // of the operation, or of the file
	sector    int // place in the file's dirty sectors
}

type partKind uint8

const (
	partName   partKind = iota // low: nameOp.floor, all: nameOp.full
	partSector                 // 0: as it was, then the versions, then garbage
	partSize                   // sizeOld, sizeData, sizeFull, and those in between
)

const (
	sizeOld  = iota
	sizeData // as far as sectors arrived
	sizeFull
	sizeMore // and up: what it was in between
)

// step is that a part got to a state.
type step struct{ at, part, state int }

func newPoint(m *Mem, r *replay, o CrashOptions, where CrashPoint, visit func(*Mem, CrashPoint) bool) *point {
	p := &point{
		m: m, r: r, o: o, where: where, visit: visit,
		rand: pointRand(o, where.Index),
		byID: make(map[int]int), nameAt: make(map[nameAt]int), named: make(map[int]bool), seen: make(map[sum]bool),
	}
	for i := range r.ops {
		p.addName(i)
	}
	p.findNames()
	p.findFiles()
	for i := range p.files {
		p.addFile(i)
	}
	slices.SortStableFunc(p.steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return p
}

func (p *point) addName(i int) {
	o := &p.r.ops[i]
	if o.floor == o.full() {
		return
	}
	for s := o.floor + 1; s <= o.full(); s++ {
		p.steps = append(p.steps, step{o.at, len(p.parts), s})
	}
	p.parts = append(p.parts, part{kind: partName, low: o.floor, all: o.full(), high: o.full(), index: i})
}

func (p *point) addFile(i int) {
	f := p.files[i]
	f.first = len(p.parts)
	for s, n := range f.dirty {
		versions := f.sectors[n]
		for v := range versions {
			p.steps = append(p.steps, step{versions[v].event, len(p.parts), v + 1})
		}
		d := part{kind: partSector, all: len(versions), high: len(versions), index: i, sector: s}
		if p.o.Garbage && sectorEnd(n) > f.disk.size {
			d.high++
		}
		p.parts = append(p.parts, d)
	}
	if f.now.size > f.disk.size {
		f.sizePart = len(p.parts)
		between := max(0, len(f.sizes)-1) // the last of them is full
		p.parts = append(p.parts, part{kind: partSize, all: sizeFull, high: sizeFull + between, index: i})
	}
}

// randomImages is how many images have every part as it happens to come, when
// there are too many combinations to show all.
const randomImages = 64

// run shows the images of the point; false when visit wants no more.
func (p *point) run() bool {
	if n := p.combinations(); n <= p.o.PerPoint {
		return p.every(n)
	}
	return p.some(newState(p))
}

// combinations is how many there are, or more than PerPoint.
func (p *point) combinations() int {
	n := 1
	for _, d := range p.parts {
		n *= d.high - d.low + 1
		if n > p.o.PerPoint {
			break
		}
	}
	return n
}

// every shows every combination, counting through them.
func (p *point) every(n int) bool {
	s := newState(p)
	s.none(sizeOld)
	for i := range n {
		if !p.show(s, "every", i) {
			return false
		}
		for j, d := range p.parts {
			if s.of[j]++; s.of[j] <= d.high {
				break
			}
			s.of[j] = d.low
		}
	}
	return true
}

// family is a kind of image that there are n of.
type family struct {
	name string
	n    int
	make func(i int) *state
}

// families are the crashes that stores are known to fall over: everything up
// to some moment, everything but the beginning, everything but one part, each
// with the file ending with the data or zeros behind it; and chance.
func (p *point) families(s *state) []family {
	list := []family{
		{"all", 1, func(int) *state { return s.all(sizeFull) }},
		{"none", 1, func(int) *state { return s.none(sizeOld) }},
		{"prefix", len(p.steps), func(i int) *state { return s.prefix(i, sizeData) }},
		{"prefix and zeros", len(p.steps) + 1, func(i int) *state { return s.prefix(i, sizeFull) }},
		{"missing", len(p.parts), func(i int) *state { return s.missing(i, sizeFull) }},
		{"suffix", len(p.steps), func(i int) *state { return s.suffix(i, sizeFull) }},
		{"random", randomImages, func(int) *state { return s.random() }},
		{"missing and cut", len(p.parts), func(i int) *state { return s.missing(i, sizeData) }},
	}
	if p.o.Garbage {
		list = append(list,
			family{"prefix and garbage", len(p.steps) + 1, func(i int) *state { return s.prefix(i, sizeFull).garbage() }},
			family{"missing and garbage", len(p.parts), func(i int) *state { return s.missing(i, sizeFull).garbage() }})
	}
	return list
}

// some takes from each family in turn, until all are through or enough was shown.
func (p *point) some(s *state) bool {
	families := p.families(s)
	orders := make([][]int, len(families))
	for i, f := range families {
		orders[i] = p.order(f.n)
	}
	for round, more := 0, true; more; round++ {
		more = false
		for i, f := range families {
			if round >= len(orders[i]) {
				continue
			}
			more = true
			if len(p.seen) >= p.o.PerPoint {
				return true
			}
			if !p.show(f.make(orders[i][round]), f.name, orders[i][round]) {
				return false
			}
		}
	}
	return true
}

// order is 0 to n-1 shuffled, or as many of them, drawn by chance, as can be shown.
func (p *point) order(n int) []int {
	if n <= p.o.PerPoint {
		return p.rand.Perm(n)
	}
	list := make([]int, p.o.PerPoint)
	for i := range list {
		list[i] = p.rand.IntN(n)
	}
	return list
}

// show shows an image unless it was shown already.
func (p *point) show(s *state, family string, i int) bool {
	sum := s.sum()
	if p.seen[sum] {
		return true
	}
	p.seen[sum] = true
	c := p.where
	c.Variant = fmt.Sprintf("%s %d", family, i)
	return p.visit(s.image(), c)
}

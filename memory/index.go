package memory

import (
	"iter"
	"sort"
	"strings"
	"sync/atomic"
)

// order is one of the orders that slots can be asked for in.
type order int

const (
	byKey      order = iota // all, by key
	byAge                   // all, by insertion
	tagByKey                // those of a tag, by key
	tagByAge                // those of a tag, by insertion
	queueByKey              // those of a queue, by key, which is by number
	orders

	none order = -1
)

// indexes are the orders that were asked for, each in groups: all slots, those of each tag,
// those of each queue. One that is built is kept up.
type indexes struct {
	built [orders]atomic.Bool
	group [orders]map[string]*sorted // none is empty
}

func lessKey(a, b *slot) bool { return a.key < b.key }
func lessAge(a, b *slot) bool { return a.first < b.first }

// nameOf returns the group that a slot is in, if it is in any.
func (o order) nameOf(key, tag string) (string, bool) {
	switch o {
	case tagByKey, tagByAge:
		return tag, tag != ""
	case queueByKey:
		return queueOf(key)
	}
	return "", true
}

func (o order) less() func(a, b *slot) bool {
	if o == byAge || o == tagByAge {
		return lessAge
	}
	return lessKey
}

// build makes an order of all slots.
func (x *indexes) build(o order, all iter.Seq[*slot]) {
	members := make(map[string][]*slot)
	for s := range all {
		if name, ok := o.nameOf(s.key, s.tag); ok {
			members[name] = append(members[name], s)
		}
	}
	x.group[o] = make(map[string]*sorted, len(members))
	for name, m := range members {
		less := o.less()
		sort.Slice(m, func(i, j int) bool { return less(m[i], m[j]) })
		x.group[o][name] = newSorted(less, m)
	}
	x.built[o].Store(true)
}

// newSorted returns a list of what is in order already.
func newSorted(less func(a, b *slot) bool, m []*slot) *sorted {
	s := &sorted{less: less, n: len(m)}
	for len(m) > 0 {
		n := min(len(m), maxChunk/2)
		s.chunks = append(s.chunks, append(make([]*slot, 0, maxChunk+1), m[:n]...))
		m = m[n:]
	}
	return s
}

// of returns a group of an order that is built; an empty one where it has no slots.
func (x *indexes) of(o order, name string) *sorted {
	if s := x.group[o][name]; s != nil {
		return s
	}
	return &sorted{}
}

func (x *indexes) add(s *slot) {
	for o := range orders {
		x.addTo(o, s)
	}
}

func (x *indexes) addTo(o order, s *slot) {
	if !x.built[o].Load() {
		return
	}
	name, ok := o.nameOf(s.key, s.tag)
	if !ok {
		return
	}
	if x.group[o][name] == nil {
		x.group[o][strings.Clone(name)] = &sorted{less: o.less()}
	}
	x.group[o][name].insert(s)
}

func (x *indexes) remove(s *slot) {
	for o := range orders {
		x.removeFrom(o, s)
	}
}

func (x *indexes) removeFrom(o order, s *slot) {
	if !x.built[o].Load() {
		return
	}
	name, ok := o.nameOf(s.key, s.tag)
	if !ok {
		return
	}
	g := x.group[o][name]
	g.remove(s)
	if g.n == 0 {
		delete(x.group[o], name)
	}
}

// change puts another entry into a slot.
func (x *indexes) change(s *slot, e *entry) {
	moves := s.tag != e.tag
	if moves {
		x.removeFrom(tagByKey, s)
		x.removeFrom(tagByAge, s)
	}
	s.entry = e
	if moves {
		x.addTo(tagByKey, s)
		x.addTo(tagByAge, s)
	}
}

func (x *indexes) clear() {
	for o := range orders {
		if x.built[o].Load() {
			x.group[o] = make(map[string]*sorted)
		}
	}
}

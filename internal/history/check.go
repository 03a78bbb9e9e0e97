package history

import (
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Options say what a history may show.
type Options struct {
	Evict   bool          // keys may vanish
	Timeout time.Duration // for each group of keys
	Stale   time.Duration // a Get may return what was so at any time within that before it was called
}

// Violation is a group of keys whose operations no order explains.
type Violation struct {
	Keys      []int
	Ops       []Op
	Undecided bool // it could not be found out in time
	html      func(path string) error
}

// Visualize writes a page that shows the operations and how far they can be explained.
func (v *Violation) Visualize(path string) error { return v.html(path) }

// Check returns what no order of the operations explains. Groups of keys that no
// transaction links are checked each by itself, for such a history is linearizable
// exactly if each of these parts is. Clear is taken as a delete of each key: that it
// removes all at one moment is not promised.
func Check(ops []Op, o Options) []Violation {
	var found []Violation
	for _, g := range groups(calledBefore(ops, o.Stale)) {
		if v := g.check(o); v != nil {
			found = append(found, *v)
		}
	}
	return found
}

// calledBefore returns the operations as if each Get had been called by so much sooner.
func calledBefore(ops []Op, by time.Duration) []Op {
	if by <= 0 {
		return ops
	}
	ops = slices.Clone(ops)
	for i := range ops {
		if ops[i].Kind == Get {
			ops[i].Call -= int64(by)
		}
	}
	return ops
}

// group is the operations on keys that transactions link.
type group struct {
	keys []int
	ops  []Op
}

// groups parts the operations, in their order.
func groups(ops []Op) []*group {
	sets := make(links)
	for _, o := range ops {
		for _, cells := range [][]Cell{o.Reads, o.Writes} {
			for _, c := range cells {
				sets.join(o.firstKey(), c.Key)
			}
		}
	}
	byRoot := make(map[int]*group)
	for _, key := range slices.Sorted(maps.Keys(sets)) {
		root := sets.root(key)
		if byRoot[root] == nil {
			byRoot[root] = &group{}
		}
		byRoot[root].keys = append(byRoot[root].keys, key)
	}
	for _, o := range ops {
		switch {
		case o.Kind == Clear:
			for _, g := range byRoot {
				g.clear(o)
			}
		case len(o.Reads)+len(o.Writes) > 0:
			g := byRoot[sets.root(o.firstKey())]
			g.ops = append(g.ops, o)
		}
	}
	return slices.SortedFunc(maps.Values(byRoot), func(a, b *group) int { return a.keys[0] - b.keys[0] })
}

func (o *Op) firstKey() int {
	if len(o.Reads) > 0 {
		return o.Reads[0].Key
	}
	return o.Writes[0].Key
}

func (g *group) clear(o Op) {
	for _, key := range g.keys {
		o.Writes = []Cell{{Key: key, Is: Absent}}
		g.ops = append(g.ops, o)
	}
}

// links are sets of keys, each named by one of them.
type links map[int]int

func (l links) root(key int) int {
	if _, ok := l[key]; !ok {
		l[key] = key
	}
	for l[key] != key {
		key = l[key]
	}
	return key
}

func (l links) join(a, b int) { l[l.root(a)] = l.root(b) }

func (g *group) isQueue() bool {
	return slices.ContainsFunc(g.ops, func(o Op) bool { return o.Kind == Push || o.Kind == Pull })
}

func (g *group) check(o Options) *Violation {
	m := (&model{o.Evict, g.keys}).porcupine()
	if g.isQueue() {
		m = (&queue{o.Evict}).porcupine()
	}
	ops := g.operations()
	result := porcupine.CheckOperationsTimeout(m, ops, o.Timeout)
	if result == porcupine.Ok {
		return nil
	}
	return &Violation{g.keys, g.ops, result == porcupine.Unknown, func(path string) error {
		_, info := porcupine.CheckOperationsVerbose(m, ops, o.Timeout)
		return porcupine.VisualizePath(m, info, path)
	}}
}

// operations returns them as the checker wants them. What is pending returns after
// everything else, where it is as good as not done.
func (g *group) operations() []porcupine.Operation {
	end := int64(0)
	for _, o := range g.ops {
		end = max(end, o.Call)
		if !o.Pending() {
			end = max(end, o.Return)
		}
	}
	at := make(map[int]int)
	for i, key := range g.keys {
		at[key] = i
	}
	ops := make([]porcupine.Operation, len(g.ops))
	for i := range g.ops {
		o := &g.ops[i]
		s := &step{o, places(o.Reads, at), places(o.Writes, at)}
		ops[i] = porcupine.Operation{ClientId: o.Client, Input: s, Call: o.Call, Return: min(o.Return, end+1)}
	}
	return ops
}

func places(cells []Cell, at map[int]int) []cell {
	out := make([]cell, len(cells))
	for i, c := range cells {
		out[i] = cell{at[c.Key], c.Is, c.Value}
	}
	return out
}

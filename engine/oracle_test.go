package engine

import (
	"fmt"
	"maps"
	"slices"
)

// The oracle knows what a store was asked to do, and how far that was promised
// to survive, and judges what is found after a crash:
//
//   - a key shows the last version that was promised, or one attempted later;
//     never an older one, and never one that a promised delete has removed;
//   - of a transaction all is there, or nothing.

// step is one commit that was attempted. Its number is the version of all that
// it writes.
type step struct {
	n      int
	writes []write
}

// write is one change of one key.
type write struct {
	key     string
	del     bool
	touch   bool  // the value stays
	expires int64 // ns, 0: never
}

// Notes in the trace of the disk: a step before it is attempted, acked once it
// has returned without an error, and synced once all steps up to a number must
// survive a power cut.
type (
	acked  int
	synced int
)

// shown is what every key of a store shows: the version of its value, 0 for
// none.
type shown map[string]int

// oracle is what was attempted since a time at which the state was certain.
type oracle struct {
	base  shown
	steps []step
	kept  int // number of the last step that must have survived
}

// newOracle reads the notes of a trace. After a power cut only what was synced
// must be there; after the death of the process everything that was acknowledged.
func newOracle(base shown, notes []any, powerCut bool) *oracle {
	o := &oracle{base: base}
	for _, n := range notes {
		switch n := n.(type) {
		case step:
			o.steps = append(o.steps, n)
		case synced:
			o.kept = max(o.kept, int(n))
		case acked:
			if !powerCut {
				o.kept = max(o.kept, int(n))
			}
		}
	}
	return o
}

// keys returns all keys that there may be, in order.
func (o *oracle) keys() []string {
	set := make(map[string]bool)
	for k := range o.base {
		set[k] = true
	}
	for _, s := range o.steps {
		for _, w := range s.writes {
			set[w.key] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// last returns the highest version that anything may have.
func (o *oracle) last() int {
	n := 0
	for _, ver := range o.base {
		n = max(n, ver)
	}
	for _, s := range o.steps {
		n = max(n, s.n)
	}
	return n
}

// version is what a step made of a key.
type version struct {
	step  int
	shows int // what a read then finds: value, or 0 for nothing
	value int // the step whose value the key has; 0: none
}

// versions returns what key may be, oldest first: the last version that must
// have survived, and those after it.
func (o *oracle) versions(key string, now int64) []version {
	list := []version{{0, o.base[key], o.base[key]}}
	for _, s := range o.steps {
		for _, w := range s.writes {
			if w.key != key {
				continue
			}
			v := version{s.n, s.n, s.n}
			if w.touch {
				v.value = list[len(list)-1].value
				v.shows = v.value
			}
			if w.del {
				v.value = 0
			}
			if w.del || w.expires != 0 && w.expires <= now {
				v.shows = 0
			}
			if s.n <= o.kept {
				list = list[:0]
			}
			list = append(list, v)
		}
	}
	return list
}

// judge says what is wrong with what was found at the time now.
func (o *oracle) judge(found shown, now int64) error {
	may := make(map[string][]version)
	for _, key := range o.keys() {
		may[key] = o.versions(key, now)
		ok := slices.ContainsFunc(may[key], func(v version) bool { return v.shows == found[key] })
		if !ok {
			return fmt.Errorf("key %q shows version %d, may be one of %v (step, shows); kept up to step %d",
				key, found[key], may[key], o.kept)
		}
	}
	for key := range found {
		if may[key] == nil {
			return fmt.Errorf("key %q was never set", key)
		}
	}
	for _, s := range o.steps {
		if len(s.writes) > 1 {
			if err := o.whole(&s, found, may); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole sees to it that a transaction, some of which shows, is all there: each
// of its keys shows what it wrote, or something later.
func (o *oracle) whole(s *step, found shown, may map[string][]version) error {
	seen := ""
	for _, w := range s.writes {
		if found[w.key] == s.n {
			seen = w.key
		}
	}
	if seen == "" {
		return nil
	}
	for _, w := range s.writes {
		ok := slices.ContainsFunc(may[w.key], func(v version) bool { return v.step >= s.n && v.shows == found[w.key] })
		if !ok {
			return fmt.Errorf("torn transaction: step %d shows at key %q, but key %q shows version %d", s.n, seen, w.key, found[w.key])
		}
	}
	return nil
}

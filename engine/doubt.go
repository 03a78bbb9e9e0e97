package engine

// doubts are the keys of commits that failed. What the log holds of such a commit
// is not known: it may come to light when the process has died. A delete of the
// key has to leave a tombstone then, although the index has nothing to delete.
type doubts struct {
	keys map[uint64]struct{} // hashes
	all  bool                // there were too many to remember
}

// maxDoubts bounds what is remembered; beyond it every delete leaves a tombstone.
const maxDoubts = 1 << 16

func (d *doubts) add(hash uint64) {
	switch {
	case d.all:
		return
	case len(d.keys) >= maxDoubts:
		d.keys, d.all = nil, true
		return
	case d.keys == nil:
		d.keys = make(map[uint64]struct{})
	}
	d.keys[hash] = struct{}{}
}

func (d *doubts) any() bool { return d.all || len(d.keys) > 0 }

func (d *doubts) has(hash uint64) bool {
	if d.all {
		return true
	}
	_, ok := d.keys[hash]
	return ok
}

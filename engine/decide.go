package engine

import (
	"github.com/go-diskcache/diskcache/codec"
)

// Most operations do the same whatever is there. Some depend on it: a Set on whether the key
// has an item, a count on the number that is stored. What such a one does is decided under the
// writer lock, as its commit is staged, by what it replaces: that is looked up for any put.
// It may be decided several times, for a commit that finds no room is tried again.

// A Condition is what has to be in the place of an operation for it to be done.
type Condition struct {
	rule    rule
	version uint64
}

type rule uint8

const (
	always rule = iota
	absent
	present
	atVersion
)

// The conditions, besides IfVersion.
var (
	IfAbsent  = Condition{rule: absent}  // the key has no item
	IfPresent = Condition{rule: present} // it has one
)

// IfVersion is the condition that the key has the item that was stored with a sequence; 0 is
// that it has none.
func IfVersion(seq uint64) Condition {
	if seq == 0 {
		return IfAbsent
	}
	return Condition{atVersion, seq}
}

// allows reports whether the condition holds for what is there.
func (c Condition) allows(existed bool, stored uint64) bool {
	switch c.rule {
	case absent:
		return !existed
	case present:
		return existed
	case atVersion:
		return existed && stored == c.version
	}
	return true
}

// An editor makes an operation of what it finds in its place.
type editor interface {
	// edit fills in what op does, but for its key, by the item that is there: nil for none.
	// Of that the value is as it is stored, and good until op is committed. It reports
	// whether there is anything to do; then the record of op is digested.
	edit(e *Engine, op *Op, old *codec.Record) (bool, error)
}

// decide finds out what the operations of a request are to be, where that depends on what
// is there, and reports whether anything is to be done. Requests of several operations are
// decided already.
func (s *stage) decide(r *request) (bool, error) {
	op := &r.ops[0]
	if !op.conditional() {
		return true, nil
	}
	s.look(op)
	if s.ahead.err != nil {
		return false, s.ahead.err
	}
	old := &s.ahead.old
	op.Existed = s.ahead.ref.Found() && !s.e.clock.expired(old.expires, old.stored)
	op.Declined = !op.If.allows(op.Existed, old.stored)
	if op.Declined || op.Edit == nil {
		return !op.Declined, nil
	}
	var rec *codec.Record
	if op.Existed {
		var err error
		if rec, err = s.read(op, old); err != nil {
			return false, err
		}
	}
	ok, err := op.Edit.edit(s.e, op, rec)
	op.Declined = !ok
	return ok && err == nil, err
}

func (op *Op) conditional() bool { return op.If.rule != always || op.Edit != nil }

// read reads the record that an operation replaces.
func (s *stage) read(op *Op, old *match) (*codec.Record, error) {
	rec := &s.found
	*rec = codec.Record{}
	if cap(s.value) > maxStageBuffer {
		s.value = nil
	}
	out, same, err := old.seg.Get(old.off, int(old.size), bytesString(op.Record.Key), s.value[:0], rec)
	if err == nil && !same {
		err = errNowhere
	}
	if err != nil {
		return nil, s.e.corrupt(err)
	}
	s.value, rec.Value = out, out
	return rec, nil
}

// valueOf appends the value of a record to dst: what is in it, or in the file that it names.
func (e *Engine) valueOf(key string, rec *codec.Record, dst []byte) ([]byte, error) {
	switch {
	case rec.Flags&codec.FlagFile != 0:
		r, err := e.openFile(key, rec.Value)
		if err != nil {
			return dst, e.corruptFile(err)
		}
		defer r.Close()
		out, err := r.appendTo(dst)
		return out, e.corruptFile(err)
	case rec.Compression == codec.None:
		return append(dst, rec.Value...), nil
	}
	v, err := codec.Decompress(nil, rec.Value, rec.Compression, int(rec.RawLen))
	if err != nil {
		return dst, &CorruptError{File: "value of " + quote(key), Err: err}
	}
	return append(dst, v...), nil
}

// SetIf is Set that does nothing unless a condition holds. It reports whether it has stored
// the value.
func (e *Engine) SetIf(key string, value []byte, a Attrs, c Condition) (bool, error) {
	if err := e.readsOnly(); err != nil {
		return false, err
	}
	if e.certainlyNot(key, value, c) {
		return false, nil
	}
	r := requests.Get().(*request)
	defer r.free()
	r.ops = r.one[:]
	op := &r.ops[0]
	if err := e.prepare(op, key, value, a, false); err != nil {
		return false, err
	}
	op.If = c
	if err := e.commit(r); err != nil {
		return false, join(err, e.takeBack(op, err))
	}
	if op.Declined {
		return false, e.values.drop(op.Value)
	}
	e.stats.sets.Add(1)
	return true, nil
}

// GetOrSet returns the value of key, or stores one where there is none and returns a copy of
// that. It reports whether it was there. On a network disk what a read finds may be gone: there
// it is only read once it is known to be there.
func (e *Engine) GetOrSet(key string, value []byte, a Attrs) (actual []byte, loaded bool, err error) {
	for sure := e.board.file == nil; ; sure = true {
		if sure {
			if v, err := e.Get(key, []byte{}); !isMiss(err) {
				return v, err == nil, err
			}
		}
		stored, err := e.SetIf(key, value, a, IfAbsent)
		if err != nil {
			return nil, false, err
		}
		if stored {
			return append([]byte{}, value...), false, nil
		}
	}
}

// certainlyNot reports whether a value that would get a file of its own need not be written
// there, for the condition does not hold. On a network disk a read may miss what is new, and
// says nothing.
func (e *Engine) certainlyNot(key string, value []byte, c Condition) bool {
	if t := e.fileThreshold(); t < 0 || int64(len(value)) < t || e.board.file != nil {
		return false
	}
	it, err := e.Item(key)
	if err != nil && !isMiss(err) {
		return false
	}
	return !c.allows(err == nil, it.Stored)
}

// edit commits one operation that an editor makes, and reports whether it was done.
func (e *Engine) edit(key string, ed editor) (bool, error) {
	if err := e.readsOnly(); err != nil {
		return false, err
	}
	if err := checkSizes(key, Attrs{}); err != nil {
		return false, err
	}
	r := requests.Get().(*request)
	defer r.free()
	r.ops = r.one[:]
	op := &r.ops[0]
	e.name(op, key)
	op.Edit = ed
	if err := e.commit(r); err != nil || op.Declined {
		return false, err
	}
	e.count(op)
	return true, nil
}

// count adds what was committed to the statistics.
func (e *Engine) count(op *Op) {
	if op.Record.Kind == codec.KindPut {
		e.stats.sets.Add(1)
	} else if op.Existed {
		e.stats.deletes.Add(1)
	}
}

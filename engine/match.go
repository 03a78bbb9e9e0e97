package engine

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// match is the newest record of a key that is in the index.
type match struct {
	first, stored uint64
	expires       int64
	flags         codec.Flags

	seg  *segment.Segment
	off  int64
	size int64
	file valueFile // the file that it names, if it does

	lost bool // a record stood in the place of the key and was damaged
}

// matcher finds the record of a key on the disk. It belongs to the holder of the
// writer lock and answers the index's questions, as its keydir.Resolver.
type matcher struct {
	e     *Engine
	rec   *codec.Record // whose key is in question
	m     match
	place uint64 // of the record that Same saw last; 0 is none
	key   []byte // buffer for keys on the disk
	fail  error  // the damage that Same has met
}

// errNowhere tells of an index that points to no segment. It came so from a
// snapshot that was made to look right.
var errNowhere = fmt.Errorf("%w: the index points to a segment that is not there", keydir.ErrDamaged)

// set asks about the key of rec from now on.
func (m *matcher) set(rec *codec.Record) {
	m.rec, m.fail, m.m, m.place = rec, nil, match{}, 0
}

// find looks up the newest record of the key of rec, and its entry. A record that proves to be
// damaged loses its entry: it cannot be read any more, whosever it was.
func (m *matcher) find(rec *codec.Record, ref *keydir.Ref, old *match) error {
	x := m.e.index.Load()
	lost := false
	for {
		m.set(rec)
		var err error
		*ref, err = x.Find(rec.Hash, m)
		if err == nil && ref.Found() && ref.Entry().Place != m.place {
			_, err = m.Same(ref.Entry()) // found by its key, its record not seen yet
		}
		if err == nil {
			if ref.Found() && m.m.flags&codec.FlagFile != 0 {
				if m.m.file, err = m.e.fileOf(m.m.seg, m.m.off); err != nil {
					m.m.file = valueFile{} // its name is lost with the record; Check finds the orphan
				}
			}
			m.m.lost = lost
			*old = m.m
			return nil
		}
		switch {
		case m.fail != nil && segment.IsDamage(m.fail):
			lost = true
			m.e.stats.corrupt.Add(1)
			m.e.faults.add("record lost", readError(m.fail))
			if err := m.dropEntry(x, rec); err != nil {
				return err
			}
		case errors.Is(err, keydir.ErrDamaged):
			if x, err = m.e.rebuild(x); err != nil {
				return err
			}
		default:
			return readError(err)
		}
	}
}

// placeOf returns a Resolver that knows the entry of an operation by where it
// stands: the disk need not be asked whose it is.
func (e *Engine) placeOf(op *Op) atPlace {
	return atPlace{&op.Record, e.layout.Place(op.From.seg.Slot, op.From.off)}
}

// stillAt looks up the entry that points to where an operation comes from.
func (m *matcher) stillAt(op *Op) (keydir.Ref, error) {
	for {
		x := m.e.index.Load()
		ref, err := x.Find(op.Record.Hash, m.e.placeOf(op))
		if !errors.Is(err, keydir.ErrDamaged) {
			if ref.Found() && ref.Entry().Place != m.e.placeOf(op).place {
				return keydir.Ref{}, err // in the side table, elsewhere
			}
			return ref, err
		}
		if _, err := m.e.rebuild(x); err != nil {
			return ref, err
		}
	}
}

// dropEntry takes the entry whose record Same found damaged out of the index.
func (m *matcher) dropEntry(x *keydir.Index, rec *codec.Record) error {
	seg := m.m.seg
	ref, err := x.Find(rec.Hash, atPlace{rec, m.place})
	if err != nil {
		return readError(err)
	}
	seg.LiveCount.Add(-1)
	defer m.e.views.loose.Add(1)
	return x.Delete(rec.Hash, ref, m)
}

// atPlace is a Resolver that takes what stands at a place for its own. Another
// entry of the identity, which may be sound and of another key, it does not.
type atPlace struct {
	rec   *codec.Record
	place uint64
}

func (r atPlace) Same(e keydir.Entry) (bool, error) { return e.Place == r.place, nil }
func (r atPlace) Key() ([]byte, error)              { return r.rec.Key, nil }

// Same reports whether the record at the entry's place is one of the key.
func (m *matcher) Same(entry keydir.Entry) (bool, error) {
	slot, off := m.e.layout.Split(entry.Place)
	seg := m.e.w.at(slot)
	if seg == nil {
		return false, errNowhere
	}
	m.place, m.m.seg, m.m.off = entry.Place, seg, off
	var h codec.Head
	h, m.key, m.fail = seg.Head(off, m.key[:0])
	if m.fail == nil && h.Hash == m.rec.Hash && string(m.key) != string(m.rec.Key) && m.e.opt.Hash(string(m.key)) != h.Hash {
		m.fail = &segment.DamageError{File: seg.Name(), Offset: off, Err: codec.ErrChecksum}
	}
	if m.fail != nil {
		return false, m.fail
	}
	if string(m.key) == string(m.rec.Key) {
		m.m.first, m.m.stored, m.m.expires, m.m.flags = h.First, h.Stored, h.Expires, h.Flags
		m.m.size = int64(h.Size())
		return true, nil
	}
	return false, nil
}

// Key returns the key in question.
func (m *matcher) Key() ([]byte, error) { return m.rec.Key, nil }

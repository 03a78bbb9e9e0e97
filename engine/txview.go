package engine

import (
	"bytes"
	"iter"
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/internal/sortset"
)

// txViews is what a transaction changes of the views, for itself. It is made when it is first
// asked for.
type txViews struct {
	loose    uint64                // views.loose, when it was made
	queued   sortset.Set           // of byQueue: what the transaction has set
	hidden   sortset.Set           // of byQueue: what is in the index, and the transaction has changed
	inserted sortset.Set           // of byInsertion: keys that it inserts, or inserts anew
	passed   map[passedSpan][]byte // up to where a span has only what the transaction has changed
}

type passedSpan struct {
	kind    viewKind
	reverse bool
	lo      string
}

// unborn returns what stands in the order of insertion for a key that is not committed yet.
func unborn(op *Op) []byte {
	s, _ := byInsertion.append(nil, op.Record.Key, math.MaxUint64-math.MaxUint32+uint64(op.Turn), nil)
	return s
}

// ownViews returns what the transaction has changed.
func (tx *Tx) ownViews() (*txViews, error) {
	if tx.views != nil && tx.views.loose == tx.e.views.loose.Load() {
		return tx.views, nil
	}
	tx.views = &txViews{loose: tx.e.views.loose.Load(), passed: make(map[passedSpan][]byte)}
	for i := range tx.req.ops {
		if err := tx.views.note(tx.e, &tx.req.ops[i], nil); err != nil {
			tx.views = nil
			return nil, err
		}
	}
	return tx.views, nil
}

// order gives op its place among what the transaction inserts; old is what it replaces in it, nil if
// there is nothing.
func (tx *Tx) order(op, old *Op) {
	switch {
	case op.Record.Kind != codec.KindPut:
	case old != nil && old.Record.Kind == codec.KindPut && !tx.e.clock.expired(old.Record.Expires, unstored):
		op.Turn, op.Anew = old.Turn, old.Anew
	default:
		op.Turn, op.Anew = tx.turns, old != nil
		tx.turns++
	}
	if tx.views != nil && tx.views.note(tx.e, op, old) != nil {
		tx.views = nil // it is made anew, and the error met again
	}
}

// note takes in an operation, in place of an older one on its key, nil if there was none.
func (o *txViews) note(e *Engine, op, old *Op) error {
	key := string(op.Record.Key)
	var rec codec.Record
	err := e.lookUp(key, &rec, heads)
	if err != nil && !isMiss(err) && !isDamage(err) {
		return err
	}
	there := !isMiss(err)
	put := op.Record.Kind == codec.KindPut
	if s, ok := byQueue.append(nil, op.Record.Key, 0, nil); ok {
		if there {
			o.hidden.Add(s)
		}
		if put {
			o.queued.Add(s)
		} else {
			o.queued.Remove(s)
		}
	}
	if old != nil {
		o.inserted.Remove(unborn(old))
	}
	if put && (op.Anew || !there || e.clock.expired(rec.Expires, rec.Stored)) {
		o.inserted.Add(unborn(op))
	}
	return nil
}

// own returns what a transaction has in a view of its own.
func (o *txViews) own(k viewKind) *sortset.Set {
	if k == byQueue {
		return &o.queued
	}
	return &o.inserted
}

// hides reports whether an operation on the key of a candidate gives it another place, or none. In the
// order of insertion an item that is only replaced keeps its own.
func (o *txViews) hides(k viewKind, op *Op) bool {
	return k == byQueue || op.Record.Kind != codec.KindPut || o.inserted.Has(unborn(op))
}

// candidates returns those of a span, with what the transaction has changed of it. Expired items are
// among them, and what the view does not know to be gone.
func (tx *Tx) candidates(s span) iter.Seq2[*candidate, error] {
	return func(yield func(*candidate, error) bool) {
		o, err := tx.ownViews()
		if err != nil {
			yield(nil, err)
			return
		}
		mine := s // what of its own is not yielded yet
		name := passedSpan{s.kind, s.reverse, string(s.lo)}
		s.resume(o.passed[name])
		var found [][]byte
		over, leads := false, true
		for n := 1; ; {
			for !over && len(found) == 0 {
				p, err := tx.e.page(&s, n, true, nil)
				if err != nil {
					yield(nil, err)
					return
				}
				found, over, n = p.found, p.over, min(2*n, mostPage)
				found = tx.visible(o, s.kind, found)
				if leads = leads && len(found) == 0; leads && !over {
					o.passed[name] = s.position()
				}
			}
			at := mine.firstOf(o.own(s.kind))
			switch {
			case at == nil && len(found) == 0:
				return
			case at == nil || len(found) > 0 && (bytes.Compare(found[0], at) < 0) != s.reverse:
				at, found = found[0], found[1:]
			default:
				mine.moveOn(at)
			}
			if !yield(s.kind.candidate(at), nil) {
				return
			}
		}
	}
}

// visible returns those of some candidates that the transaction has not hidden.
func (tx *Tx) visible(o *txViews, k viewKind, found [][]byte) [][]byte {
	left := found[:0]
	for _, at := range found {
		key, _ := k.split(at)
		if i, ok := tx.index[key]; !ok || !o.hides(k, &tx.req.ops[i]) {
			left = append(left, at)
		}
	}
	return left
}

// position is where the rest of a span begins, for resume.
func (s *span) position() []byte {
	if s.reverse {
		return s.hi
	}
	return s.lo
}

func (s *span) resume(at []byte) {
	switch {
	case at == nil:
	case s.reverse:
		s.hi = at
	default:
		s.lo = at
	}
}

// firstOf returns the first string of a set that is in the span, nil if there is none.
func (s *span) firstOf(set *sortset.Set) (first []byte) {
	strings := set.From(s.lo)
	if s.reverse {
		strings = before(set, s.hi)
	}
	for at := range strings {
		if bytes.Compare(at, s.lo) >= 0 && (s.hi == nil || bytes.Compare(at, s.hi) < 0) {
			first = bytes.Clone(at)
		}
		break
	}
	return first
}

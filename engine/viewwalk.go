package engine

import (
	"bytes"
	"errors"
	"iter"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/internal/sortset"
)

// Walk is a part of the keys, and an order of them: that of their insertion, or of their bytes.
type Walk struct {
	ByKey   bool
	Reverse bool
	Prefix  string // keys that begin with it
	From    string // keys from this one on
	To      string // keys before this one; empty: no end
	Tag     string // items that have this tag; empty: any or none
}

// Scan returns the keys of a walk. What is there from its beginning to its end comes once. In the
// order of insertion nothing comes that was inserted after it began; in that of keys it may. An item
// that cannot be read yields its error, and the walk goes on.
func (e *Engine) Scan(w Walk) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		e.walkView(w, func(c *candidate) bool {
			err := c.look(e, 0)
			return isMiss(err) || yield(c.key, err) && !isOver(err)
		}, func(err error) { yield("", err) })
	}
}

// Found is an item that ScanItems yields. After an error only its key is known.
type Found struct {
	Item
	Value []byte // the caller's
}

// ScanItems returns the items of a walk, as Scan does their keys, each as it is when it is yielded.
func (e *Engine) ScanItems(w Walk) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		e.walkView(w, func(c *candidate) bool {
			f, err := c.read(e, e.readItem)
			return isMiss(err) || yield(f, err) && !isOver(err)
		}, func(err error) { yield(Found{}, err) })
	}
}

// isOver reports whether an error is one that every further key would meet.
func isOver(err error) bool { return errors.Is(err, ErrClosed) || errors.Is(err, ErrForked) }

// span is a part of a view.
type span struct {
	kind    viewKind
	reverse bool
	lo, hi  []byte // what is not before lo, and before hi; nil: no end
	bounded bool   // hi is where the view ended at first
}

// candidate is a string of a view, for whose key the index has to be asked.
type candidate struct {
	kind  viewKind
	at    []byte
	key   string
	first uint64 // of the key's insertion, in the orders of that
	tag   string // of the walk

	overtaken bool         // at the last look it was not there, but a commit was applied meanwhile
	rec       codec.Record // what look has found
}

func (k viewKind) candidate(at []byte) *candidate {
	c := &candidate{kind: k, at: at}
	c.key, c.first = k.split(at)
	return c
}

// walkView calls see for the candidates of a walk until it returns false, or fail. Nothing is
// held meanwhile. The candidates are one, and what it was is over when see returns.
func (e *Engine) walkView(w Walk, see func(*candidate) bool, fail func(error)) {
	s, c := w.span(), new(candidate)
	for n := firstPage; ; n = min(2*n, mostPage) {
		p, err := e.page(&s, n, false, w.filter())
		if err != nil {
			fail(err)
			return
		}
		for _, at := range p.found {
			*c = candidate{kind: s.kind, at: at, tag: w.Tag}
			c.key, c.first = s.kind.split(at)
			if !see(c) {
				return
			}
		}
		if p.over {
			return
		}
	}
}

// How many strings are taken out of a view at once: few at first, for who wants but one.
const (
	firstPage = 8
	mostPage  = 256
	mostSeen  = 8192 // with those that a filter leaves out: commits wait for that
)

// span returns the part of a view that a walk goes through.
func (w *Walk) span() span {
	s := span{kind: byInsertion, reverse: w.Reverse}
	switch {
	case w.ByKey && w.Tag != "":
		s.kind = byTagKey
	case w.ByKey:
		s.kind = byKey
	case w.Tag != "":
		s.kind = byTagInserted
	}
	if w.Tag != "" {
		s.lo = appendGroup(s.lo, w.Tag)
		s.hi = behindAll(s.lo)
	}
	if !w.ByKey {
		return s
	}
	group := s.lo
	s.lo = append(bytes.Clone(group), max(w.Prefix, w.From)...)
	if w.Prefix != "" {
		s.hi = behindAll(append(bytes.Clone(group), w.Prefix...))
	}
	if to := append(bytes.Clone(group), w.To...); w.To != "" && (s.hi == nil || bytes.Compare(to, s.hi) < 0) {
		s.hi = to
	}
	return s
}

// filter returns which strings of the view are of the walk, nil for all of them.
func (w *Walk) filter() func(viewKind, []byte) bool {
	if w.ByKey || w.Prefix == "" && w.From == "" && w.To == "" {
		return nil
	}
	skip := 8
	if w.Tag != "" {
		skip += 2 + len(w.Tag)
	}
	prefix, from, to := []byte(w.Prefix), []byte(w.From), []byte(w.To)
	return func(_ viewKind, s []byte) bool {
		key := s[skip:]
		return bytes.HasPrefix(key, prefix) && bytes.Compare(key, from) >= 0 && (len(to) == 0 || bytes.Compare(key, to) < 0)
	}
}

// behindAll returns the first string behind all that begin with s; nil if there is none.
func behindAll(s []byte) []byte {
	s = bytes.Clone(s)
	for len(s) > 0 {
		if s[len(s)-1]++; s[len(s)-1] != 0 {
			return s
		}
		s = s[:len(s)-1]
	}
	return nil
}

// mostCopied bounds what is set aside for the strings of a page, before it is known how long they are.
const mostCopied = 64 << 10

// page is a part of a span.
type page struct {
	moment
	found [][]byte
	over  bool // nothing is left behind it
}

// moment is one of the views: their epoch, and the sequence of the last commit of which they had
// been told.
type moment struct{ epoch, seq uint64 }

// moment returns that of now. The caller holds views.mu.
func (e *Engine) moment() moment {
	return moment{e.views.epoch.Load(), max(e.views.seq, e.followed.Load())}
}

// page returns up to n strings of a span for which keep, if it is not nil, returns true, and moves the
// span on behind them. In the order of insertion it ends the span where the view ends now.
func (e *Engine) page(s *span, n int, locked bool, keep func(viewKind, []byte) bool) (p page, err error) {
	if !locked { // else it has followed
		if err := e.catchUp(); err != nil {
			return p, err
		}
	}
	err = e.withView(s.kind, locked, func(x *view) {
		p.moment = e.moment()
		p.over = true
		seen := 0
		var copies []byte // of all of the page: one allocation does for many
		add := func(at []byte) bool {
			if seen++; keep == nil || keep(s.kind, at) {
				if copies == nil {
					p.found, copies = make([][]byte, 0, n), make([]byte, 0, min(n*len(at), mostCopied))
				}
				begin := len(copies)
				copies = append(copies, at...)
				p.found = append(p.found, copies[begin:len(copies):len(copies)])
			}
			if p.over = len(p.found) < n && seen < mostSeen; !p.over {
				s.moveOn(at)
			}
			return p.over
		}
		s.bound(x)
		if s.reverse {
			for at := range before(&x.set, s.hi) {
				if bytes.Compare(at, s.lo) < 0 || !add(at) {
					break
				}
			}
			return
		}
		for at := range x.set.From(s.lo) {
			if s.hi != nil && bytes.Compare(at, s.hi) >= 0 || !add(at) {
				break
			}
		}
	})
	return p, err
}

// before is sortset.Set.Before; nil is the end.
func before(set *sortset.Set, hi []byte) iter.Seq[[]byte] {
	if n := set.Len(); hi == nil && n > 0 {
		hi = append(set.AppendAt(nil, n-1), 0)
	}
	return set.Before(hi)
}

// bound ends a span in the order of insertion behind the last one that there is as the walk begins.
func (s *span) bound(x *view) {
	if s.bounded || s.reverse || s.kind != byInsertion && s.kind != byTagInserted {
		return
	}
	s.bounded = true
	for at := range before(&x.set, s.hi) {
		s.hi = append(bytes.Clone(at), 0)
		break
	}
}

// moveOn begins a span anew behind a string of it.
func (s *span) moveOn(at []byte) {
	if s.reverse {
		s.hi = bytes.Clone(at)
	} else {
		s.lo = append(bytes.Clone(at), 0)
	}
}

// look asks the index whether a candidate is what it seems to be; ErrNotFound if not, and ErrExpired.
// as is asIs, or 0.
func (c *candidate) look(e *Engine, as look) error {
	epoch := e.views.epoch.Load()
	c.rec = codec.Record{}
	rec := &c.rec
	how := heads
	if c.tag != "" {
		how = peeks // a head does not tell the tag
	}
	err := e.lookUp(c.key, rec, how|as)
	if err == nil && !c.agrees(rec.First, string(rec.Tag)) {
		err = ErrNotFound
	}
	if err == nil && e.clock.expired(rec.Expires, rec.Stored) {
		err = ErrExpired
	}
	c.missed(e, err, epoch)
	return err
}

// read is look that reads the item, by the function given.
func (c *candidate) read(e *Engine, item func(key string) (Item, []byte, error)) (Found, error) {
	epoch := e.views.epoch.Load()
	it, v, err := item(c.key)
	if err == nil && !c.agrees(it.First, it.Tag) {
		err = ErrNotFound
	}
	c.missed(e, err, epoch)
	it.Key = c.key
	return Found{it, v}, err
}

// missed takes a candidate out of its view if it was not there, and no commit was applied since epoch.
func (c *candidate) missed(e *Engine, err error, epoch uint64) {
	c.overtaken = err == ErrNotFound && !e.views.drop(c.kind, c.at, epoch)
}

// agrees reports whether a record has the place in the view that the candidate has.
func (c *candidate) agrees(first uint64, tag string) bool {
	switch c.kind {
	case byInsertion:
		return c.first == first
	case byTagInserted:
		return c.first == first && tag == c.tag
	case byTagKey:
		return tag == c.tag
	}
	return true
}

package memory

import (
	"fmt"
	"iter"
	"strings"

	"github.com/go-diskcache/diskcache"
)

// page is how many slots a walk takes at a time.
const page = 128

// Scan returns the keys of a range, in its order.
func (s *Store) Scan(r diskcache.Range) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for it, err := range s.scan(r, func(x *slot) diskcache.Item { return diskcache.Item{Key: x.key} }) {
			if !yield(it.Key, err) {
				return
			}
		}
	}
}

// ScanItems returns the items of a range, each as it is when it is yielded.
func (s *Store) ScanItems(r diskcache.Range) iter.Seq2[diskcache.Item, error] {
	return s.scan(r, (*slot).item)
}

// walker is a walk of a range.
type walker struct {
	s     *Store
	r     diskcache.Range
	order order
	bound uint64 // nothing that was inserted later is seen, in the order of insertion
	at    *slot  // the last one that was looked at; nil at the beginning
	ended bool
}

func (s *Store) scan(r diskcache.Range, item func(*slot) diskcache.Item) iter.Seq2[diskcache.Item, error] {
	return func(yield func(diskcache.Item, error) bool) {
		w, err := s.walker(r)
		for err == nil && !w.ended {
			var found []*slot
			if found, err = w.page(); err != nil {
				break
			}
			for _, x := range found {
				it, ok := w.look(x, item)
				if ok && !yield(it, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(diskcache.Item{}, err)
		}
	}
}

func (s *Store) walker(r diskcache.Range) (*walker, error) {
	w := &walker{s: s, r: r, order: byKey}
	switch {
	case r.Order > diskcache.ByKey:
		return nil, fmt.Errorf("%w: unknown order %d", diskcache.ErrOption, r.Order)
	case r.Order == diskcache.ByInsertion && r.Tag != "":
		w.order = tagByAge
	case r.Order == diskcache.ByInsertion:
		w.order = byAge
	case r.Tag != "":
		w.order = tagByKey
	}
	err := s.read(none, func(*batch) error {
		w.bound = s.newest
		return nil
	})
	return w, err
}

// page returns the next slots of the walk. It looks at so many that writers do not wait long.
func (w *walker) page() (found []*slot, err error) {
	err = w.s.read(w.order, func(*batch) error {
		list := w.s.index.of(w.order, w.r.Tag)
		p := w.begin(list)
		for range page {
			x := list.at(p)
			if x == nil || w.beyond(x) {
				w.ended = true
				return nil
			}
			if w.holds(x.key) {
				found = append(found, x)
			}
			w.at = x
			p = list.step(p, w.r.Reverse)
		}
		return nil
	})
	return found, err
}

// begin returns where a page begins.
func (w *walker) begin(list *sorted) place {
	p := list.search(func(x *slot) bool {
		switch {
		case w.at != nil && w.r.Reverse:
			return !list.less(x, w.at)
		case w.at != nil:
			return list.less(w.at, x)
		case w.byAge():
			return !w.r.Reverse || x.first > w.bound
		case w.r.Reverse:
			return w.r.To != "" && x.key >= w.r.To || x.key > w.r.Prefix && !strings.HasPrefix(x.key, w.r.Prefix)
		}
		return x.key >= max(w.r.From, w.r.Prefix)
	})
	if w.r.Reverse {
		return list.step(p, true)
	}
	return p
}

func (w *walker) byAge() bool { return w.order == byAge || w.order == tagByAge }

// beyond reports whether a slot and all that come after it in the walk are out of the range.
func (w *walker) beyond(x *slot) bool {
	switch {
	case w.byAge():
		return x.first > w.bound
	case w.r.Reverse:
		return x.key < max(w.r.From, w.r.Prefix)
	}
	return w.r.To != "" && x.key >= w.r.To || !strings.HasPrefix(x.key, w.r.Prefix)
}

func (w *walker) holds(key string) bool {
	return strings.HasPrefix(key, w.r.Prefix) && key >= w.r.From && (w.r.To == "" || key < w.r.To)
}

// look returns the item of a slot as it is now, if it is in the range still.
func (w *walker) look(x *slot, item func(*slot) diskcache.Item) (it diskcache.Item, ok bool) {
	err := w.s.look(x.key, func(now *slot) {
		if (now == x || !w.byAge()) && (w.r.Tag == "" || now.tag == w.r.Tag) {
			it, ok = item(now), true
		}
	})
	return it, ok && err == nil
}

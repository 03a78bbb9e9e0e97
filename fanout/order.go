package fanout

import (
	"cmp"
	"context"
	"iter"
	"time"

	"github.com/go-diskcache/diskcache"
)

// PeekItem returns the item that was inserted first or last. It waits for writers, since what
// is first in one shard may be gone when the next is looked at. With ReadOnly it does not wait.
func (s *Store) PeekItem(side diskcache.Side) (it diskcache.Item, err error) {
	if len(s.shards) == 1 {
		return s.shards[0].PeekItem(side)
	}
	if s.readOnly {
		return endOf(s.shards, side, func(i int, it diskcache.Item) (age, error) { return age{0, it.Created, i}, nil })
	}
	t, err := s.Begin(context.Background())
	if err != nil {
		return it, err
	}
	defer func() { err = firstError(err, t.Rollback()) }()
	return t.PeekItem(side)
}

// PeekItem returns the item that was inserted first or last.
func (t *tx) PeekItem(side diskcache.Side) (it diskcache.Item, err error) {
	err = t.use(func() (err error) {
		it, err = endOf(t.shards, side, t.ageOf)
		return err
	})
	return it, err
}

// endOf returns the first or the last of what shards have there.
func endOf[O diskcache.Ops](shards []O, side diskcache.Side, ageOf func(i int, it diskcache.Item) (age, error)) (best diskcache.Item, err error) {
	found := false
	var at age
	for i, shard := range shards {
		it, err := shard.PeekItem(side)
		if isMiss(err) {
			continue
		}
		if err != nil {
			return diskcache.Item{}, err
		}
		a, err := ageOf(i, it)
		if err != nil {
			return diskcache.Item{}, err
		}
		if !found || a.compare(at) < 0 == (side == diskcache.Front) {
			best, at, found = it, a, true
		}
	}
	if !found {
		return best, diskcache.ErrNotFound
	}
	return best, nil
}

// age says which of two keys was inserted first: what a transaction inserts comes after all
// else.
type age struct {
	own     int
	created time.Time
	shard   int
}

func (a age) compare(b age) int {
	return cmp.Or(cmp.Compare(a.own, b.own), a.created.Compare(b.created), cmp.Compare(a.shard, b.shard))
}

// ageOf returns the age of an item that a transaction sees. Of what it has set itself the item
// does not tell: others still see when it was created, and nobody changes it meanwhile.
func (t *txn) ageOf(shard int, it diskcache.Item) (age, error) {
	k, changed := t.keys[it.Key]
	if !changed {
		return age{0, it.Created, shard}, nil
	}
	if !k.removed {
		was, err := t.s.shards[shard].Item(it.Key)
		if err == nil {
			return age{0, was.Created, shard}, nil
		}
		if !isMiss(err) {
			return age{}, err
		}
	}
	return age{own: k.at}, nil
}

// Wait returns when the item of key has another version than the one given.
func (s *Store) Wait(ctx context.Context, key string, version uint64) error {
	return s.shards[place(home(key), len(s.shards))].Wait(ctx, key, version)
}

// Scan returns the keys of a range, in its order. In the order of insertion it reads the items.
func (s *Store) Scan(r diskcache.Range) iter.Seq2[string, error] {
	switch {
	case r.Order > diskcache.ByKey:
		return s.shards[0].Scan(r) // which says what is wrong
	case r.Order == diskcache.ByKey:
		return merged(s, func(c diskcache.Store) iter.Seq2[string, error] { return c.Scan(r) }, ordered(r, cmp.Compare[string]))
	}
	return func(yield func(string, error) bool) {
		for it, err := range s.byAge(r) {
			if !yield(it.Key, err) {
				return
			}
		}
	}
}

// ScanItems returns the items of a range, in its order, each as it is when it is yielded. The
// walks of the shards are ahead of that, so each is read once more.
func (s *Store) ScanItems(r diskcache.Range) iter.Seq2[diskcache.Item, error] {
	switch {
	case r.Order > diskcache.ByKey:
		return s.shards[0].ScanItems(r)
	case r.Order == diskcache.ByKey:
		return func(yield func(diskcache.Item, error) bool) {
			for key, err := range s.Scan(r) {
				if !s.yieldNow(diskcache.Item{Key: key}, err, r, yield) {
					return
				}
			}
		}
	}
	return func(yield func(diskcache.Item, error) bool) {
		for it, err := range s.byAge(r) {
			if !s.yieldNow(it, err, r, yield) {
				return
			}
		}
	}
}

// byAge returns the items of a range in the order of insertion, as they were when the walk of
// their shard was there.
func (s *Store) byAge(r diskcache.Range) iter.Seq2[diskcache.Item, error] {
	return merged(s, func(c diskcache.Store) iter.Seq2[diskcache.Item, error] { return c.ScanItems(r) },
		ordered(r, func(a, b diskcache.Item) int { return a.Created.Compare(b.Created) }))
}

// yieldNow yields what an item of a walk is now, if it is still in the range, and in its place.
func (s *Store) yieldNow(was diskcache.Item, err error, r diskcache.Range, yield func(diskcache.Item, error) bool) bool {
	if err != nil {
		return yield(was, err)
	}
	is, err := s.Item(was.Key)
	switch {
	case isMiss(err):
		return true
	case err == nil && r.Tag != "" && is.Tag != r.Tag:
		return true
	case err == nil && r.Order == diskcache.ByInsertion && !is.Created.Equal(was.Created):
		return true
	}
	return yield(is, err)
}

func ordered[T any](r diskcache.Range, compare func(a, b T) int) func(a, b T) int {
	if r.Reverse {
		return func(a, b T) int { return compare(b, a) }
	}
	return compare
}

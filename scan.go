package diskcache

import (
	"fmt"
	"iter"

	"github.com/go-diskcache/diskcache/engine"
)

// Scan returns the keys of a range, in its order. What is there from the beginning to the end
// of the walk comes once; what is set or deleted meanwhile may come or not, but in the order of
// insertion nothing comes that was inserted after the walk began. Expired items are left out. The
// cache may be changed during the walk. An item that cannot be read yields its error, and the
// walk goes on; one of which not even the key can be read has no place in any order: Keys and
// Check tell of it.
//
// The first use of an order (by insertion, by key, and each of the two for tags) reads the keys of
// all items, some hundred thousand in a second and processor, and keeps them in memory from then
// on, with a few bytes besides for each. After that a key costs a look at its record, and the first
// one no more, wherever in the order of keys it is; of a Prefix, From or To in the order of insertion
// all keys are looked through.
func (c *Cache) Scan(r Range) iter.Seq2[string, error] {
	w, err := r.walk()
	if err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return c.e.Load().Scan(w)
}

// ScanItems returns the items of a range, as Scan does their keys, each as it is when it is
// yielded. After an error only its Key is known. Reads of it are not counted as hits.
func (c *Cache) ScanItems(r Range) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		w, err := r.walk()
		if err != nil {
			yield(Item{}, err)
			return
		}
		for f, err := range c.e.Load().ScanItems(w) {
			it := Item{Key: f.Key}
			if err == nil {
				it = newItem(f.Item, f.Value)
			}
			if !yield(it, err) {
				return
			}
		}
	}
}

func (r Range) walk() (engine.Walk, error) {
	if r.Order > ByKey {
		return engine.Walk{}, fmt.Errorf("%w: unknown order %d", ErrOption, r.Order)
	}
	return engine.Walk{ByKey: r.Order == ByKey, Reverse: r.Reverse, Prefix: r.Prefix, From: r.From, To: r.To, Tag: r.Tag}, nil
}

// PeekItem returns the item that was inserted first (Front) or last (Back). Setting a key that has an
// item does not change its place; setting one that was deleted, or whose item had expired, inserts
// it anew. Expired items are passed over. ErrNotFound: there is none. Its first use costs what that of
// Scan does.
func (c *Cache) PeekItem(side Side) (Item, error) { return peekItem(c.e.Load(), side) }

// PeekItem is Cache.PeekItem.
func (tx *Tx) PeekItem(side Side) (Item, error) { return peekItem(tx.t, side) }

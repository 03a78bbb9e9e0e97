package engine

import (
	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
)

// Place is where a record lies. No other record ever lies there: the names of segments are not
// used again, and no byte of one is written twice. The zero value is no place.
type Place struct {
	Segment uint64
	Offset  int64
}

// GetPlaced is GetItem that says where the record lies. It is the zero Place where there is no
// telling: the value has a file of its own, or the record was moved as it was read.
func (e *Engine) GetPlaced(key string) (Item, []byte, Place, error) {
	it, v, p, ok := e.getPlaced(key)
	if !ok {
		it, v, err := e.GetItem(key)
		return it, v, Place{}, err
	}
	e.stats.get(e.opt.Hash(key), nil)
	return it, v, p, nil
}

// getPlaced reads a record at one look; it is not ok where that does not do.
func (e *Engine) getPlaced(key string) (it Item, v []byte, p Place, ok bool) {
	h := e.opt.Hash(key)
	set, err := e.acquire(h)
	if err != nil {
		return it, nil, p, false
	}
	defer set.Release(h)
	var rec codec.Record
	stored, entry, err := e.findIn(set, h, key, nil, &rec, uses)
	if err != nil || e.clock.expired(rec.Expires, rec.Stored) || rec.Flags&codec.FlagFile != 0 {
		return it, nil, p, false
	}
	if it, err = e.item(key, stored, &rec); err != nil {
		return it, nil, p, false
	}
	if v, err = codec.Decompress(nil, stored, rec.Compression, int(rec.RawLen)); err != nil {
		return it, nil, p, false
	}
	e.usedAt(h, entry)
	slot, off := e.layout.Split(entry.Place)
	return it, v, Place{set.At(slot).ID, off}, true
}

// Holds reports whether the newest record of it.Key, where it is that of an item that has not
// expired, is the one that GetPlaced has read at p. It reads the index alone. A record that was
// moved is not found: it is to be read again. One that is found counts as read.
func (e *Engine) Holds(it *Item, p Place) (bool, error) {
	h := e.opt.Hash(it.Key)
	set, err := e.acquire(h)
	if err != nil {
		return false, err
	}
	defer set.Release(h)
	x, err := e.wholeIndex()
	if err != nil { // it is being built
		return false, nil
	}
	at := func(entry keydir.Entry) bool {
		slot, off := e.layout.Split(entry.Place)
		seg := set.At(slot)
		return seg != nil && seg.ID == p.Segment && off == p.Offset
	}
	entry, status := x.Lookup(h)
	held := status == keydir.Found && at(entry)
	if !held {
		entry, held = x.LookupSide(h, []byte(it.Key))
		held = held && at(entry)
	}
	expires := int64(0)
	if !it.Expires.IsZero() {
		expires = it.Expires.UnixNano()
	}
	if !held || set.Over() || e.clock.expired(expires, it.Stored) { // over: the slot may be another segment's
		return false, nil
	}
	e.usedAt(h, entry)
	e.stats.get(h, nil)
	return true, nil
}

// usedAt tells the policy of a read.
func (e *Engine) usedAt(h uint64, entry keydir.Entry) {
	if e.evict.limits.Load() {
		e.evict.used(e.index.Load(), h, entry)
	}
}

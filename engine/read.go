package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// Item is what is known of an item besides its value.
type Item struct {
	Key     string
	Size    int64 // of the value as it was given, in bytes
	Stored  uint64
	First   uint64 // sequence at which the key was first stored
	Expires time.Time
	Tag     string
	User    uint16
	OnDisk  int64 // bytes that it takes on the disk
}

// maxLookups bounds how often a read that finds its record gone looks again. Each
// time another commit has moved the record meanwhile.
const maxLookups = 100

// Get appends the value of key to dst.
func (e *Engine) Get(key string, dst []byte) ([]byte, error) {
	var rec codec.Record
	out, err := e.get(key, dst, &rec)
	e.stats.get(rec.Hash, err)
	return out, err
}

// get is Get, and fills in the record, whose key and value it leaves out.
func (e *Engine) get(key string, dst []byte, rec *codec.Record) ([]byte, error) {
	return e.getAt(nil, key, dst, rec)
}

// getAt is get as of an instant; nil: that at which the record is read.
func (e *Engine) getAt(i *instant, key string, dst []byte, rec *codec.Record) ([]byte, error) {
	h := e.opt.Hash(key)
	out, err := e.find(h, key, dst, rec, uses)
	if err != nil {
		rec.Hash = h
		return dst, err
	}
	if i == nil && e.clock.expired(rec.Expires, rec.Stored) || i != nil && e.clock.expiredAt(*i, rec.Expires, rec.Stored) {
		return dst, ErrExpired
	}
	if rec.Flags&codec.FlagFile == 0 && rec.Compression == codec.None {
		return out, nil
	}
	stored := out[len(dst):]
	if rec.Flags&codec.FlagFile != 0 {
		return e.readFile(key, dst, stored, rec)
	}
	// Decompression reads what lies behind dst, so it must not write there.
	v, err := codec.Decompress(nil, stored, rec.Compression, int(rec.RawLen))
	if err != nil {
		return dst, &CorruptError{File: "value of " + quote(key), Err: err}
	}
	return append(dst, v...), nil
}

// look is how a key is looked up.
type look uint8

const (
	uses  look = iota // the policy is told of it
	peeks             // it is not
	heads             // and of the record only the head is read: neither value nor tag

	// asIs is added to one of these by who has followed: what is published meanwhile is not applied, so
	// that it can be done with the writer lock of the process held. What would need more than that, as
	// an index that is being built, is an error.
	asIs look = 1 << 7
)

// find appends the stored value of key to dst: what is in the record, compressed
// or the name of a file as it may be.
func (e *Engine) find(h uint64, key string, dst []byte, rec *codec.Record, how look) ([]byte, error) {
	follows := how&asIs == 0
	how &^= asIs
	for try := 0; ; try++ {
		set, err := e.segments(h, follows)
		if err != nil {
			return dst, err
		}
		out, entry, err := e.findIn(set, h, key, dst, rec, how)
		if !follows && (err == errPartial || err == keydir.ErrDamaged) {
			set.Release(h)
			return dst, err
		}
		if err == errPartial {
			set.Release(h)
			if err := e.followNow(); err != nil {
				return dst, err
			}
			continue
		}
		// While the set is held the index is not given back.
		// From a set that is over another segment may have been read: slots are
		// used again.
		if err != nil && err != ErrNotFound && follows && try < maxLookups && e.behindNow() { // its file may be gone
			set.Release(h)
			continue
		}
		again := err == errGone || err != nil && (set.Over() || err != ErrNotFound && e.moved(h, key, entry))
		if how == uses && err == nil && e.evict.limits.Load() {
			e.evict.used(e.index.Load(), h, entry)
		}
		set.Release(h)
		switch {
		case err == nil, err == ErrNotFound && (!again || try >= maxLookups):
			return out, err
		case err == keydir.ErrDamaged:
			if err := e.rebuildFromRead(); err != nil {
				return dst, err
			}
		case err == errGone && try >= maxLookups:
			return dst, &CorruptError{File: codec.SnapshotName, Err: errNowhere}
		case !again, try >= maxLookups:
			return dst, e.corrupt(err)
		}
	}
}

// segments returns those that there are: as of all that is published or, if follows is not set, of
// what is applied.
func (e *Engine) segments(salt uint64, follows bool) (*segment.Set, error) {
	if follows {
		return e.acquire(salt)
	}
	if set := e.log.Acquire(salt); set != nil {
		return set, nil
	}
	return nil, ErrClosed
}

// moved reports whether the index no longer points where entry does.
func (e *Engine) moved(h uint64, key string, entry keydir.Entry) bool {
	x := e.index.Load()
	if now, _ := x.Lookup(h); now.Place == entry.Place {
		return false
	}
	side, ok := x.LookupSide(h, []byte(key))
	return !ok || side.Place != entry.Place
}

// errGone says that a place is in a segment that the set does not have: it was
// acquired before the segment was begun.
var errGone = fmt.Errorf("%w: segment of a newer set", ErrNotFound)

// findIn looks a key up among some segments.
func (e *Engine) findIn(set *segment.Set, h uint64, key string, dst []byte, rec *codec.Record, how look) ([]byte, keydir.Entry, error) {
	out, entry, err := e.lookIn(set, h, key, dst, rec, how)
	if err == nil && set.Over() { // it may be an old record, of a segment that had the slot before
		return dst, entry, errGone
	}
	return out, entry, err
}

func (e *Engine) lookIn(set *segment.Set, h uint64, key string, dst []byte, rec *codec.Record, how look) ([]byte, keydir.Entry, error) {
	x, err := e.wholeIndex()
	if err != nil {
		return dst, keydir.Entry{}, err
	}
	entry, status := x.Lookup(h)
	if status == keydir.Damaged {
		return dst, entry, keydir.ErrDamaged
	}
	var lost error
	if status == keydir.Found {
		out, same, err := e.readAt(set, entry, key, dst, rec, how)
		if same || err != nil && !segment.IsDamage(err) {
			return out, entry, err
		}
		lost = err // it may have been another key's
	}
	side, ok := x.LookupSide(h, []byte(key))
	if !ok {
		return dst, entry, cmp.Or(lost, ErrNotFound)
	}
	entry = side
	out, same, err := e.readAt(set, entry, key, dst, rec, how)
	if err == nil && !same {
		err = errGone
	}
	return out, entry, err
}

func (e *Engine) readAt(set *segment.Set, entry keydir.Entry, key string, dst []byte, rec *codec.Record, how look) ([]byte, bool, error) {
	slot, off := e.layout.Split(entry.Place)
	seg := set.At(slot)
	if seg == nil {
		return dst, false, errGone
	}
	if how == heads {
		same, err := e.headAt(seg, off, key, rec)
		return dst, same, err
	}
	return seg.Get(off, keydir.ClassSize(entry.Class), key, dst, rec)
}

// headAt fills in what the head of a record says, and reports whether it is one of key.
func (e *Engine) headAt(seg *segment.Segment, off int64, key string, rec *codec.Record) (bool, error) {
	buf := unused.Get().(*[]byte)
	defer unused.Put(buf)
	h, k, err := seg.Head(off, (*buf)[:0])
	if err != nil {
		return false, err
	}
	*buf = k
	rec.Flags, rec.Seq, rec.First, rec.Stored, rec.Expires = h.Flags, h.Seq, h.First, h.Stored, h.Expires
	if string(k) == key {
		return true, nil
	}
	if h.Hash == e.opt.Hash(key) && h.Hash != e.opt.Hash(string(k)) {
		return false, &segment.DamageError{File: seg.Name(), Offset: off, Err: codec.ErrChecksum}
	}
	return false, nil
}

// corrupt counts damage that a read has met.
func (e *Engine) corrupt(err error) error {
	if segment.IsDamage(err) {
		e.stats.corrupt.Add(1)
	}
	return readError(err)
}

// Item returns what is known of key. The value is not read where it has a file
// of its own.
func (e *Engine) Item(key string) (Item, error) {
	var rec codec.Record
	stored, err := e.find(e.opt.Hash(key), key, nil, &rec, peeks)
	if err != nil {
		return Item{}, err
	}
	if e.clock.expired(rec.Expires, rec.Stored) {
		return Item{}, ErrExpired
	}
	return e.item(key, stored, &rec)
}

func (e *Engine) item(key string, stored []byte, rec *codec.Record) (Item, error) {
	it := Item{
		Key: key, Size: int64(rec.RawLen), Stored: rec.Stored, First: rec.First,
		Tag: string(rec.Tag), User: rec.User, OnDisk: int64(codec.RecordSize(rec) + len(key) + len(stored)),
	}
	if rec.Expires != 0 {
		it.Expires = time.Unix(0, rec.Expires)
	}
	if rec.Flags&codec.FlagFile != 0 {
		ref, err := parseRef(key, stored)
		if err != nil {
			return Item{}, err
		}
		it.Size, it.OnDisk = ref.Size, it.OnDisk+ref.Size
	}
	return it, nil
}

// GetItem returns the value of key and what is known of it, of one and the same
// moment.
func (e *Engine) GetItem(key string) (Item, []byte, error) {
	it, v, err := e.readItem(key)
	e.stats.get(e.opt.Hash(key), err)
	return it, v, err
}

// readItem is GetItem without a word to the statistics.
func (e *Engine) readItem(key string) (Item, []byte, error) {
	r, it, err := e.Reader(key)
	if err != nil {
		return it, nil, err
	}
	return e.readAll(r, it)
}

// readAsIs is readItem of the index as it is (see asIs), as of an instant.
func (e *Engine) readAsIs(i instant, key string) (it Item, v []byte, err error) {
	var rec codec.Record
	stored, err := e.find(e.opt.Hash(key), key, nil, &rec, uses|asIs)
	if err != nil {
		return it, nil, err
	}
	if e.clock.expiredAt(i, rec.Expires, rec.Stored) {
		return it, nil, ErrExpired
	}
	if it, err = e.item(key, stored, &rec); err != nil {
		return it, nil, err
	}
	r, err := e.readerOf(key, stored, &rec)
	if err != nil {
		return it, nil, err
	}
	return e.readAll(r, it)
}

// readAll reads a value to its end, and closes what it is read from.
func (e *Engine) readAll(r Reader, it Item) (Item, []byte, error) {
	if r.Size() > math.MaxInt {
		return it, nil, errors.Join(errTooLargeHere, r.Close())
	}
	v := make([]byte, r.Size())
	var err error
	if n, rerr := r.ReadAt(v, 0); n < len(v) {
		err = e.corruptFile(rerr)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return it, nil, err
	}
	return it, v, nil
}

var errTooLargeHere = fmt.Errorf("%w for the memory of this machine", ErrTooLarge)

// Has reports whether key has an item that has not expired.
func (e *Engine) Has(key string) (bool, error) {
	var rec codec.Record
	err := e.lookUp(key, &rec, peeks)
	if err == nil && e.clock.expired(rec.Expires, rec.Stored) {
		err = ErrExpired
	}
	return Present(err)
}

// lookUp fills in what is known of key, expired or not, without its value.
func (e *Engine) lookUp(key string, rec *codec.Record, how look) error {
	buf := unused.Get().(*[]byte)
	stored, err := e.find(e.opt.Hash(key), key, (*buf)[:0], rec, how)
	if *buf = stored; cap(stored) <= mostUnused {
		unused.Put(buf)
	}
	return err
}

// unused has buffers for values that are verified and not wanted, of no more than mostUnused bytes.
var unused = sync.Pool{New: func() any { return new([]byte) }}

const mostUnused = 1 << 20

// Present turns the outcome of a read into whether there is an item.
func Present(err error) (bool, error) {
	if isMiss(err) {
		return false, nil
	}
	return err == nil, err
}

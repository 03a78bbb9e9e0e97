package engine

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/internal/sortset"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// A view is an order of the keys, built when it is first used and kept up from then on. It is a
// hint: whatever becomes visible in the index is put into the views before anybody can look at
// them, but what they hold the index may not have any more. So who walks one asks the index of
// each key, and takes out what is gone. What eviction, compaction, drops and other processes do
// without naming keys makes a view longer than it has to be, and never wrong.

// viewKind is which order it is: what its strings are made of.
type viewKind uint8

const (
	byInsertion   viewKind = iota // sequence of the key's first insertion, key
	byKey                         // key
	byTagInserted                 // tag, sequence of the key's first insertion, key
	byTagKey                      // tag, key
	byQueue                       // prefix, number; of keys that have the form of a queue's
	numberOfViews = iota
)

// views are those of an engine.
type views struct {
	on    atomic.Bool   // there are views, or some are being built: commits have to tell of keys
	loose atomic.Uint64 // raised after something went from the index of which the views were not told
	epoch atomic.Uint64 // raised, with mu held, when a commit was applied, or views were given up
	turn  sync.Mutex    // of who builds and has no writer lock

	mu     sync.Mutex // held over the applying of a commit
	built  [numberOfViews]*view
	making []*view // that are being built: they are told of keys, and nobody looks at them
	seq    uint64  // of the last commit of which they were told
}

type view struct {
	kind    viewKind
	set     sortset.Set
	most    int               // strings that it may have before it is compared with the index
	since   uint64            // views.loose, when the building began
	settled map[string]uint64 // of byQueue: views.loose, when all of a queue were looked up
}

// append appends what stands for a key in such a view; ok is false if it has no place there.
func (k viewKind) append(dst, key []byte, first uint64, tag []byte) (_ []byte, ok bool) {
	switch k {
	case byInsertion:
		dst = binary.BigEndian.AppendUint64(dst, first)
	case byTagInserted, byTagKey:
		if len(tag) == 0 {
			return dst, false
		}
		dst = appendGroup(dst, tag)
		if k == byTagInserted {
			dst = binary.BigEndian.AppendUint64(dst, first)
		}
	case byQueue:
		prefix, n, ok := parseQueueKey(key)
		if !ok {
			return dst, false
		}
		return appendQueue(dst, prefix, n), true
	}
	return append(dst, key...), true
}

// appendGroup appends what strings of one tag, or of one queue, begin with, and no others.
func appendGroup[S string | []byte](dst []byte, name S) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(name))), name...)
}

// split takes a string of such a view apart. first is 0 where the string does not tell.
func (k viewKind) split(s []byte) (key string, first uint64) {
	switch k {
	case byQueue:
		return queueKey(s), 0
	case byTagInserted, byTagKey:
		s = s[2+int(binary.BigEndian.Uint16(s)):]
	}
	if k == byInsertion || k == byTagInserted {
		first, s = binary.BigEndian.Uint64(s), s[8:]
	}
	return string(s), first
}

// begin is called before a commit is applied. If it returns true, the views are to be told of the
// keys of it, and end is to be called.
func (v *views) begin() bool {
	if !v.on.Load() {
		return false
	}
	v.mu.Lock()
	return true
}

// end says that all up to a sequence is applied.
func (v *views) end(seq uint64, index *keydir.Index) {
	v.seq = max(v.seq, seq)
	v.epoch.Add(1)
	v.shed(index)
	v.mu.Unlock()
}

// shed lets go of views that are mostly of keys that are gone: who looks at one again builds it
// anew. Nobody may, and then they would grow for ever.
func (v *views) shed(index *keydir.Index) {
	left := len(v.making)
	for k, x := range v.built {
		if x != nil && x.overgrown(index) {
			v.built[k], x = nil, nil
		}
		if x != nil {
			left++
		}
	}
	if left == 0 {
		v.on.Store(false)
	}
}

// all calls fn for all views. The caller holds mu.
func (v *views) all(fn func(*view)) {
	for _, x := range v.built {
		if x != nil {
			fn(x)
		}
	}
	for _, x := range v.making {
		fn(x)
	}
}

// put says that a key has a record. The caller holds mu.
func (v *views) put(key []byte, first uint64, tag []byte) {
	var buf [128]byte
	v.all(func(x *view) {
		if s, ok := x.kind.append(buf[:0], key, first, tag); ok {
			x.set.Add(s)
		}
	})
}

// gone says that a key has none any more; first is 0 where it is not known. Where it stands in the
// view of its tag is found out when somebody comes there. The caller holds mu.
func (v *views) gone(key []byte, first uint64) {
	var buf [128]byte
	v.all(func(x *view) {
		switch {
		case x.kind == byTagInserted || x.kind == byTagKey || x.kind == byInsertion && first == 0:
			return
		}
		if s, ok := x.kind.append(buf[:0], key, first, nil); ok {
			x.set.Remove(s)
		}
	})
	if len(v.making) > 0 { // who builds may have read of it, and is about to add it
		v.loose.Add(1)
	}
}

// changed tells the views of a change that was applied.
func (v *views) changed(c *change) {
	rec := &c.op.Record
	switch {
	case c.op.Silent:
		v.loose.Add(1)
	case c.op.From != nil: // moved as it is
	case rec.Kind == codec.KindTombstone:
		v.gone(rec.Key, c.old.first)
	case rec.Kind == codec.KindPut:
		v.put(rec.Key, rec.First, rec.Tag)
		if c.ref.Found() && c.old.first != rec.First {
			v.left(rec.Key, c.old.first)
		}
	}
}

// left says that a key has another place in the order of insertion than it had.
func (v *views) left(key []byte, first uint64) {
	if x := v.built[byInsertion]; x != nil {
		s, _ := byInsertion.append(nil, key, first, nil)
		x.set.Remove(s)
	}
}

// followed tells the views of a record of another process that was applied.
func (v *views) followed(r *segment.Record) {
	switch {
	case r.Damaged:
		v.loose.Add(1) // whose it was is not known
	case r.Kind == codec.KindPut:
		v.put(r.Key, r.First, r.Tag)
	case r.Kind == codec.KindTombstone && r.Stored == r.Seq:
		v.gone(r.Key, 0)
	case r.Kind == codec.KindTombstone:
		v.loose.Add(1) // it was committed again: its key may have been set since
	}
}

// giveUp is called when the index was built anew: what views were told is of the old one.
func (v *views) giveUp() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.built = [numberOfViews]*view{}
	v.making = nil
	v.on.Store(false)
	v.epoch.Add(1)
}

// memBytes returns how much memory the views take, those that are being built included.
func (v *views) memBytes() (n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all(func(x *view) {
		n += int64(unsafe.Sizeof(*x)) + int64(x.set.MemBytes())
		for prefix := range x.settled {
			n += int64(len(prefix)) + settledBytes
		}
	})
	return n
}

// settledBytes is about how much memory a queue takes of which is kept when it was settled, besides its name.
const settledBytes = 48

// unchanged reports whether no commit was applied since an epoch, nor is being applied now.
func (v *views) unchanged(epoch uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.epoch.Load() == epoch
}

// has reports whether there is a view that can be used.
func (v *views) has(k viewKind, index *keydir.Index) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.built[k] != nil && !v.built[k].overgrown(index)
}

// drop takes a string out whose key is not there, or has another place. epoch is that from before
// this was found: where a commit was applied since, it may be there by now. It reports whether none was.
func (v *views) drop(k viewKind, s []byte, epoch uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.epoch.Load() != epoch {
		return false
	}
	if x := v.built[k]; x != nil {
		x.set.Remove(s)
	}
	return true
}

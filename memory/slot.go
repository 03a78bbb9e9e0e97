package memory

import (
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache"
)

// slot is the place of a key for as long as it has an item: setting the key again changes what
// is in it.
type slot struct {
	key    string
	first  uint64 // version with which the key was first stored
	*entry        // guarded by Store.mu and by the lock of the shard: changed under both

	expiryAt int // place in the heap of what expires, -1 for none; guarded by the writer lock

	// What the policies know of it. Reads change used, all else is guarded by the writer lock.
	used       atomic.Uint64 // the rank of the ranked ones, the hits of S3-FIFO
	rankAt     int           // place in the heap of ranks, -1 for none
	rank       uint64        // that it had when it was put there
	list       *queue        // of S3-FIFO, and the neighbours there
	prev, next *slot
	weight     int64 // that it has in the list
}

// entry is what a key was set to. It does not change.
type entry struct {
	value   []byte
	tag     string
	version uint64
	stored  uint64 // version of the Set; Touch gives a new version alone
	expires int64  // nanoseconds since 1970, 0 for never
	kind    uint16
}

func newSlot(key string, first uint64, e *entry) *slot {
	return &slot{key: key, first: first, entry: e, expiryAt: -1, rankAt: -1}
}

// overhead is what an item takes beside its bytes: a slot, an entry, a cell of the table, and
// its places in heaps and lists.
const overhead = 288

func (s *slot) size() int64 { return sizeOf(s.key, s.entry) }

func sizeOf(key string, e *entry) int64 {
	return int64(len(key)+len(e.value)+len(e.tag)) + overhead
}

// over reports whether the time of the item is over at now.
func (e *entry) over(now int64) bool { return e.expires != 0 && e.expires <= now }

// item returns what is known of a key, with a value of the caller's own.
func (s *slot) item() diskcache.Item {
	e := s.entry
	it := diskcache.Item{
		Key: s.key, Value: clone(e.value), Stored: time.Unix(0, int64(e.stored)), Created: time.Unix(0, int64(s.first)),
		Tag: e.tag, Kind: e.kind, Size: int64(len(e.value)), Version: e.version,
	}
	if e.expires != 0 {
		it.Expires = time.Unix(0, e.expires)
	}
	return it
}

// clone returns a copy that is never nil.
func clone(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

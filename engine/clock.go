package engine

import (
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/segment"
)

// clock makes sequences and decides what has expired. A sequence is a hybrid
// clock: the wall clock in nanoseconds, or one more than the last sequence where
// that is later.
type clock struct {
	now func() time.Time
	// last is changed by the holder of the writer lock.
	last atomic.Uint64
	// horizon is at which times anything was found expired, nil if nothing was.
	horizon atomic.Pointer[horizon]

	// The wall clock is read by way of the monotonic one, which takes half the
	// time, and compared with it anew every millisecond. Used by next only.
	base   time.Time     // zero if now was given
	offset int64         // wall clock at base, in nanoseconds
	read   time.Duration // since base, when offset was found
}

// init makes the clock go by now; nil: time.Now.
func (c *clock) init(now func() time.Time) {
	c.now = now
	if now == nil {
		c.now, c.base = time.Now, time.Now()
		c.offset = c.base.UnixNano()
	}
}

// wall returns the wall clock in nanoseconds.
func (c *clock) wall() int64 {
	if c.base.IsZero() {
		return c.now().UnixNano()
	}
	since := time.Since(c.base)
	if since-c.read > time.Millisecond {
		t := time.Now()
		c.read = t.Sub(c.base)
		c.offset = t.UnixNano() - int64(c.read)
		since = c.read
	}
	return c.offset + int64(since)
}

// next returns a sequence that is later than all before it.
func (c *clock) next() uint64 { return c.nextOf(0) }

// nextOf is next that leaves out n numbers, between the last sequence and this one.
func (c *clock) nextOf(n uint64) uint64 {
	seq := max(c.last.Load()+1+n, uint64(max(c.wall(), 1)))
	c.last.Store(seq)
	return seq
}

// seen makes later sequences greater than seq.
func (c *clock) seen(seq uint64) {
	if seq > c.last.Load() {
		c.last.Store(seq)
	}
}

// sighting says that at the time at, while seq was the last sequence, something was found
// expired.
type sighting struct {
	at  int64
	seq uint64
}

// horizon is what was found, as far as one does not follow from another: each is earlier
// than the one before it, by a clock that went back, and has a later sequence.
type horizon []sighting

// maxHorizon bounds a horizon. A clock that goes back more often may revive what was
// stored before the first time.
const maxHorizon = 64

// knows reports whether something that expires at a time, and was stored with a sequence,
// was over before.
func (h *horizon) knows(at int64, stored uint64) bool {
	if h == nil {
		return false
	}
	for _, f := range *h {
		if at <= f.at && stored <= f.seq {
			return true
		}
	}
	return false
}

// with returns the horizon with one more time, which is the last.
func (h *horizon) with(f sighting) *horizon {
	var next horizon
	if h != nil {
		for _, o := range *h {
			if o.at > f.at && o.seq < f.seq {
				next = append(next, o)
			}
		}
	}
	next = append(next, f)
	if len(next) > maxHorizon {
		next = next[1:]
	}
	return &next
}

// unstored stands for the sequence of what has not been committed yet.
const unstored = ^uint64(0)

// futureTolerance is by how much an item may have been stored in the future before
// it counts as written by a clock that was wrong.
const futureTolerance = int64(24 * time.Hour)

// expired reports whether an item that expires at the time given (ns since the
// epoch, 0: never) and was stored with a sequence is no longer to be served.
//
// A clock that goes back revives nothing: what was stored before something was
// found expired is judged by that time too. Nor does it lengthen lives: what a
// clock that was ahead has stored, with so much to live from there on, is given
// up. (What is stored after such a clock was put right has a sequence from the
// future as well, but expires before it.)
func (c *clock) expired(at int64, stored uint64) bool {
	return at != 0 && c.expiredAt(c.instant(), at, stored)
}

// instant is a time, and what was known at it, for who judges several items by one.
type instant struct {
	now     int64
	horizon *horizon
}

func (c *clock) instant() instant { return instant{c.now().UnixNano(), c.horizon.Load()} }

// expiredAt is expired as of an instant, which was not long ago.
func (c *clock) expiredAt(i instant, at int64, stored uint64) bool {
	if at == 0 {
		return false
	}
	if at > i.now {
		return i.over(at, stored)
	}
	next := sighting{i.now, c.last.Load()}
	for h := c.horizon.Load(); !h.knows(i.now, next.seq); h = c.horizon.Load() {
		if c.horizon.CompareAndSwap(h, h.with(next)) {
			break
		}
	}
	return true
}

// over is expired for who only asks: nothing is found.
func (c *clock) over(at int64, stored uint64) bool { return c.instant().over(at, stored) }

func (i instant) over(at int64, stored uint64) bool {
	if at <= i.now || i.horizon.knows(at, stored) {
		return true
	}
	begin := int64(stored &^ (1 << 63))
	return begin < at && begin-futureTolerance > i.now
}

// ahead reports whether a segment was begun by a clock that was ahead.
func (c *clock) ahead(s *segment.Segment) bool {
	return int64(s.ID&^(1<<63))-futureTolerance > c.now().UnixNano()
}

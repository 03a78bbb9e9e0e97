package engine

import (
	"sync/atomic"
	"time"
)

// clock makes sequences and decides what has expired. A sequence is a hybrid
// clock: the wall clock in nanoseconds, or one more than the last sequence where
// that is later.
type clock struct {
	now func() time.Time
	// last is changed by the holder of the writer lock.
	last atomic.Uint64
	// horizon is the latest time at which anything was found expired. Expiry is
	// judged at the later of it and the wall clock, so that a clock that goes
	// back does not revive what was dead.
	horizon atomic.Int64

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
func (c *clock) next() uint64 {
	seq := max(c.last.Load()+1, uint64(max(c.wall(), 1)))
	c.last.Store(seq)
	return seq
}

// seen makes later sequences greater than seq.
func (c *clock) seen(seq uint64) {
	if seq > c.last.Load() {
		c.last.Store(seq)
	}
}

// expired reports whether an item that expires at the time given (ns since the
// epoch, 0: never) is no longer to be served.
func (c *clock) expired(at int64) bool {
	if at == 0 {
		return false
	}
	if c.horizon.Load() >= at {
		return true
	}
	now := c.now().UnixNano()
	if now < at {
		return false
	}
	for {
		h := c.horizon.Load()
		if h >= now || c.horizon.CompareAndSwap(h, now) {
			return true
		}
	}
}

package engine

import (
	"math"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// A stream is a sequence of segments that are written one after the other. What is
// alike goes to one stream, so that much of a segment dies at the same time.
type stream uint32

const (
	fresh stream = iota // what users store
	kept                // what eviction has found worth keeping, or is known to come back
	moved               // what compaction has moved out of the way, as old as it was
	hot                 // what users store in place of what they have stored just before,
	warm                // and of what they have stored not long before
	lived               // the first of those for what expires, by lifetime

	lifetimes = 7
	streams   = lived + lifetimes
)

// lifetimeBounds are the longest lifetimes of the streams from lived on, in ns; the last
// has no bound.
var lifetimeBounds = [lifetimes]int64{60e9, 600e9, 3600e9, 6 * 3600e9, 24 * 3600e9, 7 * 24 * 3600e9, math.MaxInt64}

// probation reports whether what is in the stream has yet to prove itself.
func (s stream) probation() bool { return s != kept }

// classes know which streams are worth writing to. They belong to the holder of the
// writer lock.
type classes struct {
	// life is how long segments of hot last until they are compacted, in ns and on
	// average. What is replaced much sooner was hot, and so is what replaces it: how
	// long a record lives is best told by how long the one before it did (Wang and
	// others, Separating Data via Block Invalidation Time Inference for Write
	// Amplification Reduction in Log-Structured Storage, FAST 2022).
	life uint64

	// A lifetime has a stream of its own while as much is written to it as a segment
	// holds before the first of that expires.
	open  [lifetimes]bool
	since [lifetimes]int64 // begin of what bytes counts, ns
	bytes [lifetimes]int64
}

// lifeShare is the reciprocal of the weight that the last segment has in the average.
const lifeShare = 8

// collected notes that a segment of hot was compacted.
func (c *classes) collected(s *segment.Segment, now uint64) {
	age := now - s.ID
	if c.life == 0 {
		c.life = age
	}
	c.life = c.life - c.life/lifeShare + age/lifeShare
}

// lifetime returns the stream for what lives so long and takes n bytes.
func (c *classes) lifetime(now, lives, n, segmentSize int64) stream {
	i := 0
	for lives > lifetimeBounds[i] {
		i++
	}
	if now-c.since[i] > lifetimeBounds[i] || now < c.since[i] {
		c.open[i] = c.bytes[i] >= segmentSize
		c.since[i], c.bytes[i] = now, 0
	}
	c.bytes[i] += n
	c.open[i] = c.open[i] || c.bytes[i] >= segmentSize
	if !c.open[i] {
		return fresh
	}
	return lived + stream(i)
}

// streamOf returns where a commit goes. A commit of several operations goes where its
// first one does.
func (s *stage) streamOf(r *request) stream {
	e := s.e
	if len(r.ops) == 0 {
		return fresh
	}
	op := &r.ops[0]
	switch {
	case r.to != 0:
		return r.to
	case op.Record.Kind != codec.KindPut || op.From != nil || e.opt.oneStream:
		return fresh
	case e.evict.comesBack(op.Record.Hash):
		r.to = kept
	case op.Record.Expires != 0 && e.parts(wantedByLifetimes):
		now := e.clock.now().UnixNano()
		size := int64(codec.RecordSize(&op.Record))
		r.to = e.w.classes.lifetime(now, op.Record.Expires-now, size, e.settings().segmentSize)
	case op.Record.Expires == 0 && e.parts(wantedByHeat):
		r.to = s.likeReplaced(op)
	}
	return r.to // also when it has to be tried again
}

// Segments that a limit must have room for before what users store is parted: each
// stream has one that is not full.
const (
	wantedByHeat      = 32
	wantedByLifetimes = 64
)

// parts reports whether a limit has room for so many segments.
func (e *Engine) parts(segments int64) bool {
	return (e.settings().SizeLimit == 0 || e.settings().SizeLimit/segments >= e.settings().segmentSize) && !e.w.crowded
}

// likeReplaced returns where the value of a put goes, by how long ago what it replaces was
// stored.
func (s *stage) likeReplaced(op *Op) stream {
	s.look(op)
	if s.ahead.err != nil || !s.ahead.ref.Found() {
		return fresh
	}
	old := s.ahead.old.seg
	if stream(old.Stream) == kept || stream(old.Stream) == moved {
		return fresh
	}
	return s.e.w.classes.byAge(s.e.clock.last.Load() - old.ID)
}

// byAge returns the stream for what replaces something of an age.
func (c *classes) byAge(age uint64) stream {
	switch {
	case age < c.life/4 || c.life == 0:
		return hot
	case age < c.life*2:
		return warm
	}
	return fresh
}

// writes reports whether a segment is still written to.
func (w *writer) writes(s *segment.Segment) bool {
	for _, a := range w.active {
		if a != nil && a.Segment == s {
			return true
		}
	}
	return false
}

// actives returns the writers that are not at their ends.
func (w *writer) actives() []*segment.Writer {
	var ws []*segment.Writer
	for _, a := range w.active {
		if a != nil {
			ws = append(ws, a)
		}
	}
	return ws
}

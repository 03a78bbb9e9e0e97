package engine

import (
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
	lived               // the first of those for what expires, by lifetime

	lifetimes = 7
	streams   = lived + lifetimes
)

// lifetimeBounds are the longest lifetimes of the streams from lived on, in seconds;
// the last has no bound.
var lifetimeBounds = [lifetimes - 1]int64{60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}

// probation reports whether what is in the stream has yet to prove itself.
func (s stream) probation() bool { return s != kept }

// streamOf returns where a commit goes. A commit of several operations goes where its
// first one does.
func (e *Engine) streamOf(r *request) stream {
	if len(r.ops) == 0 {
		return fresh
	}
	op := &r.ops[0]
	switch {
	case r.to != 0:
		return r.to
	case op.Record.Kind != codec.KindPut || op.From != nil:
		return fresh
	case e.evict.comesBack(op.Record.Hash):
		r.to = kept // also when it has to be tried again
		return kept
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

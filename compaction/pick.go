// Package compaction decides which segments are worth rewriting. It looks at
// numbers and returns a choice; it reads no disk, moves nothing and knows no clock
// but the one that it is told.
package compaction

// A Segment is what is known of one of a log.
type Segment struct {
	Bytes     int64 // that it takes, with the part that is dropped already, without drops that are written again and again
	LiveBytes int64 // of records that the index points to
	TombBytes int64 // of tombstones
	Latest    int64 // when the last of its items expires, ns; math.MaxInt64: one never does
	Begun     int64 // the sequence at which it was begun
	Sealed    bool  // nothing is added to it any more
	Oldest    bool  // no other segment has records as old as its first
}

// dead returns the bytes that rewriting the segment would give back at once.
// Tombstones can go only with the oldest segment; others would be written again.
func (s *Segment) dead() int64 {
	d := s.Bytes - s.LiveBytes
	if !s.Oldest {
		d -= s.TombBytes
	}
	return max(d, 0)
}

// gain returns the bytes that rewriting the segment takes back in the end: what says that
// it is gone, and where the copies stand, is garbage that the next one would find.
func (s *Segment) gain() int64 { return max(s.dead()-rewriteCost, 0) }

// rewriteCost are the bytes of a segment's header, of a frame's, of a mark and of a drop.
const rewriteCost = 256

// Limits say how much garbage is bearable.
type Limits struct {
	Now int64 // ns since 1970
	Seq int64 // the latest sequence

	// Share is the part of all bytes, in percent, that may be garbage before
	// anything is done. 0: none.
	Share int64
	// Least is the part of a segment's bytes, in percent, that must be garbage for
	// it to be worth the copying.
	Least int64
}

// tombShare is the part of all bytes, in percent, from which on tombstones are
// a reason to compact the oldest segment.
const tombShare = 4

// Empty returns a sealed segment that holds nothing that is wanted: all is
// superseded, deleted or expired. To let it go costs nothing but its tombstones, which
// must not be most of it: they would only be written again, and again.
func Empty(segs []Segment, now int64) (int, bool) {
	for i := range segs {
		s := &segs[i]
		gain := s.dead()
		if s.TombBytes > 0 && !s.Oldest {
			gain = s.gain()
		}
		if s.Sealed && (s.LiveBytes <= 0 || s.Latest <= now) && 2*(gain+s.LiveBytes) >= s.Bytes {
			return i, true
		}
	}
	return 0, false
}

// Pick returns the segment to be rewritten next: the one of which the most is gained
// for what it costs, weighted by its age. What has lived for long will go on living, so
// its garbage is not to be waited for; what is young is about to become garbage by itself
// (Rosenblum and Ousterhout, The Design and Implementation of a Log-Structured File
// System, 1992). ok is false when what there is is bearable.
func Pick(segs []Segment, l Limits) (pick int, ok bool) {
	if i, ok := Empty(segs, l.Now); ok {
		return i, true
	}
	var bytes, dead, tombs int64
	best, oldest := -1, -1
	for i := range segs {
		s := &segs[i]
		bytes += s.Bytes
		dead += s.Bytes - s.LiveBytes
		tombs += s.TombBytes
		if !s.Sealed || s.Bytes <= 0 {
			continue
		}
		if s.Oldest {
			oldest = i
		}
		if g := s.gain(); g == 0 || g*100 < s.Bytes*l.Least {
			continue
		}
		if best < 0 || s.benefit(l.Seq) > segs[best].benefit(l.Seq) {
			best = i
		}
	}
	if best < 0 || dead*100 <= bytes*l.Share {
		return 0, false
	}
	if oldest >= 0 && tombs*100 > bytes*tombShare && segs[best].gain()*100 < segs[best].Bytes*50 {
		return oldest, true
	}
	return best, true
}

// benefit is what is gained by rewriting the segment, for each byte that is copied.
func (s *Segment) benefit(seq int64) float64 {
	age := max(seq-s.Begun, 1)
	return float64(s.gain()) / float64(s.LiveBytes+rewriteCost) * float64(age)
}

package engine

import (
	"math"

	"github.com/go-diskcache/diskcache/codec"
)

// adopt publishes what a process that died as it held the writer lock has committed and not
// published. Whether that was acknowledged nobody knows; it is in the log, and would be
// found by the next Open. The caller has the lock, and holds that of the process too.
func (e *Engine) adopt() error {
	b := &e.board
	if err := e.follow(); err != nil {
		return err
	}
	died := int(b.w[wordHolder].Load()) - 1
	if err := e.lookAtBoard(); err != nil {
		return err
	}
	if err := e.lookForSegments(); err != nil {
		return err
	}
	listed := make(map[uint64]int)
	for i := range mostFiles {
		if id := b.w[wordFiles+i*fileWords].Load(); id != 0 {
			listed[id] = i
		}
	}
	for id, t := range e.follower.tails {
		_, on := listed[id]
		if on && t.owner != died {
			continue // what is behind its length came to nothing
		}
		info, err := e.fsys.Stat(t.seg.Name())
		if err != nil {
			return err
		}
		t.seg.SetLength(max(t.seg.Length(), min(info.Size, e.layout.MaxFile())))
		t.ended = false // to be kept until it is known who seals it
	}
	before := e.w.seq
	if err := e.applyTails(math.MaxUint64); err != nil {
		return err
	}
	for id, t := range e.follower.tails {
		t.seg.SetLength(t.off)
		if i, on := listed[id]; on {
			b.setLength(i, t.off)
		}
	}
	if e.w.seq != before {
		b.w[wordSeq].Store(e.w.seq)
		e.followed.Store(e.w.seq)
	}
	b.w[wordHolder].Store(0)
	return nil
}

// inherit takes over what processes that died have written to: it will be sealed by this one.
// It does nothing for those that live. The caller holds the writer lock, and nothing of the
// dead is left to be adopted.
func (e *Engine) inherit() error {
	b := &e.board
	dead := make(map[int]bool)
	for _, a := range b.files(nil) {
		if e.writesTo(a.id) || e.bg.hasOrphan(a.id) {
			continue
		}
		gone, known := dead[a.owner]
		if !known {
			gone = a.owner == b.slot // of one that had it before
			if !gone {
				_, lives, err := e.locks.Taken(lockSlots+a.owner, lockSlots+a.owner+1)
				if err != nil {
					return err
				}
				gone = !lives
			}
			dead[a.owner] = gone
		}
		if gone {
			e.inheritFile(a)
		}
	}
	return nil
}

// inheritFile makes a segment of a dead process an orphan of this one.
func (e *Engine) inheritFile(a activeFile) {
	s := e.segmentOf(a.id)
	if s == nil { // dropped, or nothing was committed to it
		e.board.remove(a.id)
		if a.length <= codec.SegmentHeaderLen && !e.graves.has(a.id) {
			e.faults.add("remove an empty segment", e.removeFile(codec.SegmentName(a.id)))
		}
		return
	}
	e.board.own(a.id)
	if t := e.follower.tails[a.id]; t != nil {
		s.SetLength(t.off)
		delete(e.follower.tails, a.id)
	}
	s.Seal()
	e.reserve.hints.Add(0)
	e.bg.adoptOrphan(&orphan{h: &history{seg: s, cacheID: e.id}, unread: true})
}

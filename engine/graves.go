package engine

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// graves are the segments that are dropped and still have files. Until the drop is
// on the disk a crash may bring one back; until its file is gone for good the drop
// record must be kept.
type graves struct {
	mu     sync.Mutex
	buried []grave
	going  map[uint64]going // their drops are on the disk
	freed  chan struct{}    // poked when files were removed
	vain   atomic.Bool      // no reader has let go since somebody waited for that
}

// grave is a segment that may go once the commit that dropped it is on the disk.
type grave struct {
	seg   *segment.Segment
	by    committed
	first uint64 // sequence that it begins with, whatever of it was dropped before
}

// going is a segment whose files are removed as soon as nobody reads them.
type going struct {
	bytes   int64 // of it
	removed bool  // the files are, though not for certain
}

// committed is a commit, which is on the disk once its segment is synced behind an
// offset in it.
type committed struct {
	seg *segment.Segment
	off int64
}

func (c committed) synced() bool { return c.seg.Synced() > c.off }

func (g *graves) bury(seg *segment.Segment, by committed, first uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buried = append(g.buried, grave{seg, by, first})
}

// rebury lets all go with a commit that drops again whatever they wait for.
func (g *graves) rebury(by committed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.buried {
		g.buried[i].by = by
	}
}

// reburied notes that a drop was committed again, for a segment that is buried.
func (g *graves) reburied(id uint64, by committed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.buried {
		if g.buried[i].seg.ID == id {
			g.buried[i].by = by
		}
	}
}

// waitsFor reports whether a grave waits for a segment to be synced.
func (g *graves) waitsFor(s *segment.Segment) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.buried, func(b grave) bool { return b.by.seg == s && !b.by.synced() })
}

// firstSeq returns the first sequence of all that a crash may bring back.
func (g *graves) firstSeq() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := ^uint64(0)
	for _, b := range g.buried {
		first = min(first, b.first)
	}
	return first
}

// has reports whether the files of a segment may still be there.
func (g *graves) has(id uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.buried {
		if b.seg.ID == id {
			return true
		}
	}
	_, ok := g.going[id]
	return ok
}

// forget forgets, for who removes nothing, the segments that others have removed.
func (g *graves) forget(listed map[uint64]bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buried = slices.DeleteFunc(g.buried, func(b grave) bool { return !listed[b.seg.ID] })
}

// ids returns the segments whose files may still be there.
func (g *graves) ids() []uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var ids []uint64
	for _, b := range g.buried {
		ids = append(ids, b.seg.ID)
	}
	for id := range g.going {
		ids = append(ids, id)
	}
	return ids
}

// waiting returns how many bytes of segments wait for a sync, and at least one for
// each.
func (g *graves) waiting() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var n int64
	for _, b := range g.buried {
		n += max(1, b.seg.Length())
	}
	return n
}

// removed notes that the files of a segment were removed. They are gone for certain
// once the directory is synced.
func (e *Engine) removed(s *segment.Segment, bytes int64, all bool) {
	e.stats.disk.Add(-bytes)
	g := &e.graves
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.going[s.ID]; ok {
		g.going[s.ID] = going{removed: all}
	}
	g.vain.Store(false)
	select {
	case g.freed <- struct{}{}:
	default:
	}
}

// held returns how many bytes of segments only wait for their readers, and at least one
// for each.
func (g *graves) held() (n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.going {
		if !s.removed {
			n += max(1, s.bytes)
		}
	}
	return n
}

// patience is how long a writer that has no room waits for readers to let go of what is
// dropped. It may be the writer itself that reads, so it does not wait for long.
const patience = 50 * time.Millisecond

// awaitReaders waits until files of dropped segments are removed that somebody was
// reading, and reports whether any were.
func (g *graves) awaitReaders() bool {
	if g.held() == 0 {
		return false
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-g.freed:
		return true
	case <-t.C:
		g.vain.Store(true)
		return false
	}
}

// awaitReadersOnce is awaitReaders that does not wait for whom somebody has waited for in
// vain.
func (g *graves) awaitReadersOnce() bool { return !g.vain.Load() && g.awaitReaders() }

// forgetRemoved syncs the directory, so that what was removed is gone for good.
func (e *Engine) forgetRemoved() error {
	g := &e.graves
	g.mu.Lock()
	var gone []uint64
	for id, s := range g.going {
		if s.removed {
			gone = append(gone, id)
		}
	}
	g.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	if err := e.fsys.SyncDir("."); err != nil {
		return err
	}
	still, err := e.stillThere()
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range gone {
		if !still[id] {
			delete(g.going, id)
		}
	}
	return nil
}

// stillThere returns the segments that have files on a network disk: SMB keeps what was removed
// until nobody has it open any more, and who does can open it again.
func (e *Engine) stillThere() (map[uint64]bool, error) {
	if e.board.file == nil {
		return nil, nil
	}
	list, err := e.fsys.List(".")
	if err != nil {
		return nil, err
	}
	still := make(map[uint64]bool)
	for _, info := range list {
		if kind, id, ok := codec.ParseName(info.Name); ok && (kind == codec.NameSegment || kind == codec.NameHint) {
			still[id] = true
		}
	}
	return still, nil
}

// anyReady reports whether the drop of a segment is on the disk.
func (g *graves) anyReady() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.buried, func(b grave) bool { return b.by.synced() })
}

// retireDropped lets the segments go whose drops are on the disk.
func (e *Engine) retireDropped() error {
	g := &e.graves
	if !g.anyReady() {
		return nil
	}
	if err := e.board.publishAll(); err != nil {
		return err
	}
	var gone []grave
	g.mu.Lock()
	left := g.buried[:0]
	for _, b := range g.buried {
		if b.by.synced() && !e.bg.hasOrphan(b.seg.ID) { // whose hint may be being written
			gone = append(gone, b)
			if g.going == nil {
				g.going = make(map[uint64]going)
			}
			g.going[b.seg.ID] = going{bytes: b.seg.Length()}
		} else {
			left = append(left, b)
		}
	}
	clear(g.buried[len(left):])
	g.buried = left
	g.mu.Unlock()
	var errs []error
	for _, b := range gone {
		errs = append(errs, b.seg.Retire())
	}
	return errors.Join(errs...)
}

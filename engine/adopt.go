package engine

import (
	"errors"
	"io/fs"
	"math"
)

// adopt publishes what a process that died as it held the writer lock has committed and not
// published. Whether that was acknowledged nobody knows; it is in the log, and would be
// found by the next Open. The caller has the lock, and holds that of the process too.
func (e *Engine) adopt() error {
	b := &e.board
	if err := e.follow(); err != nil {
		return err
	}
	died := int(b.w[wordDied].Load()) - 1
	if err := e.lookForSegments(); err != nil {
		return err
	}
	if err := e.lookAtBoard(); err != nil {
		return err
	}
	for id, t := range e.follower.tails {
		if b.ownerOf(id) != died {
			continue // what is behind its length came to nothing
		}
		size, err := e.lengthOf(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // dropped by what is applied below
		}
		if err != nil {
			return err
		}
		t.seg.Grow(size)
	}
	before := e.w.seq
	if err := e.applyRest(); err != nil {
		return err
	}
	for i := range mostFiles {
		if t := e.follower.tails[b.w[wordFiles+i*fileWords].Load()]; t != nil {
			t.seg.SetLength(t.off)
			b.setLength(i, t.off)
		}
	}
	if e.w.seq != before {
		b.w[wordSeq].Store(e.w.seq)
		e.followed.Store(e.w.seq)
	}
	b.w[wordDied].Store(0)
	return nil
}

// looks is how often what a network disk may not show yet is looked for.
const looks = 10

// applyRest applies all that is whole in the tails. On a network disk their ends may be torn, or
// not to be seen while another process of this host has the file open for writing.
func (e *Engine) applyRest() error {
	for range looks {
		if err := e.applyTails(math.MaxUint64, math.MaxInt); err != nil {
			return err
		}
		hidden := false
		for _, t := range e.follower.tails {
			if t.off < t.seg.Length() {
				t.seg.Refresh()
				hidden = true
			}
		}
		if !hidden || e.board.file == nil {
			break
		}
	}
	return nil
}

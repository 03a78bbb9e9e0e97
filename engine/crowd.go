package engine

import (
	"errors"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
)

// What is moved is there twice until the segment that it comes from has gone: its drop
// has to be synced, and its last reader to let go. The limit bears some of that, and
// where it would be too much, what is dropped already goes first.

// errCrowded tells that a batch has to wait for what is dropped to go.
var errCrowded = errors.New("diskcache: too much is there twice")

// copied returns how many bytes a batch moves.
func (b *batch) copied() (n int64) {
	for i := range b.ops {
		if op := &b.ops[i]; op.Record.Kind == codec.KindPut && !op.Silent {
			n += int64(codec.RecordSize(&op.Record))
		}
	}
	return n
}

// crowded reports whether so many bytes more would exceed the limit by more than is
// tolerated.
func (e *Engine) crowded(more int64) bool {
	limit := e.limit()
	return limit > 0 && e.usage()+more > limit+limit/tolerance
}

// uncrowd has what is dropped go. If it cannot, for somebody reads it, nothing is moved
// any more: what is wanted is made room for by giving up more or, where nothing is given
// up, by exceeding the limit for a while, or garbage would stay for ever. It reports
// whether there is anything to do.
func (e *Engine) uncrowd(w *want, locked bool) (bool, error) {
	before := e.DiskUsage()
	if err := e.syncDropped(locked); err != nil || e.DiskUsage() < before {
		return err == nil, err
	}
	switch {
	case e.graves.awaitReadersOnce():
	case w.bytes == 0: // nobody waits for room
		return false, nil
	case w.most == 0 || e.opt.Policy == evict.None:
		w.crowds = true
	default:
		w.noCopy = true
	}
	return true, nil
}

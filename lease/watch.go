package lease

import (
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// watches are what this process has seen of others, by its own clock.
type watches struct {
	fs   vfs.FS
	now  func() time.Time
	beat map[uint64]*watch // by nonce
	torn map[uint64]*watch // by the id of a lease that cannot be read
}

// watch is since when something has not changed.
type watch struct {
	beats  uint64
	since  time.Time // when it was first seen as it is
	looked time.Time
}

func newWatches(fsys vfs.FS, now func() time.Time) watches {
	return watches{fs: fsys, now: now, beat: make(map[uint64]*watch), torn: make(map[uint64]*watch)}
}

// see notes what was seen between two moments, and reports whether that has not changed for long.
// It began to be so before the first look ended, and was still so when the last one began.
func see(all map[uint64]*watch, key, beats uint64, begin, end time.Time) (stale bool) {
	w := all[key]
	if w == nil || w.beats != beats {
		all[key] = &watch{beats: beats, since: end, looked: end}
		return false
	}
	w.looked = end
	return begin.Sub(w.since) >= Wait
}

// isDead reports whether a process that was listed says no more that it lives. What one look a beat
// cannot tell is not looked for more often.
func (s *watches) isDead(nonce uint64) (bool, error) {
	begin := s.now()
	if w := s.beat[nonce]; w != nil && begin.Sub(w.looked) < Beat/2 {
		return false, nil
	}
	b, err := readSome(s.fs, codec.BeatName(nonce), codec.LeaseLen)
	if err != nil {
		return false, gone(err) // whether it is gone the next listing tells
	}
	beats := uint64(0)
	if l, _, err := codec.ParseLease(b); err == nil {
		beats = l.Beats
	}
	return see(s.beat, nonce, beats, begin, s.now()), nil
}

// isTorn reports whether a lease that cannot be read has been so for long: who was writing it died.
func (s *watches) isTorn(id uint64, begin time.Time) bool {
	return see(s.torn, id, 0, begin, s.now())
}

// forget forgets what is not listed any more.
func (s *watches) forget(r *rows) {
	for nonce := range s.beat {
		if !r.beats[nonce] {
			delete(s.beat, nonce)
		}
	}
	for id := range s.torn {
		if lock, n := codec.SplitLeaseID(id); r.last[int(lock)] != n {
			delete(s.torn, id)
		}
	}
}

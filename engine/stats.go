package engine

import (
	"errors"
	"strconv"
	"sync/atomic"
)

// Stats are counts since Open, and the state of the directory now.
type Stats struct {
	Hits, Misses   int64 // reads that found an item, and that did not
	Sets, Deletes  int64 // items stored and removed
	Syncs          int64 // syncs of segments
	SetBytes       int64 // of the records of these sets, value files included
	WrittenBytes   int64 // to segments and value files; more than SetBytes by what was moved and by tombstones
	Moved          int64 // records copied by compaction and eviction
	MovedBytes     int64
	Evicted        int64 // items given up for a limit, by Cull or by EvictTag
	EvictedBytes   int64
	Expired        int64 // items taken back because their time was over
	ExpiredBytes   int64
	Compactions    int64 // segments that were cleared and removed
	TombBytes      int64 // of tombstones that are needed for long
	Corrupt        int64 // records and files found damaged
	Torn           int64 // bytes that a crash left unfinished, found at Open
	BackgroundErrs int64 // errors of the background, also those returned by Close
	Segments       int64
	Items          int64
	LiveBytes      int64 // on the disk, of items that are not superseded
	DiskBytes      int64 // of all files
	IndexBytes     int64 // memory of the index, and of the orders of keys that were asked for
	OpenTime       int64 // nanoseconds that Open took
}

// counters are changed by every operation, the reads' in stripes.
type counters struct {
	reads    [16]readCounter
	sets     atomic.Int64
	deletes  atomic.Int64
	syncs    atomic.Int64
	written  atomic.Int64
	corrupt  atomic.Int64
	torn     atomic.Int64
	disk     count // bytes of all files
	openTime atomic.Int64

	moved, movedBytes     atomic.Int64 // records copied by compaction or eviction
	evicted, evictedBytes atomic.Int64
	expired, expiredBytes atomic.Int64 // taken back because their time was over
	compactions           atomic.Int64 // segments cleared to their end
	setBytes              atomic.Int64
}

// cleared adds what clearing segments has done.
func (c *counters) cleared(t tally) {
	c.moved.Add(t.moved)
	c.movedBytes.Add(t.movedBytes)
	c.evicted.Add(t.evicted)
	c.evictedBytes.Add(t.evictedBytes)
	c.expired.Add(t.expired)
	c.expiredBytes.Add(t.expiredBytes)
}

type readCounter struct {
	hits, misses atomic.Int64
	_            [48]byte // a cache line each
}

func (c *counters) get(hash uint64, err error) {
	s := &c.reads[hash%uint64(len(c.reads))]
	if err == nil {
		s.hits.Add(1)
	} else if isMiss(err) {
		s.misses.Add(1)
	}
}

func isMiss(err error) bool { return err == ErrNotFound || errors.Is(err, ErrNotFound) }

// Stats returns the counts. It reads no disk.
func (e *Engine) Stats() (Stats, error) {
	if err := e.catchUp(); err != nil {
		return Stats{}, err
	}
	set := e.log.Acquire(0)
	if set == nil {
		return Stats{}, ErrClosed
	}
	defer set.Release(0)
	c := &e.stats
	s := Stats{
		Sets: c.sets.Load(), Deletes: c.deletes.Load(), Syncs: c.syncs.Load(), WrittenBytes: c.written.Load(),
		SetBytes: c.setBytes.Load(), Moved: c.moved.Load(), MovedBytes: c.movedBytes.Load(),
		Evicted: c.evicted.Load(), EvictedBytes: c.evictedBytes.Load(),
		Expired: c.expired.Load(), ExpiredBytes: c.expiredBytes.Load(), Compactions: c.compactions.Load(),
		Corrupt: c.corrupt.Load(), Torn: c.torn.Load(), BackgroundErrs: e.faults.count.Load(), OpenTime: c.openTime.Load(),
	}
	for i := range c.reads {
		s.Hits += c.reads[i].hits.Load()
		s.Misses += c.reads[i].misses.Load()
	}
	for seg := range set.All {
		s.Segments++
		s.LiveBytes += seg.LiveBytes.Load()
		s.TombBytes += seg.TombBytes.Load()
	}
	x := e.index.Load()
	s.Items, s.IndexBytes = int64(x.Len()), int64(x.MemBytes())+e.views.memBytes()
	s.LiveBytes += e.values.bytes.Load()
	s.DiskBytes = e.DiskUsage()
	return s, nil
}

// Len returns the number of items, expired ones that are still there included.
func (e *Engine) Len() (int, error) {
	set, err := e.acquire(0) // which keeps the index
	if err != nil {
		return 0, err
	}
	defer set.Release(0)
	return e.index.Load().Len(), nil
}

// quote shows a key in an error, cut where it is long.
func quote(key string) string {
	const most = 64
	if len(key) > most {
		return strconv.Quote(key[:most]) + "…"
	}
	return strconv.Quote(key)
}

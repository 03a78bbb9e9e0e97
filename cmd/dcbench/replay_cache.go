package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/go-diskcache/diskcache"
)

// replaySetup is what a trace is played with.
type replaySetup struct {
	policy   diskcache.Policy
	capacity int
	bytes    bool // that capacity counts
	value    int64
}

func (p *replayParams) setup(policy diskcache.Policy, capacity int) *replaySetup {
	return &replaySetup{policy, capacity, p.bytes, p.value}
}

const (
	// replayValue is how long values are where objects are counted, unless it is said. A
	// hundred are enough for as many segments as the default policy is made for. The
	// shorter they are, the more weighs what a record has besides, of which the reference
	// knows nothing.
	replayValue    = 4 << 10
	maxReplayValue = 64 << 10 // it has no file of its own

	// replaySegments is how many segments a cache is parted into, as it would be by
	// default if it were large. To policies that do not go by segments it matters less,
	// and each is a file and a sync.
	replaySegments = 128
	rankedSegments = 32
	leastSegment   = 512
	leastRecords   = 3 // in a segment: a hundred objects are in more than 32 still
)

// segmentFor returns the length of segments of which so many are in a limit.
func segmentFor(limit, segments int64) int64 {
	return min(max(limit/segments, leastSegment), segmentSize)
}

// options have no compaction in the background where Set takes back all the space
// that is needed: what is written would depend on its speed, and by a little also what
// S3FIFO keeps. The other policies leave holes everywhere, and objects are given up one
// by one whatever compaction does, so the hits are the same each time.
func (s *replaySetup) options(recordSize int) *diskcache.Options {
	o := &diskcache.Options{Policy: s.policy, ManualCompaction: s.bytes || s.policy == diskcache.PolicyS3FIFO}
	if s.bytes {
		o.SizeLimit = int64(s.capacity)
		o.SegmentSize = segmentFor(o.SizeLimit, replaySegments)
		return o
	}
	o.CountLimit = int64(s.capacity)
	segments := int64(replaySegments)
	if s.policy != diskcache.PolicyS3FIFO {
		segments = rankedSegments
	}
	o.SegmentSize = max(segmentFor(o.CountLimit*int64(recordSize), segments), leastRecords*int64(recordSize))
	return o
}

// player plays one trace.
type player struct {
	*replaySetup
	trace *recording
	cache *diskcache.Cache
	value []byte
	buf   []byte

	hits               int
	hitBytes, allBytes int64
}

// playOnce plays a trace through a new cache in dir, and removes that.
func playOnce(t *recording, s *replaySetup, dir string) (r *replayResult, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := &player{replaySetup: s, trace: t}
	p.value = make([]byte, p.longest())
	p.buf = make([]byte, 0, len(p.value))
	size, err := p.recordSize(dir)
	if err != nil {
		return nil, err
	}
	if p.cache, err = diskcache.Open(dir, s.options(size)); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.cache.Close()) }()
	for i, id := range t.ids {
		if err := p.request(id); err != nil {
			return nil, fmt.Errorf("request %d: %w", i, err)
		}
	}
	return p.result()
}

// longest returns the length of the longest value.
func (p *player) longest() int64 {
	most := p.replaySetup.value
	if p.bytes {
		for _, n := range p.trace.sizes {
			most = max(most, n)
		}
	}
	return most
}

// recordSize returns how long the record of an object is where all are alike, as a
// cache tells that has one.
func (p *player) recordSize(dir string) (size int, err error) {
	c, err := diskcache.Open(dir, &diskcache.Options{SegmentSize: segmentSize})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close(), os.RemoveAll(dir)) }()
	if err := c.Set(objectKey(0), p.value[:p.replaySetup.value]); err != nil {
		return 0, err
	}
	s, err := c.Stats()
	return int(s.SetBytes), err
}

// objectKey returns the key of an object.
func objectKey(id int32) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], uint64(id))
	return string(b[:])
}

func (p *player) sizeOf(id int32) int64 {
	if p.bytes {
		return p.trace.sizes[id]
	}
	return p.replaySetup.value
}

// valueOf returns the value of an object, which names it if it is long enough. It is
// good until the next call.
func (p *player) valueOf(id int32) []byte {
	v := p.value[:p.sizeOf(id)]
	var name [8]byte
	binary.BigEndian.PutUint64(name[:], uint64(id))
	copy(v, name[:])
	return v
}

func (p *player) request(id int32) error {
	key, value := objectKey(id), p.valueOf(id)
	p.allBytes += int64(len(value))
	got, err := p.cache.GetAppend(key, p.buf)
	if errors.Is(err, diskcache.ErrNotFound) {
		return p.store(key, value)
	}
	if err != nil {
		return err
	}
	head := min(8, len(value))
	if len(got) != len(value) || string(got[:head]) != string(value[:head]) {
		return fmt.Errorf("the cache returned a wrong value for object %d", id)
	}
	p.hits++
	p.hitBytes += int64(len(value))
	return nil
}

// store sets what was missed. What the cache must refuse stays a miss.
func (p *player) store(key string, value []byte) error {
	err := p.cache.Set(key, value)
	switch {
	case p.bytes && errors.Is(err, diskcache.ErrTooLarge):
		return nil
	case p.policy == diskcache.PolicyNone && errors.Is(err, diskcache.ErrFull):
		return nil
	}
	return err
}

func (p *player) result() (*replayResult, error) {
	s, err := p.cache.Stats()
	if err != nil {
		return nil, err
	}
	return &replayResult{
		Trace: p.trace.name, Policy: p.policy.String(), Capacity: p.capacity,
		HitRatio:           part(int64(p.hits), int64(len(p.trace.ids))),
		ByteHitRatio:       part(p.hitBytes, p.allBytes),
		WriteAmplification: part(s.WrittenBytes, s.SetBytes),
	}, nil
}

// part returns a/b, and 0 of nothing.
func part(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

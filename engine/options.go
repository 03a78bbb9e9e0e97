package engine

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
)

// SyncMode says when written data is put on the disk.
type SyncMode uint8

const (
	SyncNever    SyncMode = iota // when the system does, a segment is sealed, or Sync is called
	SyncInterval                 // besides, every SyncInterval
	SyncAlways                   // before a write returns
)

// Locking says what keeps processes apart.
type Locking uint8

const (
	LockingFcntl     Locking = iota // locks of the system
	LockingLeasefile                // files that are kept up by who holds them, see package lease
	LockingNone                     // nothing: one process writes, the user says
)

// Options are what an Engine is opened with. Zero values mean the defaults.
type Options struct {
	SizeLimit     int64 // bytes that the directory may take on the disk; 0: any number
	CountLimit    int64 // items that the cache may have; 0: any number
	MinFreeSpace  int64 // bytes that are to stay free on the volume; 0: none
	Policy        evict.Policy
	Compaction    bool  // space is taken back in the background; else when it is needed, or asked for
	CullLimit     int   // items given up per write, at most; 0: any number; < 0: none
	SegmentSize   int64 // bytes after which a segment is sealed; 0: from SizeLimit
	FileThreshold int64 // values from this size on get files of their own; 0: 256 KiB, < 0: never
	Compression   codec.Compression
	Sync          SyncMode
	SyncInterval  time.Duration // 0: one second
	NoMap         bool          // read sealed segments by pread although they could be mapped
	MaxOpenFiles  int           // open handles of segments; 0: 128
	Holder        string        // who this process is, told to those who wait for it
	Locking       Locking
	Stored        bool          // the directory keeps its settings: what is not given here is as it says, and what is it keeps
	ReadOnly      bool          // nothing is written, not even a lock
	LockTimeout   time.Duration // how long to wait for other processes; 0: a minute
	Freshness     time.Duration // how old news may be for reads, on network disks; 0: a second, < 0: not at all
	Now           func() time.Time
	Log           *slog.Logger

	oneStream bool // all that users store goes to one stream, for tests that lay out segments

	// Hash maps a key to 64 bits; nil: xxhash64. A directory is opened with the
	// function that it was written with.
	Hash func(key string) uint64
}

const (
	defaultFileThreshold = 256 << 10
	maxFileThreshold     = 256 << 20
	defaultSegmentSize   = 64 << 20
	defaultOpenFiles     = 128
	defaultLockTimeout   = time.Minute
	defaultFreshness     = time.Second
	minSegmentSize       = 512
	maxSegmentSize       = 1 << 30
	segmentsPerLimit     = 128
	minLimitedSegment    = 256 << 10
	leastSegments        = 8       // or a cache within a limit would give up much at once
	leastWindowed        = 32      // segments within a limit, for room to be reserved in those that are written to
	minMaxFile           = 2 << 20 // room for a key, a tag and a value below FileThreshold in any segment
)

func (o Options) withDefaults() (Options, error) {
	if o.SizeLimit < 0 || o.CountLimit < 0 || o.MinFreeSpace < 0 || o.SegmentSize < 0 || o.SyncInterval < 0 || o.MaxOpenFiles < 0 || o.LockTimeout < 0 {
		return o, fmt.Errorf("%w: a size, interval or number is negative", ErrOption)
	}
	if !o.Policy.Valid() {
		return o, fmt.Errorf("%w: %s", ErrOption, o.Policy)
	}
	if o.Sync > SyncAlways || o.Compression > codec.Zstd {
		return o, fmt.Errorf("%w: unknown sync mode %d or compression %d", ErrOption, o.Sync, o.Compression)
	}
	if o.Locking > LockingNone {
		return o, fmt.Errorf("%w: unknown Locking %d", ErrOption, o.Locking)
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = defaultSegmentSize
		if o.SizeLimit > 0 {
			o.SegmentSize = min(max(o.SizeLimit/segmentsPerLimit, minLimitedSegment), maxSegmentSize)
		}
	}
	if o.SegmentSize < minSegmentSize || o.SegmentSize > maxSegmentSize {
		return o, fmt.Errorf("%w: SegmentSize %d is not from %d to %d", ErrOption, o.SegmentSize, minSegmentSize, maxSegmentSize)
	}
	if o.SizeLimit > 0 {
		o.SegmentSize = min(o.SegmentSize, max(o.SizeLimit/leastSegments, minSegmentSize))
	}
	if o.FileThreshold > maxFileThreshold {
		return o, fmt.Errorf("%w: FileThreshold %d is more than %d", ErrOption, o.FileThreshold, maxFileThreshold)
	}
	if o.FileThreshold == 0 {
		o.FileThreshold = defaultFileThreshold
	}
	if o.SyncInterval == 0 {
		o.SyncInterval = time.Second
	}
	if o.MaxOpenFiles == 0 {
		o.MaxOpenFiles = defaultOpenFiles
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.Freshness == 0 {
		o.Freshness = defaultFreshness
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hash == nil {
		o.Hash = xxhash.Sum64String
	}
	return o, nil
}

// placeBits returns how many bits a place gets: enough for four times the size
// limit, or half a TiB where there is none.
func (o Options) placeBits() uint8 {
	const least = 36 // 36 bits of 8 bytes are 512 GiB
	for b := uint8(least); b < mostPlaceBits; b++ {
		if o.SizeLimit <= 8<<b/4 {
			return b
		}
	}
	return mostPlaceBits
}

// mostPlaceBits is as many as any directory's index has.
const mostPlaceBits = 42

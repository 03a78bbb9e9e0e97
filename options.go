package diskcache

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/go-diskcache/diskcache/engine"
)

// SyncMode says when what is written is put on the disk, so that it survives a
// power cut. A killed process loses nothing in any mode.
type SyncMode int

const (
	// SyncNever leaves it to the system, which takes some seconds, and to Sync,
	// Close and the sealing of full segments.
	SyncNever SyncMode = iota
	// SyncInterval puts it on the disk every Options.SyncInterval.
	SyncInterval
	// SyncAlways puts it on the disk before a call returns. Calls of several
	// goroutines share a sync.
	SyncAlways
)

// Compression says how values are stored. A value that does not get smaller is
// stored as it is.
type Compression int

const (
	NoCompression Compression = iota
	LZ4                       // fast
	Zstd                      // small
)

// Policy says which items a full cache gives up.
type Policy int

const (
	// PolicyS3FIFO lets new items prove themselves in a tenth of the space and keeps
	// those that are read again, also when they come back soon after they were
	// given up. It has the fewest misses on most traces, and costs no memory.
	PolicyS3FIFO Policy = iota
	PolicyFIFO          // least recently stored first; this and those below are exact, for 8 bytes a key
	PolicyLRU           // least recently used first
	PolicyLFU           // least frequently used first
	PolicyTTL           // what expires first; what does not expire comes last, oldest first
	PolicyLRUTTL        // LRU, but what expires goes before what does not
	PolicyNone          // nothing: a full cache returns ErrFull
)

// ParsePolicy returns the policy of a name: "s3fifo", "fifo", "lru", "lfu", "ttl",
// "lru-ttl" or "none", or a name that python-diskcache has for one of these.
func ParsePolicy(name string) (Policy, error) {
	p, err := engine.ParsePolicy(name)
	return Policy(p), err
}

func (p Policy) String() string { return engine.Policy(p).String() }

// Network says whether a directory is on a network disk.
type Network int

const (
	NetworkAuto  Network = iota // ask the system
	NetworkNever                // a disk of this machine
	NetworkYes                  // a network disk: nothing is mapped, and what processes share they read and write
)

// Locking says what keeps the processes apart that use a directory. All of them have to say the
// same: those that do not see nothing of one another.
type Locking int

const (
	// LockingFcntl are the locks of the system, which die with their process. A disk that
	// has none is refused with ErrNoLocks.
	LockingFcntl Locking = iota
	// LockingLeasefile are files for disks without locks (package lease). Who has one says every
	// two seconds that it lives. One that could not for ten seconds writes nothing more, and
	// gets ErrLockLost; others take over after twenty. LockTimeout should be longer than that.
	LockingLeasefile
	// LockingNone is your promise that one process at a time opens the directory, but for
	// those with ReadOnly. If two do, data is lost.
	LockingNone
)

// Limits that do not depend on options.
const (
	MaxKeySize = engine.MaxKeyLen // bytes of a key; the empty key is one like any other
	MaxTagSize = engine.MaxTagLen // bytes of a tag
)

// Options are how a cache is opened. The zero value of each field is its default, but for those
// that are Settings: of these it is what the directory has stored, or else the default.
type Options struct {
	// SizeLimit bounds the bytes of all files in the directory, garbage included:
	// at most a tenth more are there at any moment. What must go to keep it says
	// Policy. Default: no limit.
	SizeLimit int64
	// CountLimit bounds the number of items. Default: no limit.
	CountLimit int64
	// MinFreeSpace is how many bytes the cache leaves free on its volume, as if
	// SizeLimit were as much lower as it takes. Default: 0, it takes what there is.
	MinFreeSpace int64
	// Policy says what a full cache gives up. What has expired goes first in any
	// case. Default: PolicyS3FIFO.
	Policy Policy
	// CullLimit bounds how many items one write gives up for the limits, when it
	// finds them reached; a write that is not enough for returns ErrFull. -1 gives
	// up nothing but by Cull. Default: 0, as many as it takes.
	CullLimit int
	// ManualCompaction leaves garbage where it is until a limit is reached or
	// Compact is called. Default: it is taken back in the background.
	ManualCompaction bool
	// SegmentSize is how long a segment file gets, from 512 B to 1 GiB, but at most an
	// eighth of SizeLimit. Default:
	// a 128th of SizeLimit, from 256 KiB to 1 GiB; 64 MiB without a limit.
	SegmentSize int64
	// FileThreshold is the size in bytes from which on a value is kept in a file
	// of its own, at most 256 MiB; -1 for never. Default: 256 KiB.
	FileThreshold int64
	// Compression of values that are not in files of their own. Default: none.
	Compression Compression
	// Sync says when writes are put on the disk. Default: SyncNever.
	Sync SyncMode
	// SyncInterval is for the mode of that name. Default: one second.
	SyncInterval time.Duration
	// NoMap reads by system calls where files could be mapped into memory.
	// Default: segments that are full are mapped, on disks of this machine.
	NoMap bool
	// MaxOpenFiles bounds the files that are kept open for reading where they
	// are not mapped. Default: 128.
	MaxOpenFiles int
	// LockTimeout bounds how long a write waits for other processes, before it returns
	// ErrTimeout; UpdateContext has a limit of its own. Reads never wait. Default: a minute.
	LockTimeout time.Duration
	// Network says where the directory is. Default: NetworkAuto.
	Network Network
	// Freshness is how old the news may be that a read is content with, on a network disk or with
	// ReadOnly: it may miss what other processes have stored since. Update is exact in any
	// case. -1 has every read look for news. Default: one second.
	Freshness time.Duration
	// Locking says what keeps processes apart. Default: LockingFcntl.
	Locking Locking
	// ReadOnly opens the directory without writing anything there, not even a lock: on a mount
	// for reading only, or beside those who write. It sees what they have stored up to
	// Freshness ago, on any disk, by looking at their files; nobody sees it. All that would change something returns
	// ErrReadOnly, Check too. Default: false.
	ReadOnly bool
	// Trust accepts a directory that other users may write to. Who can write
	// there can store any value under any key. Default: such a directory is
	// refused with ErrUntrusted.
	Trust bool
	// Now is the clock that items expire by. Default: time.Now.
	Now func() time.Time
	// Logger is told of what goes wrong in the background. Default: nobody.
	Logger *slog.Logger

	disk func(dir string) engine.FS // in place of directories, for tests
	hash func(key string) uint64    // in place of xxhash64, for tests
}

// engine returns what the engine is to be opened with.
func (o *Options) engine() engine.Options {
	return engine.Options{
		SizeLimit: o.SizeLimit, CountLimit: o.CountLimit, MinFreeSpace: o.MinFreeSpace,
		Policy: engine.Policy(clamp(int(o.Policy))), CullLimit: o.CullLimit, Compaction: !o.ManualCompaction,
		SegmentSize: o.SegmentSize, FileThreshold: o.FileThreshold,
		Compression: engine.Compression(clamp(int(o.Compression))),
		Sync:        engine.SyncMode(clamp(int(o.Sync))), SyncInterval: o.SyncInterval,
		NoMap: o.NoMap, MaxOpenFiles: o.MaxOpenFiles, ReadOnly: o.ReadOnly, LockTimeout: o.LockTimeout, Freshness: o.Freshness, Locking: engine.Locking(clamp(int(o.Locking))), Holder: engine.Holder(), Now: o.Now, Log: o.Logger, Hash: o.hash, Stored: true,
	}
}

// clamp makes a number of what the engine refuses unless it knows it.
func clamp(n int) uint8 { return uint8(min(uint(n), math.MaxUint8)) }

// open opens the directory that the options are for.
func (o *Options) open(dir string) (engine.FS, error) {
	if o.disk != nil {
		return o.disk(dir), nil
	}
	if o.Network < NetworkAuto || o.Network > NetworkYes {
		return nil, fmt.Errorf("%w: unknown Network %d", ErrOption, o.Network)
	}
	return engine.OpenDir(dir, engine.DirOptions{Trust: o.Trust, Network: engine.Network(o.Network), Existing: o.ReadOnly})
}

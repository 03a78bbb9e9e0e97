package diskcache

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/engine"
)

// Cache is an open cache directory. Its methods may be called by any number of
// goroutines at once; after Close they return ErrClosed.
type Cache struct {
	e    atomic.Pointer[engine.Engine] // one that is closed after Close
	dir  *sharedDir
	once sync.Once
	now  func() time.Time
	done chan struct{} // closed by Close

	mu     sync.Mutex
	open   *engine.Tx // that was begun last, nil if none was; guarded by mu, as is closed
	closed bool
}

// Open opens the cache in dir, and makes the directory if it is not there. nil
// options are the defaults.
//
// Any number of processes may have a directory open, and a process may open it several
// times. What is in Settings is the directory's: it is stored, and who comes later and gives
// another value changes it for all: ErrTimeout if the writer lock is not to be had for that. SegmentSize is that of whoever opened it first; who comes
// later and gives another one gets ErrOption. Within a process this is so for what else says how it
// is stored; how it is read and looked after (NoMap, MaxOpenFiles, ManualCompaction, Network, Trust, Now, Logger) is
// as whoever opened it first has said. A process for which the directory is on a network disk and one for which it is
// not never have it at once: the second gets ErrLocked, with the name of the other.
//
// A directory with files in it that are not of a cache is ErrForeign. A cache that a crash
// or damage left in any state is opened, with what of it is sound.
func Open(dir string, o *Options) (*Cache, error) {
	var own Options
	if o != nil {
		own = *o
	}
	s, err := openShared(dir, &own)
	if err != nil {
		return nil, fmt.Errorf("diskcache: open %s: %w", dir, err)
	}
	if own.Now == nil {
		own.Now = time.Now
	}
	c := &Cache{dir: s, now: own.Now, done: make(chan struct{})}
	c.e.Store(s.e)
	return c, nil
}

// Close syncs the cache, leaves what the next Open needs to be fast, and gives
// the directory free, which it does also when it returns an error. It waits for
// calls that are under way; those that come later return ErrClosed, a second
// Close too. A transaction that is held open is rolled back. Readers that are open stay good. As long as this process has the directory
// open otherwise, only this Cache ends, and nothing is synced.
func (c *Cache) Close() error {
	err := ErrClosed
	c.once.Do(func() {
		c.e.Store(closedEngine)
		close(c.done)
		err = join(c.endOpen(), c.dir.close())
	})
	return err
}

// closedEngine is what the calls of a Cache go to after Close.
var closedEngine = engine.Closed()

// Set stores value under key in place of what was there, all of it: an item keeps
// no time to live and no tag from the one before. The caller keeps value.
//
// Errors: ErrTooLarge, ErrFull, ErrNoSpace, ErrNotSynced, ErrClosed, and those of
// the disk. After an error but ErrNotSynced the item is the one that was there;
// should the process die before the key is set again, it may be the new one.
func (c *Cache) Set(key string, value []byte, opts ...SetOption) error {
	a, err := c.attrs(opts)
	if err != nil {
		return err
	}
	return c.e.Load().Set(key, value, a)
}

// SetReader stores what r holds up to its end. A value of FileThreshold bytes or
// more goes to a file of its own as it is read, and needs no memory. The item is
// replaced when all is there; an error of r leaves it as it is.
func (c *Cache) SetReader(key string, r io.Reader, opts ...SetOption) error {
	a, err := c.attrs(opts)
	if err != nil {
		return err
	}
	return c.e.Load().SetReader(key, r, a)
}

// Get returns the value of key, which is the caller's. Errors: ErrNotFound (an
// expired item is ErrExpired, which matches it), a *CorruptError, ErrClosed, and
// those of the disk.
func (c *Cache) Get(key string) ([]byte, error) { return c.e.Load().Get(key, nil) }

// GetAppend appends the value of key to buf and returns the extended slice. With
// room in buf it allocates nothing, compressed values and those in files of their
// own excepted. After an error it returns buf.
func (c *Cache) GetAppend(key string, buf []byte) ([]byte, error) { return c.e.Load().Get(key, buf) }

// Reader opens the value of key for reading. What it reads stays there until it
// is closed, whatever becomes of the item. No byte is handed out that was not
// verified. A Reader is for one goroutine at a time, but for its ReadAt.
func (c *Cache) Reader(key string) (Reader, error) {
	r, _, err := c.e.Load().Reader(key)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Reader reads one value.
type Reader = engine.Reader

// Has reports whether key has an item, as Get would find it.
func (c *Cache) Has(key string) (bool, error) { return c.e.Load().Has(key) }

// Delete removes key and reports whether it had an item. Errors are those of Set.
func (c *Cache) Delete(key string) (bool, error) { return c.e.Load().Delete(key) }

// Keys returns all keys, in no particular order; Scan has several. A key that is there during the
// whole walk comes once; one that is set or deleted meanwhile may come or not.
// The cache may be changed during the walk. An item that cannot be read yields
// its error, and the walk goes on.
func (c *Cache) Keys() iter.Seq2[string, error] { return c.e.Load().Keys() }

// Items returns all items, as Keys does the keys, each with the value that is
// newest as it is yielded. Values are the caller's.
func (c *Cache) Items() iter.Seq2[KeyValue, error] { return c.e.Load().Items() }

// KeyValue is an item that Items yields.
type KeyValue = engine.KeyValue

// Len returns the number of items. Those that have expired and are still on the
// disk count.
func (c *Cache) Len() (int, error) { return c.e.Load().Len() }

// Volume returns how many bytes the items take on the disk: keys, values and what
// belongs to them, but not what was replaced or deleted.
func (c *Cache) Volume() (int64, error) {
	s, err := c.e.Load().Stats()
	return s.LiveBytes, err
}

// DiskUsage returns how many bytes all files of the directory have.
func (c *Cache) DiskUsage() (int64, error) {
	s, err := c.e.Load().Stats()
	return s.DiskBytes, err
}

// Stats are counts since Open, and the state of the cache now.
type Stats = engine.Stats

// Stats returns the statistics. It reads no disk.
func (c *Cache) Stats() (Stats, error) { return c.e.Load().Stats() }

// Wait returns when the item of key has another version than the one given, which Item tells: 0
// is that there is no item. An item that expires ends the wait, too. It sleeps until a commit
// changes the key, of whatever process; on a network disk, and with ReadOnly, it learns of those
// of others after Freshness. It returns the error of ctx when that ends, ErrClosed after Close, and
// the errors of Get.
func (c *Cache) Wait(ctx context.Context, key string, version uint64) error {
	return c.e.Load().Wait(ctx, c.done, key, version)
}

// Sync puts on the disk what was stored and deleted before it was called. After
// an ErrNotSynced another Sync may succeed: data that a failed sync was to cover
// is written again.
func (c *Cache) Sync() error { return c.e.Load().Sync() }

// Clear removes all items and returns how many these were. It takes as long as there
// are segments, however many items they hold; a process that dies meanwhile has
// removed all or none.
func (c *Cache) Clear() (int, error) { return c.e.Load().Clear() }

// EvictTag removes the items that have a tag and returns how many these were, a few
// hundred at a time: each of these batches is removed as a whole. Items that are
// stored meanwhile may be among them or not. It reads all items that have tags. The
// empty tag is that of the items without one.
func (c *Cache) EvictTag(tag string) (int, error) { return c.e.Load().EvictTag(tag) }

// Expire removes the items whose time is over and returns how many these were. Reads
// do not see them in any case; this gives back their space, as the background does
// after a while.
func (c *Cache) Expire() (int, error) { return c.e.Load().Expire() }

// Cull removes what has expired and then, as Policy says, what is beyond the limits
// and a little more, and returns how many items these were.
func (c *Cache) Cull() (int, error) { return c.e.Load().Cull() }

// Compact takes back the space of items that were replaced, deleted or have expired.
// Others may read and write meanwhile. Close ends it, with ErrClosed.
func (c *Cache) Compact() error { return c.e.Load().Compact() }

// Problem is something that Check found.
type Problem = engine.Problem

// Check reads and verifies everything in the directory and returns what is wrong,
// with files and offsets; an error means that it could not finish. With fix it
// mends what can be mended: it writes hints anew, removes value files that nothing
// names, and deletes items whose values are lost. Writers wait meanwhile.
func (c *Cache) Check(fix bool) ([]Problem, error) { return c.e.Load().Check(fix) }

package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// Engine is an open cache directory. All its methods may be called at once.
type Engine struct {
	opt   Options
	given Options // before defaults
	disk  vfs.FS  // without what Locking makes of it
	fsys  vfs.FS
	locks vfs.Locks
	set   atomic.Pointer[settings] // what may change of the options
	id    [16]byte                 // of the cache; in every file
	clock clock

	board         board
	dir           dirLock
	follower      follower
	knowsSettings atomic.Uint64 // wordSettings of those that the engine goes by

	followed atomic.Uint64   // sequence up to which commits are applied
	applied  atomic.Uint64   // raised before and after a commit of several records is applied: odd meanwhile
	lone     atomic.Uint64   // wordAttaches while no other process has the directory open; else another number
	life     context.Context // ends with Close, as what waits for other processes does
	end      context.CancelCauseFunc
	guard    forkGuard
	heir     atomic.Bool // the process that had the slot before has died
	textGrew int64       // by what this process has added to the lock file
	maxFile  int64       // how long segments may get, as the first process has it

	layout segment.Layout
	files  *segment.Files
	log    segment.Log
	index  atomic.Pointer[keydir.Index]

	// partial is an index that was built from files which went meanwhile: until what came
	// since is applied to it, it may lack items, and have older versions of others.
	partial atomic.Pointer[keydir.Index]

	loaded atomic.Bool // the index needs its snapshot no longer

	turn   chan struct{} // holds a value while a transaction is open or waits for the writer lock
	queue  queue
	evict  eviction
	w      writer
	bg     background
	values values
	graves graves
	views  views

	reclaimer  reclaimer
	reclaiming reclaiming

	waiting waits
	stats   counters
	faults  faults

	reserve        reserve
	snapshotOnDisk int64 // size of the snapshot that is there; guarded by the writer lock
}

// forkGuard tells whether this process is a forked child of the one that opened the directory.
type forkGuard interface{ Forked() bool }

// writer is what the holder of the writer lock works with.
type writer struct {
	mu      sync.Mutex               // the writer lock
	closed  bool                     // no commit begins any more
	ended   bool                     // nor is anything of the log written any more
	active  [streams]*segment.Writer // nil until the first commit of a stream
	entries [streams]int             // of the active segments on the board
	crowded bool                     // the board has few entries left: what is stored is not parted
	classes classes
	bySlot  []*segment.Segment // the segments; nil where a slot is free
	seq     uint64             // of the last commit, that of the directory
	stage   stage
	alone   [1]*request         // a group of one
	reads   map[uint64]struct{} // hashes of what the transaction under way has read, nil if there is none
	sparing int64               // bytes of these that are still spared
	doubts  doubts
	failed  []failed               // commits that are to be taken back yet
	hidden  atomic.Pointer[doubts] // keys that tombstones have to be left for. Filled by Open; replaced by a Clear, beside who reads a batch
	old     []*keydir.Index        // damaged ones that were built anew; given back at Close
}

// Open opens the cache directory fsys and takes it over: Close closes fsys, and
// so does an Open that fails.
func Open(fsys vfs.FS, o Options) (*Engine, error) {
	disk := fsys
	fsys = o.Locking.over(disk)
	e, err := open(disk, fsys, o)
	if err != nil {
		return nil, errors.Join(err, fsys.Close())
	}
	return e, nil
}

func open(disk, fsys vfs.FS, o Options) (*Engine, error) {
	given := o
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Engine{opt: o, given: given, disk: disk, fsys: fsys, guard: vfs.NewForkGuard(), turn: make(chan struct{}, 1)}
	e.life, e.end = context.WithCancelCause(context.Background())
	e.w.hidden.Store(&doubts{})
	e.clock.init(o.Now)
	e.faults.log = o.Log
	e.dir.init(e)
	e.follower.tails = make(map[uint64]*tail)
	e.waiting.init(e)
	if o.ReadOnly {
		return e, e.openReader()
	}
	list, first, err := e.claim()
	if err != nil {
		return nil, err
	}
	if first {
		e.openWithStored()
	}
	e.setUp()
	r := &recovery{e: e}
	if first {
		r, err = e.recover(list)
	} else {
		err = e.join()
	}
	if err != nil {
		return nil, errors.Join(err, e.abandon())
	}
	if first {
		if err := e.present(); err != nil {
			return nil, errors.Join(err, e.abandon())
		}
	}
	e.faults.add("free space", e.lookAtVolume())
	if first {
		e.dir.opened() // from here on the lock goes to others when they want it
	}
	if err := e.keepGiven(first); err != nil {
		return nil, errors.Join(err, e.abandon())
	}
	e.bg.start(e, r)
	e.reclaiming.start(e)
	return e, nil
}

// Closed returns an engine that is closed.
func Closed() *Engine {
	o, err := Options{}.withDefaults()
	if err != nil {
		panic(err) // the defaults are valid
	}
	e := &Engine{opt: o, life: context.Background(), turn: make(chan struct{}, 1)}
	e.goBy(o.settings())
	e.w.hidden.Store(&doubts{})
	e.clock.init(nil)
	e.faults.log = o.Log
	e.bg.sealing.init()
	e.values.init(e)
	e.waiting.init(e)
	e.w.stage.init(e)
	e.w.closed, e.w.ended, e.dir.held = true, true, true
	e.board.w = make([]atomic.Uint64, boardWords)
	e.dir.whole.Store(true)
	return e
}

// setUp makes what depends on the options, once these are known.
func (e *Engine) setUp() {
	o, fsys := &e.opt, e.fsys
	e.files = segment.NewFiles(o.MaxOpenFiles, !o.NoMap && fsys.Local())
	e.files.Removed = e.removed
	e.files.Reopen = e.board.page == nil
	if e.files.Map && o.Sync != SyncAlways && (o.SizeLimit == 0 || o.SizeLimit >= leastWindowed*o.SegmentSize) {
		// Where each commit is synced, memory would have to be made writable
		// anew for each, by a fault.
		e.files.Window = o.SegmentSize
	}
	e.values.init(e)
	e.files.Settle = e.values.loose.settle
	e.graves.freed = make(chan struct{}, 1)
	e.evict.init(&e.opt)
	e.goBy(e.opt.settings())
	e.takeSettings()
	e.w.stage.init(e)
}

// abandon gives back what an Open that failed has taken.
func (e *Engine) abandon() error {
	e.log.Publish(e.w.bySlot) // what was opened of the segments is theirs to close
	e.log.Publish(nil)
	e.log.Wait()
	if x := e.index.Load(); x != nil {
		x.Close()
	}
	return errors.Join(e.log.TakeErrors(), e.depart())
}

// Close ends the use of the directory: it waits for what runs, syncs, leaves
// hints and a snapshot for the next Open, and gives the directory free. It
// returns what went wrong, and what the background met and nobody has seen yet;
// the directory is free in any case. A second Close returns ErrClosed.
func (e *Engine) Close() error {
	if e.forked() {
		return ErrForked // nothing of it is the child's to end
	}
	if e.opt.ReadOnly {
		return e.closeReader()
	}
	settled := e.settleHorizon()
	e.w.mu.Lock()
	if e.w.closed {
		e.w.mu.Unlock()
		return ErrClosed
	}
	e.w.closed = true
	e.end(ErrClosed)
	e.w.mu.Unlock()

	e.stop()
	last, lerr := e.isLast()
	errs := []error{settled, lerr, e.sealAll()}
	e.w.mu.Lock()
	e.w.ended = true // a Sync that is still under way finds its work done by sealAll
	e.w.mu.Unlock()
	complete := errors.Join(errs...) == nil
	errs = append(errs, e.values.removeDead())

	e.log.Publish(nil)
	e.log.Wait()
	errs = append(errs, e.retireDropped())
	x := e.index.Load()
	if complete && last && !e.w.hidden.Load().any() {
		errs = append(errs, e.writeSnapshot(x))
	}
	x.Close()
	for _, x := range e.w.old {
		x.Close()
	}
	errs = append(errs, e.closeSnapshot(), e.log.TakeErrors(), e.faults.take(), e.depart(), e.fsys.Close())
	return errors.Join(errs...)
}

// stop ends the goroutines of the engine and waits for them.
func (e *Engine) stop() {
	e.waiting.close()
	e.reclaiming.stop()
	e.bg.stop()
}

// faults keeps errors of the background until somebody can be told.
type faults struct {
	log   *slog.Logger
	mu    sync.Mutex
	errs  []error
	count atomic.Int64

	strangers []string // segments of other caches, which Open found and left alone
}

// maxFaults bounds what is kept; all are counted and logged.
const maxFaults = 16

func (f *faults) add(what string, err error) {
	if err == nil {
		return
	}
	f.count.Add(1)
	f.log.LogAttrs(context.Background(), slog.LevelError, what, slog.Any("err", err))
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errs) < maxFaults {
		f.errs = append(f.errs, fmt.Errorf("%s: %w", what, err))
	}
}

func (f *faults) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := errors.Join(f.errs...)
	f.errs = nil
	return err
}

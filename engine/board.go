package engine

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/vfs"
)

// board is the state page: a page of memory that all processes share which have the
// directory open on this machine. It tells how far the log has come, and who may write. It
// is never the truth: the first process that opens the directory makes it anew from the
// files, and none believes what it finds while nobody else is there. On network disks it is
// memory of the process, which a file stands behind: see mirror.
//
// Words that one process changes often, and others look at, have a cache line each.
type board struct {
	page  vfs.Page // nil: there is no memory to share
	file  *mirror  // where there is not
	watch *watcher // of a process that reads only
	w     []atomic.Uint64
	slot  atomic.Int32 // of this process: read by who looks for the dead while it attaches anew

	// mu is held for writing to give the page back. Who looks at the segments that are
	// written to holds it for reading; who looks at a word holds the writer lock of the
	// process, or a set of segments: Close waits for these.
	mu sync.RWMutex
}

// The words of the page.
const (
	wordReady    = 0  // readyMark once the rest is true
	wordAttaches = 1  // how often a process has come
	wordID       = 2  // identity of the cache, two words
	wordOptions  = 4  // what all processes have to agree on, see shared options
	wordSlots    = 12 // a bit for each slot that a process has, or had when it died
	wordSeq      = 16 // of the last commit that is published
	wordWaits    = 17 // not 0: somebody waits for a commit
	wordWant     = 24 // not 0: somebody waits for the writer lock
	wordHolder   = 32 // slot and one of the process that commits; 0: the last one was done
	wordTaken    = 33 // how often the writer lock was taken
	wordGiven    = 34 // how often it was given up
	wordDied     = 35 // slot and one of a process that died with it, and may have committed more than it published; 0: none did
	wordDisk     = 40 // bytes of all files
	wordHints    = 41 // bytes that hints will take
	wordRoom     = 42 // how often a process was about to find the cache full
	wordLocking  = 43 // what keeps processes apart that share it by a file, see locking.go
	wordShape    = 48 // how often a segment that is written to has come, gone, or got another owner
	wordCull     = 49 // CullLimit, see settings.go
	wordMore     = 50 // Policy for those who come first next time, and Compression
	wordSettings = 51 // how often settings were changed, twice; odd while they are
	wordFiles    = 64 // the segments that are written to, fileWords each

	fileWords = 3
	fileID    = 0 // of the segment; 0: the entry is free
	fileLen   = 1 // committed bytes
	fileOwner = 2 // slot of the process that writes to it

	boardWords = 1024
	mostFiles  = (boardWords - wordFiles) / fileWords

	// readyMark tells that the page is valid. It changes with the layout.
	readyMark = 0x6463_7374_6174_0002
)

// An activeFile is a segment that a process writes to, as the board says.
type activeFile struct {
	id     uint64
	length int64
	owner  int
	entry  int // of the board
}

// newWords are words that this process shares with nobody.
func newWords() []atomic.Uint64 { return make([]atomic.Uint64, boardWords) }

func (b *board) ready() bool { return b.w[wordReady].Load() == readyMark }

func (b *board) seq() uint64 { return b.w[wordSeq].Load() }

// clear makes the page invalid, and empty.
func (b *board) clear() {
	b.w[wordReady].Store(0)
	for i := range b.w {
		if i != wordAttaches { // who waits for a change of it, sees one
			b.w[i].Store(0)
		}
	}
}

func (b *board) id() (id [16]byte) {
	binary.LittleEndian.PutUint64(id[:8], b.w[wordID].Load())
	binary.LittleEndian.PutUint64(id[8:], b.w[wordID+1].Load())
	return id
}

func (b *board) setID(id [16]byte) {
	b.w[wordID].Store(binary.LittleEndian.Uint64(id[:8]))
	b.w[wordID+1].Store(binary.LittleEndian.Uint64(id[8:]))
}

// entries returns the words of the segments that are written to; none after close. The
// caller holds mu.
func (b *board) entries() []atomic.Uint64 {
	if b.w == nil {
		return nil
	}
	return b.w[wordFiles:][:mostFiles*fileWords]
}

// wait waits until a word is not old any more, for d at most, and learns what it is then.
func (b *board) wait(i int, old uint64, d time.Duration) error {
	if b.page != nil {
		b.page.Wait(i, old, d)
		return nil
	}
	time.Sleep(max(d, mostPoll))
	return b.file.look()
}

// wake wakes who waits for a word.
func (b *board) wake(i int) {
	if b.page != nil {
		b.page.Wake(i)
	}
}

// slotLock returns the lock of a slot. Those who share memory and those who share a file have
// different ones, so that each sees whether there are others of its kind, and that there are none
// of the other.
func (b *board) slotLock(slot int) int {
	if b.file != nil {
		return lockFar + slot
	}
	return lockSlots + slot
}

// take states that this process has the writer lock. That another had it and did not give it
// up is noted until what that one may have committed is published.
func (b *board) take() {
	if had := b.w[wordHolder].Load(); had != 0 && b.w[wordDied].Load() == 0 {
		b.w[wordDied].Store(had)
	}
	b.w[wordHolder].Store(uint64(b.me()) + 1)
	b.w[wordTaken].Add(1)
	if b.file != nil {
		b.file.holding = b.w[wordTaken].Load()
	}
}

// publish makes others see what was changed, where they share no memory. The caller holds the
// writer lock.
func (b *board) publish() error {
	if b.file == nil {
		return nil
	}
	return b.file.publish()
}

// publishAll sees to it that others know of all that was committed, and which segments have come
// to their end, before files are removed: who finds one gone is to find why.
func (b *board) publishAll() error {
	if b.file == nil || !b.file.changed() {
		return nil
	}
	return b.file.publish()
}

// isLost reports whether this process does not share the directory any more, for its locks were
// lost, and is to attach anew.
func (b *board) isLost() bool { return b.file != nil && b.file.lost.Load() }

// close gives the page back.
func (b *board) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.w = nil
	if b.page == nil {
		return nil
	}
	return b.page.Close()
}

// files returns the segments that are written to. Read after seq, their lengths hold all
// commits up to that.
func (b *board) files(dst []activeFile) []activeFile {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for i, w := 0, b.entries(); len(w) > 0; i, w = i+1, w[fileWords:] {
		for id := w[fileID].Load(); id != 0; id = w[fileID].Load() {
			a := activeFile{id: id, length: int64(w[fileLen].Load()), owner: int(w[fileOwner].Load()), entry: i}
			if w[fileID].Load() == id { // not that of another meanwhile; none comes again
				dst = append(dst, a)
				break
			}
		}
	}
	return dst
}

// lengths calls fn with the committed bytes of the segments that are written to, which it asks
// for by ID and entry. It ends where an entry is another segment's, and reports whether none is.
func (b *board) lengths(tails map[uint64]*tail, fn func(t *tail, length int64)) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	w := b.entries()
	for id, t := range tails {
		if t.ended {
			continue
		}
		if len(w) == 0 || t.entry < 0 {
			return false
		}
		f := w[t.entry*fileWords:][:fileWords]
		n := int64(f[fileLen].Load())
		if f[fileID].Load() != id { // it is that of another by now
			return false
		}
		fn(t, n)
	}
	return true
}

// add enters a segment that this process is going to write to, and returns its entry; -1 if
// there is none left. The caller holds the writer lock.
func (b *board) add(id uint64, length int64) int {
	for i := range mostFiles {
		f := b.w[wordFiles+i*fileWords:][:fileWords]
		if f[fileID].Load() == 0 {
			f[fileLen].Store(uint64(length))
			f[fileOwner].Store(uint64(b.me()))
			f[fileID].Store(id)
			b.w[wordShape].Add(1)
			return i
		}
	}
	return -1
}

// free returns how many entries are left.
func (b *board) free() (n int) {
	for i := range mostFiles {
		if b.w[wordFiles+i*fileWords].Load() == 0 {
			n++
		}
	}
	return n
}

// remove takes out the entry of a segment that has come to its end.
func (b *board) remove(id uint64) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for w := b.entries(); len(w) > 0; w = w[fileWords:] {
		if w[fileID].CompareAndSwap(id, 0) {
			b.w[wordShape].Add(1)
			return
		}
	}
}

// has reports whether a segment is on the board.
func (b *board) has(id uint64) bool { return b.ownerOf(id) != nobody }

// nobody owns what is not on the board.
const nobody = -1

// me returns the slot of this process.
func (b *board) me() int { return int(b.slot.Load()) }

// ownerOf returns the slot of the process that writes to a segment.
func (b *board) ownerOf(id uint64) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for w := b.entries(); len(w) > 0; w = w[fileWords:] {
		if w[fileID].Load() == id {
			return int(w[fileOwner].Load())
		}
	}
	return nobody
}

// isAnothers reports whether another process writes to a segment.
func (b *board) isAnothers(id uint64) bool {
	owner := b.ownerOf(id)
	return owner != nobody && owner != b.me()
}

// attach notes that a slot is in use, or is not any more.
func (b *board) attach(slot int, used bool) {
	w, bit := &b.w[wordSlots+slot/64], uint64(1)<<(slot%64)
	if used {
		w.Or(bit)
	} else {
		w.And(^bit)
	}
}

// attached reports whether a slot was in use.
func (b *board) attached(slot int) bool {
	return b.w[wordSlots+slot/64].Load()&(1<<(slot%64)) != 0
}

// own makes this process the owner of a segment.
func (b *board) own(id uint64) {
	for i := range mostFiles {
		f := b.w[wordFiles+i*fileWords:][:fileWords]
		if f[fileID].Load() == id {
			f[fileOwner].Store(uint64(b.me()))
			b.w[wordShape].Add(1)
		}
	}
}

// disown makes a segment nobody's: it has come to its end, and is to be sealed there.
func (b *board) disown(id uint64) {
	for i := range mostFiles {
		f := b.w[wordFiles+i*fileWords:][:fileWords]
		if f[fileID].Load() == id {
			f[fileOwner].Store(mostSlots)
			b.w[wordShape].Add(1)
		}
	}
}

// setLength states how far the segment of an entry is committed.
func (b *board) setLength(entry int, n int64) {
	b.w[wordFiles+entry*fileWords+fileLen].Store(uint64(n))
}

// count is a number that processes share, or that this one has for itself.
type count struct {
	own    atomic.Uint64
	mu     sync.RWMutex   // held for writing while the page is given back
	shared *atomic.Uint64 // nil: own counts
}

// use calls fn with the word that counts.
func (c *count) use(fn func(w *atomic.Uint64)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.shared != nil {
		fn(c.shared)
	} else {
		fn(&c.own)
	}
}

func (c *count) Add(n int64) { c.use(func(w *atomic.Uint64) { w.Add(uint64(n)) }) }

// addHeld is Add for who holds the writer lock of a directory that is open: the page is not given
// back before that is let go for the last time.
func (c *count) addHeld(n int64) {
	if c.shared != nil {
		c.shared.Add(uint64(n))
	} else {
		c.own.Add(uint64(n))
	}
}

func (c *count) Load() (n int64) {
	c.use(func(w *atomic.Uint64) { n = int64(w.Load()) })
	return n
}

func (c *count) Store(n int64) { c.use(func(w *atomic.Uint64) { w.Store(uint64(n)) }) }

// swap sets the count if it is still what it was.
func (c *count) swap(old, n int64) (ok bool) {
	c.use(func(w *atomic.Uint64) { ok = w.CompareAndSwap(uint64(old), uint64(n)) })
	return ok
}

// share makes the count the one in a word of the page.
func (c *count) share(w *atomic.Uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared = w
}

// unshare makes the count one of this process again, which goes on from what it is.
func (c *count) unshare() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shared != nil {
		c.own.Store(c.shared.Load())
		c.shared = nil
	}
}

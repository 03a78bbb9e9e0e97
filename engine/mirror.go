package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// mirror is the board on a network disk, where processes cannot share memory: its words are
// of this process alone, and the truth is the state file. What the words say that the file did
// not, when it was last read, this process has changed and is still to write. The file is read
// and written as a whole, through handles that are opened for it; who writes it holds the state
// lock for that moment, and has read it within.
//
// The file has two places, and each state is written to both, one after the other, so that a reader
// always finds one that is whole. A host that was cut off as it wrote, or a process that was held up,
// may write that later, when others have long gone on. It was on its way to one place, for it begins
// with the other only when the one is on the server, and nobody else has written since; the other
// still says what is so. Should both be of one generation, that is the first place: it is written
// last.
//
// Locks can be lost without a word, so that another process takes the place of this one. Each
// time that the file is read it tells whether it still knows this process: by the nonce in
// its slot and, while it holds the writer lock, by the number of that holding.
type mirror struct {
	b     *board
	fsys  vfs.FS
	locks vfs.Locks
	now   func() time.Time

	patience time.Duration // how long it waits for who writes the file, at most

	// fresh is how old the news may be that a read is content with; < 0: it looks itself.
	fresh time.Duration

	lost atomic.Bool // the file knows this process no more: it is to attach anew
	shut atomic.Bool // the process has given the directory up

	nonce atomic.Uint64 // of this process; 0: it is not in the file. Changed under mu
	was   former        // what it was in the file before its locks were lost; guarded by mu

	writing sync.Mutex // one exchange at a time; taken before mu

	mu      sync.Mutex
	base    []uint64 // what the file said
	gen     uint64   // its generation
	place   int      // where that was found
	read    []byte   // both places as they were read, or written since
	holding uint64   // wordTaken as this process has the writer lock; 0: it has not
	looked  time.Time
}

// former is a process that was in the file.
type former struct {
	slot  int
	nonce uint64 // 0: it was not
}

// isIn reports whether the file has that process still.
func (f former) isIn(w []uint64) bool {
	return w[wordNonces+f.slot] == f.nonce && w[wordSlots+f.slot/64]&(1<<(f.slot%64)) != 0
}

// stateWords are those of the board and a nonce for each slot.
const (
	wordNonces = boardWords
	stateWords = wordNonces + mostSlots
)

// errNoState says that no state is to be read.
var errNoState = errors.New("diskcache: state file is lost")

func newMirror(e *Engine) *mirror {
	e.board.w = make([]atomic.Uint64, stateWords)
	fresh := e.opt.Freshness
	return &mirror{
		b: &e.board, fsys: e.fsys, locks: e.locks, now: e.clock.now, fresh: fresh,
		patience: min(mostPatience, e.opt.LockTimeout),
		base:     make([]uint64, stateWords),
	}
}

// refresh looks at the state file unless it did so a moment ago: what is published for
// Freshness is known then, for who publishes takes half of that. It returns ErrLockLost also
// while this process has attached anew to a file that is being made.
func (m *mirror) refresh() (err error) {
	begin := m.now()
	m.mu.Lock()
	if age := begin.Sub(m.looked); m.fresh <= 0 || age < 0 || age >= m.fresh/2 {
		err = m.lookLocked()
	}
	if err == nil && m.base[wordReady] != readyMark {
		err = ErrLockLost
	}
	m.mu.Unlock()
	return m.lookAgain(err)
}

// lookedWithin reports whether the file was looked at within d.
func (m *mirror) lookedWithin(d time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	age := m.now().Sub(m.looked)
	return age >= 0 && age < d
}

// look reads the state file.
func (m *mirror) look() error {
	m.mu.Lock()
	err := m.lookLocked()
	m.mu.Unlock()
	return m.lookAgain(err)
}

func (m *mirror) lookLocked() error {
	if m.shut.Load() {
		return ErrClosed
	}
	begin := m.now()
	s, _, err := m.readBy(m.fsys.Open)
	if err != nil {
		return err
	}
	m.looked = begin
	return m.install(s)
}

// lookAgain reads the state file while nobody writes it, should it have held none: who writes it
// twice while it is read has written over both.
func (m *mirror) lookAgain(err error) error {
	if !errors.Is(err, errNoState) {
		return err
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), m.patience)
	defer cancel()
	if err := m.lock(ctx); err != nil {
		return m.fails(err)
	}
	m.mu.Lock()
	err = m.lookForWriting()
	m.mu.Unlock()
	return errors.Join(err, m.fails(m.locks.Unlock(lockState)))
}

// lookForWriting is look for who holds the state lock: what is there now is all that there is. It
// opens the file for writing, for which SMB asks the server: after a moment without a network a
// host may have in its cache what others have overwritten since.
func (m *mirror) lookForWriting() error {
	if m.shut.Load() {
		return ErrClosed
	}
	s, place, err := m.readBy(m.fsys.OpenWrite)
	if errors.Is(err, errNoState) {
		return m.fails(err)
	}
	if err != nil {
		return err
	}
	m.looked, m.place = m.now(), place
	return m.install(s)
}

// readBy returns the latest state that the file holds, and where it stands.
func (m *mirror) readBy(open func(string) (vfs.File, error)) (*codec.State, int, error) {
	f, err := open(codec.StateName)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotRegular) {
		return nil, 0, fmt.Errorf("%w: %w", errNoState, err)
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	b, n, err := readStates(f)
	if err != nil {
		return nil, 0, err
	}
	m.read = b
	return latestState(b[:n])
}

// readStates reads both places, and how long the file is, up to there.
func readStates(f vfs.File) (b []byte, n int, err error) {
	b = make([]byte, 2*codec.StateStride)
	if n, err = f.ReadAt(b, 0); err == io.EOF {
		err = nil
	}
	return b, n, err
}

// latestState returns the latest state of those that b holds, and where it stands.
func latestState(b []byte) (last *codec.State, place int, err error) {
	errs := []error{errNoState}
	for _, at := range []int{0, codec.StateStride} {
		s, _, err := codec.ParseState(b[min(at, len(b)):min(at+codec.StateStride, len(b))])
		if err == nil && len(s.Words) != stateWords {
			err = codec.ErrLength
		}
		if errors.Is(err, codec.ErrVersion) {
			return nil, 0, versionError(err)
		}
		if err == nil && (last == nil || s.Generation > last.Generation) {
			last, place = &s, at
		}
		errs = append(errs, err)
	}
	if last == nil {
		return nil, 0, errors.Join(errs...)
	}
	return last, place, nil
}

// install takes over what the file says, but for what this process has changed. It fails with
// ErrLockLost where the file knows this process no more. What that has changed before it attached
// anew counts only if nobody had taken its place by then: the file may have been made anew, and
// its slot and the places of its segments be others'.
func (m *mirror) install(s *codec.State) error {
	if s.Generation < m.gen && m.knows(s.Words) {
		return nil // an old one, from a cache
	}
	m.gen = s.Generation
	if m.was.nonce != 0 && !m.was.isIn(s.Words) {
		m.undo()
		m.was = former{}
	}
	mergeWords(m.b.w, m.base, s.Words)
	m.base = s.Words
	if !m.knows(s.Words) {
		m.lost.Store(true)
		return ErrLockLost
	}
	return nil
}

// published returns what the file says of the cache: its identity, and the sequence of the last commit.
// ok is false while it does not, for whoever has it made anew is about to find out.
func (m *mirror) published() (id [16]byte, seq uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b.id(), m.b.seq(), m.base[wordReady] == readyMark
}

// knows reports whether words are of a state that knows this process.
func (m *mirror) knows(w []uint64) bool {
	if nonce := m.nonce.Load(); nonce != 0 && !(former{m.b.me(), nonce}).isIn(w) {
		return false
	}
	return m.holding == 0 || w[wordTaken] == m.holding && w[wordHolder] == uint64(m.b.me())+1
}

// exchange is exchangeWithin for as long as who commits can wait: others wait for it.
func (m *mirror) exchange(ctx context.Context, change func()) error {
	ctx, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	return m.exchangeWithin(ctx, change)
}

// exchangeWithin reads the file, has change change the words, and writes what is changed.
func (m *mirror) exchangeWithin(ctx context.Context, change func()) error {
	return m.locked(ctx, func() error { return m.exchangeLocked(change) })
}

// locked calls fn with the state lock and mu.
func (m *mirror) locked(ctx context.Context, fn func() error) error {
	m.writing.Lock() // readers do not wait for the state lock
	defer m.writing.Unlock()
	if m.lost.Load() {
		return ErrLockLost
	}
	if err := m.lock(ctx); err != nil {
		return m.fails(err)
	}
	m.mu.Lock()
	err := fn()
	m.mu.Unlock()
	return errors.Join(err, m.fails(m.locks.Unlock(lockState)))
}

func (m *mirror) exchangeLocked(change func()) error {
	if err := m.lookForWriting(); err != nil {
		return err
	}
	if change != nil {
		change()
	}
	return m.write()
}

// join states that this process has its slot. Who comes and is alone makes the file anew. So does
// who attaches anew and finds it lost, for none of the others can use it, or is alone with what
// others have left that had other options. Who comes can wait: on real SMB mounts who had the file
// was killed, and it was not free for 10 s.
func (m *mirror) join(ctx context.Context, e *Engine, alone bool) error {
	come := func() {
		m.was = former{}
		e.comeIn()
		m.b.w[wordLocking].Store(uint64(e.opt.Locking))
		m.nonce.Store(rand.Uint64() | 1)
		m.b.w[wordNonces+m.b.me()].Store(m.nonce.Load())
	}
	m.mu.Lock()
	read := m.gen != 0 // before: it attaches anew
	m.mu.Unlock()
	return m.locked(ctx, func() error {
		if alone && !read { // as far as is known: who lost its locks may be about to write
			return m.found(come)
		}
		err := m.exchangeLocked(come)
		if errors.Is(err, errNoState) && read || err == nil && alone && e.disagrees() != nil {
			return m.found(come)
		}
		return err
	})
}

// undo sets all words back to what the file said.
func (m *mirror) undo() {
	for i := range m.base {
		m.b.w[i].Store(m.base[i])
	}
}

// forget forgets that this process is in the file.
func (m *mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if nonce := m.nonce.Load(); nonce != 0 {
		m.was = former{m.b.me(), nonce}
	}
	m.nonce.Store(0)
	m.holding = 0
	m.lost.Store(false)
}

// leave states that this process has its slot no more, unless somebody is to inherit of it.
func (m *mirror) leave(heir bool) error {
	var err error
	if m.nonce.Load() != 0 && !m.lost.Load() {
		err = m.exchange(context.Background(), func() {
			if m.holding != 0 {
				m.b.w[wordHolder].Store(0)
			}
			m.b.attach(m.b.me(), heir)
			m.b.w[wordNonces+m.b.me()].Store(0)
			m.nonce.Store(0)
			m.holding = 0
		})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut.Store(true)
	return err
}

// publish writes what is changed, for the holder of the writer lock. If that fails nobody knows
// what others will find.
func (m *mirror) publish() error {
	err := m.exchange(context.Background(), nil)
	if err != nil {
		m.lost.Store(true)
	}
	return err
}

// mostPatience bounds how long it is waited for another process that writes the file.
const mostPatience = 10 * time.Second

// publishDue publishes what is committed when the news begin to be old.
func (m *mirror) publishDue() error {
	if m.fresh < 0 || m.lookedWithin(m.fresh/2) {
		return nil
	}
	if m.changed() {
		return m.publish()
	}
	return m.look()
}

// release publishes all, and states that nobody has the writer lock.
func (m *mirror) release(ctx context.Context) error {
	err := m.exchange(ctx, func() {
		m.b.w[wordHolder].Store(0)
		m.holding = 0
	})
	if err != nil {
		m.lost.Store(true)
	}
	return err
}

// confirm makes certain, before a commit is acknowledged, that this process has had the writer
// lock until now: who takes it writes that to the file before it looks what was committed.
func (m *mirror) confirm() error {
	err := m.look()
	if err != nil {
		m.lost.Store(true)
	}
	return err
}

// unsay calls undo, which sets words back, unless the file may have been read with them.
func (m *mirror) unsay(undo func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.base[wordSeq] != m.b.seq() {
		undo()
	}
}

// found makes the file anew. The caller holds the state lock, and mu.
func (m *mirror) found(change func()) error {
	if err := m.make(); err != nil {
		return err
	}
	s, place, err := m.readBy(m.fsys.OpenWrite)
	if err != nil && !errors.Is(err, errNoState) {
		return err
	}
	if m.place = place; err == nil {
		m.gen = s.Generation
	}
	m.b.clear()
	m.b.w[wordTaken].Store(rand.Uint64() >> 1) // none of before is that of any holding to come
	change()
	return m.write()
}

// make makes the file if it is missing. To look for it first would hide it for half a minute
// from this host, should another one make it.
func (m *mirror) make() error {
	f, err := m.fsys.Create(codec.StateName)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), m.fsys.SyncDir("."))
}

// write writes the words as the next generation.
func (m *mirror) write() error {
	s := codec.State{CacheID: m.b.id(), Generation: m.gen + 1, Words: make([]uint64, stateWords)}
	for i := range s.Words { // the sequence before the lengths
		s.Words[i] = m.b.w[i].Load()
	}
	if err := m.store(codec.AppendState(nil, &s)); err != nil {
		return m.fails(err)
	}
	m.base, m.gen = s.Words, s.Generation
	return nil
}

// store writes a state to both places, one after the other: to the second one first. Should that be
// the only one that holds the latest, for a process died in here, it is put in the first one before.
func (m *mirror) store(b []byte) error {
	if m.place != 0 {
		if err := m.storeAt(0, m.read[m.place:]); err != nil {
			return err
		}
	}
	if err := m.storeAt(codec.StateStride, b); err != nil {
		return err
	}
	return m.storeAt(0, b)
}

// storeAt writes a place, which is on the disk of the server then, unless the file is not as this
// process has read or left it: others have written, for its lock is lost.
func (m *mirror) storeAt(place int, b []byte) error {
	f, err := m.fsys.OpenWrite(codec.StateName)
	if err != nil {
		return err
	}
	err = m.unlessOvertaken(f)
	if err == nil {
		_, err = f.WriteAt(b, int64(place))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		copy(m.read[place:], b)
	}
	return err
}

func (m *mirror) unlessOvertaken(f vfs.File) error {
	now, _, err := readStates(f)
	if err == nil && !bytes.Equal(now, m.read) {
		return ErrLockLost
	}
	return err
}

// fails notes that what this process holds is in doubt.
func (m *mirror) fails(err error) error {
	if err != nil && m.nonce.Load() != 0 && !errors.Is(err, ErrTimeout) {
		m.lost.Store(true)
	}
	return lockError(err)
}

// lock takes the state lock, which is held for moments.
func (m *mirror) lock(ctx context.Context) error {
	for pause := leastPoll; ; pause = min(2*pause, mostPoll) {
		ok, err := m.locks.TryLock(lockState)
		if ok || err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("%w: %s is being written by another process (%w)", ErrTimeout, codec.StateName, err)
		}
	}
}

// untold returns by how much a word that counts is more than the file says, or less.
func (m *mirror) untold(i int) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shut.Load() {
		return 0
	}
	n := int64(m.b.w[i].Load() - m.base[i])
	return max(n, -n)
}

// changed reports whether the words say what the file does not.
func (m *mirror) changed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shut.Load() {
		return false
	}
	for i := range m.base {
		if m.b.w[i].Load() != m.base[i] {
			return true
		}
	}
	return false
}

// Who waits for another process looks again after pauses that grow within these bounds.
const (
	leastPoll = 2 * time.Millisecond
	mostPoll  = 25 * time.Millisecond
)

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

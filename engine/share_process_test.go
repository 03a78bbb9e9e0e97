package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// errDead is what the disk of a process that was killed says.
var errDead = errors.New("the process is dead")

// deadly is the directory as one process has it that can be killed: from then on all that
// its engine tries fails, and nothing that it does to the shared page stays.
type deadly struct {
	*vfs.MemProcess
	t *testing.T

	before, half, after int64 // the change of the disk at which it dies; 0: none
	changes             atomic.Int64

	mu     sync.Mutex
	dead   bool
	files  map[*deadlyFile]string // those that are open
	words  []atomic.Uint64        // the page
	left   []uint64               // what it held when the process died
	others []*Engine              // that stand still until it is buried
	died   chan struct{}          // closed once it is dead
	busy   sync.Mutex             // held by who is in a call of its engine, if others may bury it meanwhile
	onDie  func()
	onOpen func(name string)      // before a file is opened
	onLock func(i int)            // before a lock is tried
	diesOf func(name string) bool // that it has written to a file; guarded by mu

	onRemove func()            // before a file is removed
	onRename func(from string) // before a file is renamed

	read atomic.Int64 // bytes of files
}

func newDeadly(t *testing.T, mem *vfs.Mem) *deadly {
	return &deadly{MemProcess: mem.Process(), t: t, files: make(map[*deadlyFile]string), died: make(chan struct{})}
}

// openIn opens the directory in a process that can be killed.
func openIn(t *testing.T, mem *vfs.Mem, o Options) (*Engine, *deadly) {
	t.Helper()
	p := newDeadly(t, mem)
	e, err := Open(p, exactly(mem, o))
	require.NoError(t, err)
	return e, p
}

// die is the end of the process.
func (p *deadly) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return
	}
	p.dead = true
	if p.words == nil {
		p.others = nil // no memory is shared
	}
	for _, o := range p.others {
		o.w.mu.Lock()
	}
	p.left = make([]uint64, len(p.words))
	for i := range p.words {
		p.left[i] = p.words[i].Load()
	}
	p.Kill()
	close(p.died)
	if p.onDie != nil {
		p.onDie()
	}
}

// bury ends the goroutines of the engine, and undoes what it did to the page since it died.
func (p *deadly) bury(e *Engine) {
	p.die()
	if e != nil {
		_ = e.Close()
	}
	p.busy.Lock()
	defer p.busy.Unlock()
	for i := range p.left {
		p.words[i].Store(p.left[i])
	}
	for _, o := range p.others {
		o.w.mu.Unlock()
	}
}

// kill is die and bury.
func (p *deadly) kill(e *Engine) {
	p.die()
	p.bury(e)
}

func (p *deadly) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

func (p *deadly) fail() error {
	if p.isDead() {
		return errDead
	}
	return nil
}

// change does what changes the disk, unless the process dies of it.
func (p *deadly) change(do func() error, half func() error) error {
	if err := p.fail(); err != nil {
		return err
	}
	n := p.changes.Add(1)
	switch n {
	case p.before:
		p.die()
		return errDead
	case p.half:
		_ = half()
		p.die()
		return errDead
	}
	err := do()
	if n == p.after {
		p.die()
		return errDead
	}
	return err
}

// dieOf has the process die when it has written to a file of which dies says so.
func (p *deadly) dieOf(dies func(name string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.diesOf = dies
}

func (p *deadly) hasToDie(written string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.diesOf != nil && p.diesOf(written)
}

func nothing() error { return nil }

func (p *deadly) Create(name string) (f vfs.File, err error) {
	err = p.change(func() error { f, err = p.MemProcess.Create(name); return err }, nothing)
	return p.wrap(name, f, err)
}

func (p *deadly) Open(name string) (vfs.File, error) {
	if p.onOpen != nil {
		p.onOpen(name)
	}
	if err := p.fail(); err != nil {
		return nil, err
	}
	f, err := p.MemProcess.Open(name)
	return p.wrap(name, f, err)
}

func (p *deadly) OpenWrite(name string) (vfs.File, error) {
	if err := p.fail(); err != nil {
		return nil, err
	}
	f, err := p.MemProcess.OpenWrite(name)
	return p.wrap(name, f, err)
}

func (p *deadly) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		if f != nil {
			_ = f.Close()
		}
		return nil, err
	}
	d := &deadlyFile{f, p, name}
	p.mu.Lock()
	p.files[d] = name
	p.mu.Unlock()
	return d, nil
}

func (p *deadly) Remove(name string) error {
	if p.onRemove != nil {
		p.onRemove()
	}
	return p.change(func() error { return p.MemProcess.Remove(name) }, nothing)
}

func (p *deadly) Rename(from, to string) error {
	if p.onRename != nil {
		p.onRename(from)
	}
	return p.change(func() error { return p.MemProcess.Rename(from, to) }, nothing)
}

func (p *deadly) Mkdir(name string) error {
	return p.change(func() error { return p.MemProcess.Mkdir(name) }, nothing)
}

func (p *deadly) List(dir string) ([]vfs.Info, error) {
	if err := p.fail(); err != nil {
		return nil, err
	}
	return p.MemProcess.List(dir)
}

func (p *deadly) Stat(name string) (vfs.Info, error) {
	if err := p.fail(); err != nil {
		return vfs.Info{}, err
	}
	return p.MemProcess.Stat(name)
}

func (p *deadly) SyncDir(dir string) error {
	if err := p.fail(); err != nil {
		return err
	}
	return p.MemProcess.SyncDir(dir)
}

func (p *deadly) Locks(name string) (vfs.Locks, error) {
	if err := p.fail(); err != nil {
		return nil, err
	}
	l, err := p.MemProcess.Locks(name)
	return &deadlyLocks{l, p}, err
}

func (p *deadly) Page(name string, size int) (vfs.Page, error) {
	page, err := p.MemProcess.Page(name, size)
	if err == nil {
		p.mu.Lock()
		p.words = page.Words()
		p.mu.Unlock()
	}
	return page, err
}

// leaks returns the files that are still open.
func (p *deadly) leaks() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type deadlyFile struct {
	vfs.File
	p    *deadly
	name string
}

func (f *deadlyFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.p.fail(); err != nil {
		return 0, err
	}
	f.p.read.Add(int64(len(b)))
	return f.File.ReadAt(b, off)
}

func (f *deadlyFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.p.change(func() error { n, err = f.File.WriteAt(b, off); return err },
		func() error { _, err := f.File.WriteAt(b[:len(b)/2], off); return err })
	if err == nil && f.p.hasToDie(f.name) {
		f.p.die()
		err = errDead
	}
	return n, err
}

func (f *deadlyFile) Sync() error {
	if err := f.p.fail(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *deadlyFile) Close() error {
	f.p.mu.Lock()
	delete(f.p.files, f)
	f.p.mu.Unlock()
	return f.File.Close()
}

type deadlyLocks struct {
	vfs.Locks
	p *deadly
}

func (l *deadlyLocks) TryLock(i int) (bool, error) {
	if l.p.onLock != nil {
		l.p.onLock(i)
	}
	if err := l.p.fail(); err != nil {
		return false, err
	}
	return l.Locks.TryLock(i)
}

func (l *deadlyLocks) Taken(from, to int) (int, bool, error) {
	if err := l.p.fail(); err != nil {
		return 0, false, err
	}
	return l.Locks.Taken(from, to)
}

// unsealed returns the segments that have no hint.
func unsealed(mem *vfs.Mem) (names []string) {
	files := mem.Files()
	for name := range files {
		kind, id, ok := codec.ParseName(name)
		if _, hinted := files[codec.HintName(id)]; ok && kind == codec.NameSegment && !hinted {
			names = append(names, name)
		}
	}
	return names
}

// listFiles tells of all files, for people.
func listFiles(mem *vfs.Mem) string {
	var lines []string
	for name, content := range mem.Files() {
		lines = append(lines, fmt.Sprintf("%s %d", name, len(content)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// valueFiles returns how many files there are of large values, finished or not.
func valueFiles(mem *vfs.Mem) (n int) {
	for name := range mem.Files() {
		if strings.HasPrefix(name, codec.ValuesDir+"/") {
			n++
		}
	}
	return n
}

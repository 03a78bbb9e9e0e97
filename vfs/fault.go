package vfs

import (
	"io"
	"path"
	"sync"
	"syscall"
)

// Op is a set of operations.
type Op uint32

const (
	OpCreate Op = 1 << iota
	OpOpen
	OpRead
	OpWrite
	OpSize
	OpSync
	OpMap
	OpClose // of a file, of a lock file or of the FS
	OpRename
	OpRemove
	OpMkdir
	OpList
	OpStat
	OpSyncDir
	OpLocks // opening the lock file
	OpLock  // TryLock
	OpTaken
	OpUnlock
	OpPage

	OpAll Op = 1<<iota - 1
)

// A Rule says which calls a Fault fails, and how.
type Rule struct {
	Op   Op     // of these operations; 0: of all
	Name string // with names that match this pattern of path.Match; "": with all. A rename has two
	Nth  int    // the n-th of those calls and all after it, counted from 1 when the rule was given; 0: every one
	Once bool   // only one of them

	Err   error // what the system says; nil: an input/output error
	Short bool  // a read or write does half of the bytes first
}

// Fault is an FS that fails on demand. To try every place where something can
// go wrong, let the first call fail, then the second, …, until a run ends
// without the fault having fired:
//
//	for n := 1; ; n++ {
//		f := vfs.NewFault(vfs.NewMem())
//		f.Fail(vfs.Rule{Nth: n, Once: true, Err: syscall.EIO})
//		…
//		if f.Fired() == 0 {
//			break
//		}
//	}
//
// A call that fails does nothing, but for three: Close and Unlock give back
// what they should, as the system does; a write may be Short; and after a Sync
// that failed the Mem below loses at the next crash what was not synced, while
// it can still be read and later syncs succeed.
type Fault struct {
	fs FS

	mu    sync.Mutex
	rules []*rule
	calls int
	fired int
}

type rule struct {
	Rule
	calls int // that matched
}

// NewFault wraps fs. Without rules it changes nothing.
func NewFault(fs FS) *Fault { return &Fault{fs: fs} }

// Fail adds a rule. When several apply to a call, the first decides.
func (f *Fault) Fail(r Rule) {
	if r.Op == 0 {
		r.Op = OpAll
	}
	if r.Err == nil {
		r.Err = syscall.EIO
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &rule{Rule: r})
}

// Clear removes all rules: the disk is well again.
func (f *Fault) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Calls is how many calls there were, those that failed included.
func (f *Fault) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Fired is how many calls failed by a rule.
func (f *Fault) Fired() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// check counts a call and says how it fails; nil if it does not.
func (f *Fault) check(op Op, names ...string) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	var hit *Rule
	for _, r := range f.rules {
		if r.Op&op == 0 || !r.match(names) {
			continue
		}
		r.calls++
		if hit == nil && r.due() {
			hit = &r.Rule
		}
	}
	if hit != nil {
		f.fired++
	}
	return hit
}

func (r *rule) match(names []string) bool {
	if r.Name == "" {
		return true
	}
	for _, name := range names {
		if ok, err := path.Match(r.Name, name); ok || err != nil {
			return true // a bad pattern should not go unnoticed
		}
	}
	return false
}

func (r *rule) due() bool {
	if r.Once {
		return r.calls == max(r.Nth, 1)
	}
	return r.calls >= r.Nth
}

// fail is check for calls that do nothing when they fail.
func (f *Fault) fail(op Op, word string, names ...string) error {
	if r := f.check(op, names...); r != nil {
		return pathError(word, names[0], r.Err)
	}
	return nil
}

func (f *Fault) Create(name string) (File, error) {
	if err := f.fail(OpCreate, "create", name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.fs.Create(name))
}

func (f *Fault) Open(name string) (File, error) {
	if err := f.fail(OpOpen, "open", name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.fs.Open(name))
}

func (f *Fault) OpenWrite(name string) (File, error) {
	if err := f.fail(OpOpen, "open", name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.fs.OpenWrite(name))
}

func (f *Fault) wrap(name string) func(File, error) (File, error) {
	return func(file File, err error) (File, error) {
		if err != nil {
			return nil, err
		}
		return &faultFile{File: file, f: f, name: name}, nil
	}
}

func (f *Fault) Remove(name string) error {
	if err := f.fail(OpRemove, "remove", name); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

func (f *Fault) Rename(from, to string) error {
	if err := f.fail(OpRename, "rename", from, to); err != nil {
		return err
	}
	return f.fs.Rename(from, to)
}

func (f *Fault) Mkdir(name string) error {
	if err := f.fail(OpMkdir, "mkdir", name); err != nil {
		return err
	}
	return f.fs.Mkdir(name)
}

func (f *Fault) List(dir string) ([]Info, error) {
	if err := f.fail(OpList, "list", dir); err != nil {
		return nil, err
	}
	return f.fs.List(dir)
}

func (f *Fault) Stat(name string) (Info, error) {
	if err := f.fail(OpStat, "stat", name); err != nil {
		return Info{}, err
	}
	return f.fs.Stat(name)
}

func (f *Fault) SyncDir(dir string) error {
	if err := f.fail(OpSyncDir, "syncdir", dir); err != nil {
		return err
	}
	return f.fs.SyncDir(dir)
}

func (f *Fault) Locks(name string) (Locks, error) {
	if err := f.fail(OpLocks, "lock", name); err != nil {
		return nil, err
	}
	l, err := f.fs.Locks(name)
	if err != nil {
		return nil, err
	}
	return &faultLocks{Locks: l, f: f, name: name}, nil
}

func (f *Fault) Page(name string, size int) (Page, error) {
	if err := f.fail(OpPage, "page", name); err != nil {
		return nil, err
	}
	return f.fs.Page(name, size)
}

func (f *Fault) Local() bool { return f.fs.Local() }

func (f *Fault) Free() (int64, error) { return f.fs.Free() }

func (f *Fault) Close() error {
	failed := f.fail(OpClose, "close", ".")
	if err := f.fs.Close(); err != nil {
		return err
	}
	return failed
}

// faultLocks is a lock file of a Fault.
type faultLocks struct {
	Locks
	f    *Fault
	name string
}

func (l *faultLocks) TryLock(i int) (bool, error) {
	if err := l.f.fail(OpLock, "lock", l.name); err != nil {
		return false, err
	}
	return l.Locks.TryLock(i)
}

func (l *faultLocks) Taken(from, to int) (int, bool, error) {
	if err := l.f.fail(OpTaken, "taken", l.name); err != nil {
		return 0, false, err
	}
	return l.Locks.Taken(from, to)
}

func (l *faultLocks) Unlock(i int) error {
	failed := l.f.fail(OpUnlock, "unlock", l.name)
	if err := l.Locks.Unlock(i); err != nil {
		return err
	}
	return failed
}

func (l *faultLocks) Close() error {
	failed := l.f.fail(OpClose, "close", l.name)
	if err := l.Locks.Close(); err != nil {
		return err
	}
	return failed
}

// faultFile is a file of a Fault.
type faultFile struct {
	File
	f    *Fault
	name string
}

func (f *faultFile) ReadAt(b []byte, off int64) (int, error) {
	return f.transfer(OpRead, "read", f.File.ReadAt, b, off)
}

func (f *faultFile) WriteAt(b []byte, off int64) (int, error) {
	return f.transfer(OpWrite, "write", f.File.WriteAt, b, off)
}

func (f *faultFile) transfer(op Op, word string, do func([]byte, int64) (int, error), b []byte, off int64) (n int, err error) {
	r := f.f.check(op, f.name)
	if r == nil {
		return do(b, off)
	}
	if r.Short {
		if n, err = do(b[:len(b)/2], off); err != nil && err != io.EOF {
			return n, err
		}
	}
	return n, pathError(word, f.name, r.Err)
}

func (f *faultFile) Size() (int64, error) {
	if err := f.f.fail(OpSize, "size", f.name); err != nil {
		return 0, err
	}
	return f.File.Size()
}

func (f *faultFile) Sync() error {
	if err := f.f.fail(OpSync, "sync", f.name); err != nil {
		failSync(f.File)
		return err
	}
	return f.File.Sync()
}

// failSync lets the Mem at the bottom, if there is one, suffer what a failed
// sync does to a disk.
func failSync(file File) {
	if f, ok := file.(interface{ failSync() }); ok {
		f.failSync()
	}
}

func (f *faultFile) failSync() { failSync(f.File) }

func (f *faultFile) Map(size int64) (Mapping, error) {
	if err := f.f.fail(OpMap, "map", f.name); err != nil {
		return nil, err
	}
	return f.File.Map(size)
}

func (f *faultFile) Close() error {
	failed := f.f.fail(OpClose, "close", f.name)
	if err := f.File.Close(); err != nil {
		return err
	}
	return failed
}

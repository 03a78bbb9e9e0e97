package vfs

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"
)

// Mem is a directory in memory. It also remembers every change, so that
// Crashes can show what a crash of the machine at any moment may leave (see
// crash.go), and Clone what one of the process leaves.
//
// It is one process; Process makes it another one's too. Closing it releases its
// locks and nothing else: it can be opened again, as a directory can.
type Mem struct {
	// Space is how many bytes all files together may have; what goes beyond is
	// a full disk. Default: 0, no limit. Resize changes it while others run.
	Space int64

	// Network makes Local say no. Default: false.
	Network bool

	// NoTrace saves the memory for the trace; Crashes then shows nothing.
	// To be set before the first change. Default: false.
	NoTrace bool

	mu    sync.RWMutex
	root  *inode
	next  int         // id of the next inode
	used  int64       // bytes in all files; those removed but open count too
	locks []*memLocks // that are open
	pages map[*inode]*sharedPage
	trace trace
}

// inode is a file or a directory.
type inode struct {
	id    int
	mtime time.Time
	names int // how many names it has
	open  int // how many handles
	content
	entries map[string]*inode // of a directory; nil: a file
}

const rootID = 0

// NewMem returns an empty directory.
func NewMem() *Mem {
	return &Mem{
		root: &inode{id: rootID, entries: make(map[string]*inode)},
		next: rootID + 1,
	}
}

// Resize changes Space.
func (m *Mem) Resize(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Space = n
}

func (m *Mem) Local() bool { return !m.Network }

// Free returns what Space leaves. Without Space it is a lot.
func (m *Mem) Free() (int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.Space == 0 {
		return 1 << 50, nil
	}
	return max(0, m.Space-m.used), nil
}

func (m *Mem) Close() error { return m.closeLocks(m) }

func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.at(name)
	if err == nil && dir.entries[base] != nil {
		err = fs.ErrExist
	}
	if err != nil {
		return nil, pathError("create", name, err)
	}
	node := m.create(dir, base, name)
	node.open++
	return &memFile{m: m, node: node, name: name, write: true}, nil
}

// create makes an empty file.
func (m *Mem) create(dir *inode, base, name string) *inode {
	node := &inode{id: m.next, mtime: time.Now(), names: 1}
	m.record(event{kind: evCreate, dir: dir.id, base: base, ino: node.id, name: name, time: node.mtime})
	m.next++
	dir.entries[base] = node
	return node
}

func (m *Mem) Open(name string) (File, error) { return m.openBy(m, name, false) }

func (m *Mem) OpenWrite(name string) (File, error) { return m.openBy(m, name, true) }

// openBy opens a file for a process, which by stands for.
func (m *Mem) openBy(by FS, name string, write bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.find(name)
	if err == nil && node.entries != nil {
		err = ErrNotRegular
	}
	if err == nil {
		err = m.lockedBy(by, node, name)
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	node.open++
	return &memFile{m: m, node: node, name: name, write: write}, nil
}

var errNotEmpty = errors.New("directory not empty")

func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.at(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	node := dir.entries[base]
	if node == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	if len(node.entries) > 0 {
		return pathError("remove", name, errNotEmpty)
	}
	m.record(event{kind: evRemove, dir: dir.id, base: base, ino: node.id, name: name})
	delete(dir.entries, base)
	node.names--
	m.forget(node)
	return nil
}

// forget gives the space of a file back once nobody can reach it any more.
func (m *Mem) forget(node *inode) {
	if node.names == 0 && node.open == 0 {
		m.used -= node.size
		delete(m.pages, node)
	}
}

func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rename(from, to); err != nil {
		return pathError("rename", from, err)
	}
	return nil
}

func (m *Mem) rename(from, to string) error {
	fromDir, fromBase, err := m.at(from)
	if err != nil {
		return err
	}
	toDir, toBase, err := m.at(to)
	if err != nil {
		return err
	}
	node, old := fromDir.entries[fromBase], toDir.entries[toBase]
	switch {
	case node == nil:
		return fs.ErrNotExist
	case node.entries != nil, old != nil && old.entries != nil:
		return ErrNotRegular
	case node == old:
		return nil
	}
	m.record(event{kind: evRename, dir: fromDir.id, base: fromBase, toDir: toDir.id, toBase: toBase, ino: node.id, name: from + " to " + to})
	toDir.entries[toBase] = node
	delete(fromDir.entries, fromBase)
	if old != nil {
		old.names--
		m.forget(old)
	}
	return nil
}

func (m *Mem) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.at(name)
	if err != nil {
		return pathError("mkdir", name, err)
	}
	switch node := dir.entries[base]; {
	case node == nil:
		m.mkdir(dir, base)
	case node.entries == nil:
		return pathError("mkdir", name, ErrNotDir)
	}
	return nil
}

func (m *Mem) mkdir(dir *inode, base string) *inode {
	node := &inode{id: m.next, mtime: time.Now(), names: 1, entries: make(map[string]*inode)}
	m.record(event{kind: evMkdir, dir: dir.id, base: base, ino: node.id, name: base})
	m.next++
	dir.entries[base] = node
	return node
}

func (m *Mem) List(name string) ([]Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	dir, err := m.dir(name)
	if err != nil {
		return nil, pathError("list", name, err)
	}
	list := make([]Info, 0, len(dir.entries))
	for base, node := range dir.entries {
		list = append(list, node.info(base))
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func (m *Mem) Stat(name string) (Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if name == "." {
		return m.root.info(name), nil
	}
	_, base, err := m.at(name)
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	node, err := m.find(name)
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	return node.info(base), nil
}

func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, err := m.dir(name)
	if err != nil {
		return pathError("syncdir", name, err)
	}
	m.record(event{kind: evSyncDir, dir: dir.id, name: name})
	return nil
}

// at is the directory that a name is in, and the name in it.
func (m *Mem) at(name string) (*inode, string, error) {
	dir, base, err := splitName(name)
	if err != nil || dir == "" {
		return m.root, base, err
	}
	sub, err := m.dir(dir)
	return sub, base, err
}

// dir is the directory called name, "." or one in it.
func (m *Mem) dir(name string) (*inode, error) {
	if name == "." {
		return m.root, nil
	}
	dir, base, err := splitName(name)
	if err != nil || dir != "" {
		return nil, fs.ErrInvalid
	}
	switch sub := m.root.entries[base]; {
	case sub == nil:
		return nil, fs.ErrNotExist
	case sub.entries == nil:
		return nil, ErrNotDir
	default:
		return sub, nil
	}
}

// find is what has the name.
func (m *Mem) find(name string) (*inode, error) {
	dir, base, err := m.at(name)
	if err != nil {
		return nil, err
	}
	if node := dir.entries[base]; node != nil {
		return node, nil
	}
	return nil, fs.ErrNotExist
}

func (n *inode) info(base string) Info {
	dir := n.entries != nil
	return Info{Name: base, Size: n.size, Regular: !dir, Dir: dir, ModTime: n.mtime}
}

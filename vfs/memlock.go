package vfs

import "maps"

// memLock is a lock on a file in memory.
type memLock struct {
	m      *Mem
	by     FS // through which it was taken
	node   *inode
	name   string
	holder string
}

func (m *Mem) Lock(name, holder string) (Lock, error) { return m.lock(m, name, holder) }

func (m *Mem) lock(by FS, name, holder string) (Lock, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.at(name)
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	node := dir.entries[base]
	switch {
	case node == nil:
		node = m.create(dir, base, name)
	case node.entries != nil:
		return nil, pathError("lock", name, ErrNotRegular)
	case m.locks[node] != nil:
		return nil, pathError("lock", name, m.locks[node].held())
	}
	l := &memLock{m: m, by: by, node: node, name: name, holder: cleanHolder(holder)}
	m.locks[node] = l
	_, _ = m.write(node, name, appendHolder(nil, holder), 0) // a full disk keeps nobody out
	return l, nil
}

func (l *memLock) held() error { return &LockedError{Name: l.name, Holder: l.holder} }

func (l *memLock) Release() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.m.locks[l.node] == l {
		delete(l.m.locks, l.node)
	}
	return nil
}

// release releases what was locked through by.
func (m *Mem) release(by FS) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.locks, func(_ *inode, l *memLock) bool { return l.by == by })
	return nil
}

// Process is the same directory for another user of it, who would be another
// process: closing it releases only the locks that were taken through it.
func (m *Mem) Process() FS { return &memProcess{m} }

type memProcess struct{ *Mem }

func (p *memProcess) Lock(name, holder string) (Lock, error) { return p.Mem.lock(p, name, holder) }

func (p *memProcess) Close() error { return p.Mem.release(p) }

package vfs

import (
	"fmt"
	"io/fs"
	"slices"
)

// memLocks is a lock file in memory that one process has open.
type memLocks struct {
	m    *Mem
	by   FS // the process
	node *inode
	name string

	text   string       // what was last written; m.mu
	held   map[int]bool // m.mu
	closed bool         // m.mu
}

func (m *Mem) Locks(name string) (Locks, error) { return m.locksBy(m, name) }

// locksBy opens a lock file for a process, which by stands for.
func (m *Mem) locksBy(by FS, name string) (Locks, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.findOrMake(name)
	if err == nil {
		err = m.lockedBy(by, node, name)
	}
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	node.open++
	l := &memLocks{m: m, by: by, node: node, name: name, held: make(map[int]bool)}
	m.locks = append(m.locks, l)
	return l, nil
}

// findOrMake is a file, made when it is missing.
func (m *Mem) findOrMake(name string) (*inode, error) {
	dir, base, err := m.at(name)
	if err != nil {
		return nil, err
	}
	node := dir.entries[base]
	switch {
	case node == nil:
		return m.create(dir, base, name), nil
	case node.entries != nil:
		return nil, ErrNotRegular
	}
	return node, nil
}

// lockedBy is an error if a process has locks in a file.
func (m *Mem) lockedBy(by FS, node *inode, name string) error {
	for _, l := range m.locks {
		if l.by == by && l.node == node {
			return &LockedError{Name: name, Holder: l.text}
		}
	}
	return nil
}

func (l *memLocks) TryLock(i int) (bool, error) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if err := l.check(i, i+1); err != nil {
		return false, l.fail("lock", i, err)
	}
	if l.held[i] || l.others(i) {
		return false, nil
	}
	l.held[i] = true
	return true, nil
}

// others says whether another process has lock i.
func (l *memLocks) others(i int) bool {
	return slices.ContainsFunc(l.m.locks, func(o *memLocks) bool { return o != l && o.node == l.node && o.held[i] })
}

func (l *memLocks) Unlock(i int) error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.held, i)
	return nil
}

func (l *memLocks) Taken(from, to int) (first int, ok bool, err error) {
	l.m.mu.RLock()
	defer l.m.mu.RUnlock()
	if err := l.check(from, to); err != nil {
		return 0, false, l.fail("taken", from, err)
	}
	for _, o := range l.m.locks {
		if o == l || o.node != l.node {
			continue
		}
		for i := range o.held {
			if from <= i && i < to && (!ok || i < first) {
				first, ok = i, true
			}
		}
	}
	return first, ok, nil
}

// check says whether the locks are open and the numbers are some.
func (l *memLocks) check(from, to int) error {
	switch {
	case l.closed:
		return fs.ErrClosed
	case !areLocks(from, to):
		return fs.ErrInvalid
	}
	return nil
}

func (l *memLocks) fail(op string, i int, err error) error {
	return pathError(op, l.name, fmt.Errorf("lock %d: %w", i, err))
}

func (l *memLocks) SetText(i int, text string) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.closed || i < 0 || i >= maxTexts {
		return
	}
	l.text = CleanText(text)
	_, _ = l.m.write(l.node, l.name, appendText(nil, text), int64(i)*textLen)
}

func (l *memLocks) Text(i int) string {
	l.m.mu.RLock()
	defer l.m.mu.RUnlock()
	if l.closed || i < 0 || i >= maxTexts {
		return ""
	}
	b := make([]byte, textLen)
	return parseText(b[:l.node.readAt(b, int64(i)*textLen)])
}

func (l *memLocks) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.close()
	return nil
}

func (l *memLocks) close() {
	if l.closed {
		return
	}
	l.closed = true
	clear(l.held)
	l.m.locks = slices.DeleteFunc(l.m.locks, func(o *memLocks) bool { return o == l })
	l.node.open--
	l.m.forget(l.node)
}

// closeLocks closes what a process has open.
func (m *Mem) closeLocks(by FS) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range slices.Clone(m.locks) {
		if l.by == by {
			l.close()
		}
	}
	return nil
}

// MemProcess is a Mem as another process has it: its locks are its own.
type MemProcess struct{ *Mem }

// Process is the same directory for another process. Closing it releases only
// the locks that were taken through it.
func (m *Mem) Process() *MemProcess { return &MemProcess{m} }

// Kill is the end of the process: its locks are free. What it wrote stays, and
// so do the pages, as it left them. Its handles still work; who kills sees to it
// that they are not used any more.
func (p *MemProcess) Kill() { _ = p.closeLocks(p) }

func (p *MemProcess) Open(name string) (File, error) { return p.openBy(p, name, false) }

func (p *MemProcess) OpenWrite(name string) (File, error) { return p.openBy(p, name, true) }

func (p *MemProcess) Locks(name string) (Locks, error) { return p.locksBy(p, name) }

func (p *MemProcess) Page(name string, size int) (Page, error) { return p.pageBy(p, name, size) }

func (p *MemProcess) Close() error { return p.closeLocks(p) }

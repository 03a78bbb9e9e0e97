package vfs

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"
)

// memFile is a handle of a file in memory.
type memFile struct {
	m      *Mem
	node   *inode
	name   string // that it was opened by
	write  bool
	closed bool // m.mu
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	switch {
	case f.closed:
		return 0, pathError("read", f.name, fs.ErrClosed)
	case off < 0:
		return 0, pathError("read", f.name, fs.ErrInvalid)
	}
	n := f.node.readAt(b, off)
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.closed:
		return 0, pathError("write", f.name, fs.ErrClosed)
	case !f.write:
		return 0, pathError("write", f.name, fs.ErrPermission)
	case off < 0:
		return 0, pathError("write", f.name, fs.ErrInvalid)
	}
	return f.m.write(f.node, f.name, b, off)
}

// write writes as much as there is space for, as a disk that fills up does.
func (m *Mem) write(node *inode, name string, b []byte, off int64) (n int, err error) {
	if grow := off + int64(len(b)) - node.size; m.Space > 0 && grow > 0 && m.used+grow > m.Space {
		err = pathError("write", name, errNoSpace)
		fits := node.size + max(0, m.Space-m.used) - off
		b = b[:max(0, min(fits, int64(len(b))))]
	}
	if len(b) == 0 {
		return 0, err
	}
	node.mtime = time.Now()
	m.record(event{kind: evWrite, ino: node.id, name: name, off: off, data: m.traced(b), time: node.mtime})
	m.used -= node.size
	node.writeAt(b, off)
	m.used += node.size
	return len(b), err
}

// traced is a copy for the trace, which the caller's later writes must not change.
func (m *Mem) traced(b []byte) []byte {
	if m.NoTrace {
		return nil
	}
	return slices.Clone(b)
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	if f.closed {
		return 0, pathError("size", f.name, fs.ErrClosed)
	}
	return f.node.size, nil
}

func (f *memFile) Sync() error { return f.sync(evSync) }

// failSync is what a sync does that fails: what it should have made durable
// stays readable, but the system takes it for written, and no later sync will
// write it. The caller, a Fault, reports the error.
func (f *memFile) failSync() { _ = f.sync(evFailSync) }

func (f *memFile) sync(kind eventKind) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError("sync", f.name, fs.ErrClosed)
	}
	f.m.record(event{kind: kind, ino: f.node.id, name: f.name})
	return nil
}

func (f *memFile) Map(int64) (Mapping, error) {
	return nil, pathError("map", f.name, errors.ErrUnsupported)
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	f.node.open--
	f.m.forget(f.node)
	return nil
}

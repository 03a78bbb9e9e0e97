package vfs

import (
	"fmt"
	"time"
)

// event is one change of a Mem.
type event struct {
	kind   eventKind
	ino    int // the file or directory that it is about
	dir    int // the directory it is in, by id, and its name there
	base   string
	toDir  int // of a rename
	toBase string
	off    int64
	data   []byte
	name   string // for people
	time   time.Time
	notes  int // how many notes there were before
}

type eventKind uint8

const (
	evCreate eventKind = iota
	evMkdir
	evRename
	evRemove
	evWrite
	evSync
	evFailSync
	evSyncDir
	evPut // a whole file, durable at once
)

var eventNames = [...]string{"create", "mkdir", "rename", "remove", "write", "sync", "failed sync", "syncdir", "put"}

func (e *event) String() string {
	if e.kind == evWrite {
		return fmt.Sprintf("write %s %d+%d", e.name, e.off, len(e.data))
	}
	return eventNames[e.kind] + " " + e.name
}

// trace is what happened to a Mem since it was as base shows it; all of base
// is durable.
type trace struct {
	base   *inode // nil: nothing happened yet, it is as it is now
	events []event
	notes  []any
}

// clip is a trace that can be added to without touching this one.
func (t *trace) clip() trace {
	return trace{t.base, t.events[:len(t.events):len(t.events)], t.notes[:len(t.notes):len(t.notes)]}
}

// record adds an event that is about to happen.
func (m *Mem) record(e event) {
	if m.NoTrace {
		return
	}
	if m.trace.base == nil {
		m.trace.base = m.root.clone(nil)
	}
	e.notes = len(m.trace.notes)
	m.trace.events = append(m.trace.events, e)
}

// Note puts something into the trace, such as what the store under test has
// just promised. Every crash point comes with the notes that were made before it.
func (m *Mem) Note(v any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trace.notes = append(m.trace.notes, v)
}

// Events is how many changes there have been, which is the Index of the crash
// point after the last of them.
func (m *Mem) Events() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.trace.events)
}

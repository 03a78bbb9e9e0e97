package vfs

import (
	"errors"
	"time"
)

// Host is a host that has the directory of a Server mounted. Its processes share
// its cache.
type Host struct {
	s    *Server
	name string
	dead bool

	cut     bool
	arrives bool          // the next call is done, only the answer does not come
	left    time.Duration // when it was last heard of, if it is cut off or dead
	missed  bool          // the server was started while it could not be heard

	files map[int]*cached  // by id
	names map[string]known // what it has looked for
	procs []*HostProcess   // that live
}

// errKilled is what a process gets that is dead, or whose host is.
var errKilled = errors.New("the process was killed")

// CutOff cuts the network between the host and the server. What needs the server
// fails at once with ETIMEDOUT or EIO, as mounts with "soft" say after a while
// (those with "hard" wait, which nothing in memory can show). What the cache has
// can still be read, and written. The first call after the cut may have been done
// although it fails.
func (h *Host) CutOff() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.cut || h.dead {
		return
	}
	h.cut, h.left = true, h.s.now()
	h.arrives = h.s.choose(AskArrives, 2) == 1
}

// Reconnect undoes CutOff. The host does not learn what it has lost meanwhile.
func (h *Host) Reconnect() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if !h.cut || h.dead {
		return
	}
	if h.lapsed() && (h.missed || h.s.choose(AskLease, 2) == 1) {
		h.loseLocks()
	}
	h.cut, h.arrives, h.missed = false, false, false
	h.unlockLate()
}

// Kill is the end of the host's machine: what is only in its cache is lost. Its
// locks stay, with NFSv3 until Server.Host starts it again, with the others until
// they lapse. So do the .nfs files of what it had removed but open.
func (h *Host) Kill() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.dead {
		return
	}
	if !h.cut {
		h.left = h.s.now()
	}
	h.dead = true
	for _, p := range h.procs {
		p.dead = true
	}
	for _, c := range h.files {
		c.letGo()
	}
	files := h.files
	h.procs, h.files, h.names = nil, nil, nil
	for _, c := range files {
		h.s.removePending(c.node)
	}
}

// reach is an error if the server cannot be reached.
func (h *Host) reach() error { return h.call(func() error { return nil }) }

// call has the server do something.
func (h *Host) call(do func() error) error {
	if !h.cut {
		return do()
	}
	if h.arrives {
		h.arrives = false
		_ = do()
	}
	if h.s.choose(AskError, 2) == 1 {
		return errTimedOut
	}
	return errIO
}

// has says whether a process of the host has a file open.
func (h *Host) has(node *inode) bool {
	c := h.files[node.id]
	return c != nil && c.node == node && c.opens > 0
}

// file is what the host has of a file, which is nothing at first.
func (h *Host) file(node *inode) *cached {
	c := h.files[node.id]
	if c == nil {
		c = &cached{
			h: h, id: node.id, node: node,
			pages: make(map[int]*hostPage), dirty: make(map[int]*hostPage), sent: make(map[int]*hostPage),
		}
		c.attrs()
		h.files[node.id] = c
	}
	return c
}

func (h *Host) dirtyFiles() (dirty []*cached) {
	for _, c := range h.files {
		if c.isDirty() {
			dirty = append(dirty, c)
		}
	}
	sortBy(dirty, func(c *cached) int { return c.id })
	return dirty
}

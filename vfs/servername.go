package vfs

import (
	"fmt"
	"slices"
)

// The changes of names that hosts ask a Server for. With NFS they are on its
// disk when it answers; with SMB they wait for SyncDir, as on a local disk.

func (s *Server) create(name string) (*inode, error) {
	f, err := s.disk.Create(name)
	if err != nil {
		return nil, err
	}
	node := f.(*memFile).node
	return node, s.named(f.Close(), name)
}

func (s *Server) mkdir(name string) error { return s.named(s.disk.Mkdir(name), name) }

func (s *Server) rename(from, to string) error {
	return s.named(s.disk.Rename(from, to), from, to)
}

func (s *Server) remove(name string) error {
	err := s.named(s.disk.Remove(name), name)
	s.forgetGone()
	return err
}

// named makes names durable where that is the server's way.
func (s *Server) named(err error, names ...string) error {
	if err != nil || s.isSMB() {
		return err
	}
	for _, name := range names {
		dir, _, _ := splitName(name)
		if dir == "" {
			dir = "."
		}
		if err := s.disk.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// isPending says whether a file was removed that SMB keeps until it is closed.
func (s *Server) isPending(node *inode) bool { return s.pending[node] != "" }

// keepsOpen says whether SMB keeps a file that a host removes: always if that host
// has it open.
func (s *Server) keepsOpen(by *Host, node *inode) bool {
	return by.has(node) || (s.anyHas(node) || s.anotherHad(by, node)) && s.choose(AskPending, 2) == 1
}

func (s *Server) anyHas(node *inode) bool {
	return slices.ContainsFunc(s.hosts, func(h *Host) bool { return h.has(node) })
}

// anotherHad says whether a host but this has closed a file a moment ago, which the
// server has open for it still.
func (s *Server) anotherHad(by *Host, node *inode) bool {
	return slices.ContainsFunc(s.hosts, func(h *Host) bool {
		c := h.files[node.id]
		return h != by && c != nil && s.now() < c.kept
	})
}

// removePending removes what was removed while it was open, if it is not any more,
// and returns the name that it had.
func (s *Server) removePending(node *inode) (name string) {
	if !s.isPending(node) || s.anyHas(node) {
		return ""
	}
	name = s.pending[node]
	delete(s.pending, node)
	if now, _ := s.disk.lookup(name); now == node {
		_ = s.remove(name)
	}
	return name
}

// removeAllPending is removePending for a server that has closed all files.
func (s *Server) removeAllPending() {
	for node, name := range s.pending {
		if now, _ := s.disk.lookup(name); now == node {
			_ = s.remove(name)
		}
	}
	clear(s.pending)
}

// sillyName is a name beside another one for a file that was removed there while
// it was open.
func (s *Server) sillyName(name string, node *inode) string {
	dir, _, _ := splitName(name)
	if dir != "" {
		dir += "/"
	}
	s.silly++
	return fmt.Sprintf("%s.nfs%016x%08x", dir, node.id, s.silly)
}

// forgetGone takes from all hosts what nobody can reach any more.
func (s *Server) forgetGone() {
	for _, h := range s.hosts {
		for id, c := range h.files {
			if c.opens == 0 && c.isGone() {
				delete(h.files, id)
			}
		}
	}
}

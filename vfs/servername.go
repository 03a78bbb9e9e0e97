package vfs

import "fmt"

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

package vfs

// What happens to a server.

// Restart ends the server's services and starts them again; its disk keeps what
// was written. Hosts that can reach it then get their locks back, those that are
// cut off only if they can be reached again within the grace period. With SMB
// all locks are gone, and what they were taken through is dead.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
}

func (s *Server) restart() {
	s.grace = s.now() + graceTime
	for _, h := range s.hosts {
		h.missed = h.cut || h.dead
		for _, c := range h.files {
			c.serverRestarted()
		}
	}
	if s.isSMB() {
		s.removeAllPending()
		clear(s.locks)
		for _, h := range s.hosts {
			h.loseHandles()
		}
	}
}

// loseHandles: SMB opens again by name what a host had open, but for lock files.
func (h *Host) loseHandles() {
	for _, p := range h.procs {
		for _, l := range p.locks {
			l.file.dead = true
		}
		for f := range p.files {
			node, _ := h.s.disk.lookup(f.c.name)
			f.dead = f.dead || node != f.c.node
		}
	}
}

// Crash is a crash of the server's machine, after which it runs again: what was
// written but not synced may be lost. NFS hosts that live send it again.
func (s *Server) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var images []*Mem
	o := CrashOptions{Seed: s.rand.Uint64(), From: s.disk.Events(), PerPoint: 64}
	s.disk.Crashes(o, func(img *Mem, _ CrashPoint) bool {
		images = append(images, img)
		return true
	})
	left := s.disk.become(images[s.choose(AskImage, len(images))])
	for _, h := range s.hosts {
		clear(h.names)
		for _, c := range h.files {
			c.serverCrashed(left[c.id])
		}
	}
	for id := range left {
		s.changes[id]++
	}
	clear(s.pending)
	s.restart()
}

package vfs

// flush writes back all that is dirty, the pages in any order. What cannot be
// written for good is forgotten, and who syncs or closes is told once; what
// cannot be written because the server is away may be written later.
func (c *cached) flush() {
	for c.isDirty() {
		pages := c.dirtyPages()
		i := pages[c.h.s.choose(AskOrder, len(pages))]
		p := c.dirty[i]
		if !c.send(i, p.dirty) && c.pages[i] == p {
			return
		}
	}
}

// flushSome writes back a part of a page: the server, or a reader of it, may see
// it in the middle of a write.
func (c *cached) flushSome(i int) {
	d := c.dirty[i].dirty
	n := d.to - d.from
	part := 1 + c.h.s.choose(AskPart, n)
	if part < n && c.h.s.choose(AskOrder, 2) == 1 {
		c.send(i, span{d.to - part, d.to})
		return
	}
	c.send(i, span{d.from, d.from + part})
}

// send writes a part of a page to the server, the begin or the end of what is
// dirty in it. It reports whether the server has it.
func (c *cached) send(i int, part span) bool {
	p := c.pages[i]
	err := c.h.call(func() error { return c.store(p.data[part.from:part.to], int64(i)*pageSize+int64(part.from)) })
	switch {
	case err == nil:
		p.sent = p.sent.add(part)
		c.sent[i] = p
		if part.from == p.dirty.from {
			p.dirty.from = part.to
		} else {
			p.dirty.to = part.from
		}
		if p.dirty.empty() {
			delete(c.dirty, i)
		}
		return true
	case c.h.cut && c.h.s.choose(AskDropped, 2) == 0: // to be written later, although a sync fails
	default:
		delete(c.dirty, i)
		delete(c.sent, i)
		delete(c.pages, i)
	}
	c.fail(err)
	return false
}

// store is the server's part of send. NFSv4 hosts learn what the file is after it only, and take
// what others have changed before for their own.
func (c *cached) store(b []byte, off int64) error {
	s := c.h.s
	switch {
	case c.lost:
		return errIO
	case c.isGone():
		return errStale
	}
	mine := s.o.Flavour == NFS4 || c.change == s.changes[c.id]
	_, err := c.server().WriteAt(b, off)
	s.changes[c.id]++
	if mine {
		c.change = s.changes[c.id]
	}
	if s.isSMB() {
		s.breakLeases(c)
	}
	return err
}

// breakLeases takes from all other hosts what they have of a file that is being
// written. Those that are cut off are told when they ask.
func (s *Server) breakLeases(by *cached) {
	for _, h := range s.hosts {
		if c := h.files[by.id]; c != nil && c != by && !h.cut {
			c.dropClean()
		}
	}
}

// fail remembers an error of writing back.
func (c *cached) fail(err error) { c.failed, c.fails = err, c.fails+1 }

// commit makes durable what the server has got. NFS hosts do not ask for it where
// they have sent nothing.
func (c *cached) commit() error {
	if !c.h.s.isSMB() && len(c.sent) == 0 {
		return nil
	}
	if err := c.h.reach(); err != nil {
		return err
	}
	if c.isGone() {
		return errStale
	}
	_ = c.server().Sync()
	c.forgetSent()
	return nil
}

// settle is what is done when a file is closed that was open for writing. Only
// NFS has it on the disk then.
func (c *cached) settle() error {
	c.flush()
	if c.h.s.isSMB() {
		c.forgetSent()
		return nil
	}
	return c.commit()
}

func (c *cached) forgetSent() {
	for _, p := range c.sent {
		p.sent = span{}
	}
	clear(c.sent)
}

// serverRestarted: what was open without a name is known no more.
func (c *cached) serverRestarted() {
	if _, named := c.h.s.disk.infoOf(c.node); named {
		return
	}
	c.letGo()
	c.gone = true
}

// serverCrashed: the file is what the server's disk has of it, which may be
// nothing. NFS hosts send again what was not synced.
func (c *cached) serverCrashed(left *inode) {
	c.srv = nil // it is of the disk before
	if left == nil {
		c.gone = true
		return
	}
	c.node = left
	if c.opens > 0 {
		c.hold()
	}
	if !c.h.s.isSMB() {
		for i, p := range c.sent {
			p.dirty = p.dirty.add(p.sent)
			c.dirty[i] = p
		}
	}
	c.forgetSent()
}

package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// lockKey is a lock of a lock file.
type lockKey struct{ file, i int }

// hostLocks is a lock file that a process has open. The server says who has a
// lock; what the process believes to hold may be another's by now, and nobody
// tells it:
//
//   - NFSv3 keeps the locks of a host that is cut off, or dead, for ever; but if
//     the server is started again meanwhile, they are free after its grace period.
//   - NFSv4 gives them to others after a lease. Writes of the host succeed then
//     as before; a sync of the lock file fails, that of another file which it had
//     open may fail too, but was seen to succeed (AskLost).
//   - SMB gives them to others after a while, and all of them are gone when the
//     server is started again. A lock file that lost locks is dead: EBADF.
type hostLocks struct {
	p      *HostProcess
	file   *hostFile
	text   string // what was last written
	held   map[int]bool
	closed bool
}

func (p *HostProcess) Locks(name string) (Locks, error) {
	l := &hostLocks{p: p, held: make(map[int]bool)}
	err := p.do("lock", name, func() error {
		node, err := p.findOrMake(name)
		if err == nil {
			l.file, err = p.opened(node, name, true)
		}
		if err == nil {
			delete(p.files, l.file)
			p.locks = append(p.locks, l)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// findOrMake is a file, made when it is missing. That it is missing may be old.
func (p *HostProcess) findOrMake(name string) (*inode, error) {
	node, err := p.h.create(name)
	if !errors.Is(err, fs.ErrExist) {
		return node, err
	}
	node, err = p.h.findToOpen(name)
	if err == nil && node.entries != nil {
		err = ErrNotRegular
	}
	return node, err
}

// lockedHere is an error if the process has locks in a file.
func (p *HostProcess) lockedHere(node *inode, name string) error {
	for _, l := range p.locks {
		if l.file.c.node == node {
			return &LockedError{Name: name, Holder: l.text}
		}
	}
	return nil
}

// do is a call about the locks in [from, to).
func (l *hostLocks) do(op string, from, to int, call func() error) error {
	return l.p.do(op, l.file.name, func() error {
		err := l.check(from, to)
		if err == nil {
			err = call()
		}
		if err != nil {
			return fmt.Errorf("lock %d: %w", from, err)
		}
		return nil
	})
}

func (l *hostLocks) check(from, to int) error {
	switch {
	case l.closed:
		return fs.ErrClosed
	case !areLocks(from, to):
		return fs.ErrInvalid
	case l.p.h.s.o.NoLocks:
		return ErrNoLocks
	case l.file.dead:
		return errBadHandle
	}
	return nil
}

func (l *hostLocks) TryLock(i int) (ok bool, err error) {
	err = l.do("lock", i, i+1, func() error {
		if l.held[i] {
			return nil
		}
		err := l.p.h.call(func() error {
			ok = l.p.h.s.lock(l, i)
			return nil
		})
		if err != nil || !ok {
			return err
		}
		l.held[i] = true
		l.file.c.locked()
		return nil
	})
	return ok && err == nil, err
}

// lock gives a lock to who asks for it, unless another has it who is heard of.
// In the grace period whoever asks waits.
func (s *Server) lock(l *hostLocks, i int) bool {
	s.awaitGrace()
	key := lockKey{l.file.c.id, i}
	if o := s.locks[key]; o != nil && o != l {
		if !o.p.h.lapsed() {
			return false
		}
		o.p.h.loseLocks()
	}
	s.locks[key] = l
	return true
}

func (s *Server) awaitGrace() {
	if wait := s.grace - s.now(); wait > 0 && !s.isSMB() {
		s.passed += wait
	}
}

// locked: what a host knows of a file is new once it has got a lock in it.
func (c *cached) locked() {
	c.flush()
	c.dropClean()
	c.deferred = false
	c.attrs()
}

func (l *hostLocks) Unlock(i int) error {
	return l.p.do("unlock", l.file.name, func() error {
		switch {
		case !l.held[i]:
			return nil
		case l.file.dead:
			return fmt.Errorf("lock %d: %w", i, errBadHandle)
		}
		delete(l.held, i)
		return l.p.h.call(func() error {
			l.p.h.s.unlock(l, i)
			return nil
		})
	})
}

func (s *Server) unlock(l *hostLocks, i int) {
	if key := (lockKey{l.file.c.id, i}); s.locks[key] == l {
		delete(s.locks, key)
	}
}

func (l *hostLocks) Taken(from, to int) (first int, ok bool, err error) {
	err = l.do("taken", from, to, func() error {
		if err := l.p.h.reach(); err != nil {
			return err
		}
		l.p.h.s.awaitGrace()
		for key, o := range l.p.h.s.locks {
			in := key.file == l.file.c.id && from <= key.i && key.i < to
			if in && o != l && !o.p.h.lapsed() && (!ok || key.i < first) {
				first, ok = key.i, true
			}
		}
		return nil
	})
	return first, ok, err
}

// lockedIn says whether another process has a lock on one of the bytes.
func (s *Server) lockedIn(f *hostFile, from, to int64) bool {
	if to <= lockOffset {
		return false
	}
	for key, l := range s.locks {
		at := lockOffset + int64(key.i)
		if key.file == f.c.id && l.p != f.p && from <= at && at < to {
			return true
		}
	}
	return false
}

// SetText writes through the cache, as a program does, and other hosts' texts
// in the same page may suffer.
func (l *hostLocks) SetText(i int, text string) {
	_ = l.p.do("write", l.file.name, func() error {
		if l.closed || l.file.dead || i < 0 || i >= maxTexts {
			return nil
		}
		l.text = CleanText(text)
		_, err := l.file.c.writeAt(appendText(nil, text), int64(i)*textLen)
		l.file.c.flush()
		return errors.Join(err, l.file.c.commit())
	})
}

func (l *hostLocks) Text(i int) (text string) {
	_ = l.p.do("read", l.file.name, func() error {
		if l.closed || l.file.dead || i < 0 || i >= maxTexts {
			return nil
		}
		b := make([]byte, textLen)
		n, err := l.file.c.readAt(b, int64(i)*textLen)
		text = parseText(b[:n])
		return err
	})
	return text
}

func (l *hostLocks) Close() error {
	return l.p.do("unlock", l.file.name, func() error { return l.close() })
}

// close gives up all locks. If the server cannot be reached, it will not know of
// it before it can.
func (l *hostLocks) close() error {
	if l.closed {
		return nil
	}
	h := l.p.h
	err := h.call(func() error {
		for key, o := range h.s.locks {
			if o == l {
				delete(h.s.locks, key)
			}
		}
		return nil
	})
	l.closed = true
	clear(l.held)
	l.p.locks = slices.DeleteFunc(l.p.locks, func(o *hostLocks) bool { return o == l })
	return errors.Join(err, l.file.close())
}

// lapsed says whether others may have the locks of the host, which is not heard of.
func (h *Host) lapsed() bool {
	if !h.cut && !h.dead {
		return false
	}
	if h.missed && h.s.now() >= h.s.grace {
		return true
	}
	lease := lasts[h.s.o.Flavour].lease
	return lease > 0 && h.s.now()-h.left >= lease
}

// loseLocks takes all locks from the host, and whatever hangs on them.
func (h *Host) loseLocks() {
	for key, l := range h.s.locks {
		if l.p.h == h {
			delete(h.s.locks, key)
			l.file.dead = h.s.isSMB()
			l.file.c.lost = h.s.o.Flavour == NFS4
		}
	}
	if h.s.o.Flavour == NFS4 && h.s.choose(AskLost, 2) == 1 {
		for _, c := range h.files {
			c.lost = c.lost || c.opens > 0
		}
	}
}

// unlockLate gives the locks free that the host gave up while it was cut off.
func (h *Host) unlockLate() {
	for key, l := range h.s.locks {
		if l.p.h == h && !l.held[key.i] {
			delete(h.s.locks, key)
		}
	}
}

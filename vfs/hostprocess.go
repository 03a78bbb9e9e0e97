package vfs

import (
	"errors"
	"slices"
)

// HostProcess is the directory of a Server as a process of a host has it.
type HostProcess struct {
	h     *Host
	dead  bool
	files map[*hostFile]bool // that are open
	locks []*hostLocks
}

// Process is a new process of the host.
func (h *Host) Process() *HostProcess {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	p := &HostProcess{h: h, dead: h.dead, files: make(map[*hostFile]bool)}
	h.procs = append(h.procs, p)
	return p
}

// Kill is the end of the process. Whatever it calls from now on fails. What it
// has open its system closes, in any order and not all of it at once: its locks
// may be free while what it wrote is not on the server yet, or the other way
// round. Tick lets that come to its end.
func (p *HostProcess) Kill() {
	s := p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.dead {
		return
	}
	p.dead = true
	p.h.procs = slices.DeleteFunc(p.h.procs, func(o *HostProcess) bool { return o == p })
	var open []func()
	for _, f := range p.openFiles() {
		open = append(open, func() { _ = f.close() })
	}
	for _, l := range p.locks {
		open = append(open, func() { _ = l.close() })
	}
	for len(open) > 0 {
		i := s.choose(AskOrder, len(open))
		end := open[i]
		s.exits = append(s.exits, func() {
			if !p.h.dead {
				end()
			}
		})
		open = slices.Delete(open, i, i+1)
	}
}

// openFiles are the handles in the order of their opening.
func (p *HostProcess) openFiles() (list []*hostFile) {
	for f := range p.files {
		list = append(list, f)
	}
	sortBy(list, func(f *hostFile) int { return f.number })
	return list
}

// begin is what every call begins with.
func (p *HostProcess) begin() error {
	if p.dead {
		return errKilled
	}
	p.h.s.meanwhile()
	return nil
}

// do is a call that returns an error only.
func (p *HostProcess) do(op, name string, call func() error) error {
	p.h.s.mu.Lock()
	defer p.h.s.mu.Unlock()
	err := p.begin()
	if err == nil {
		err = call()
	}
	if err != nil {
		return pathError(op, name, err)
	}
	return nil
}

func (p *HostProcess) Local() bool { return false }

func (p *HostProcess) Create(name string) (File, error) {
	var f *hostFile
	err := p.do("create", name, func() error {
		node, err := p.h.create(name)
		if err == nil {
			f, err = p.opened(node, name, true)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (p *HostProcess) Open(name string) (File, error) {
	f, err := p.open(name, false)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (p *HostProcess) OpenWrite(name string) (File, error) {
	f, err := p.open(name, true)
	if err != nil {
		return nil, err
	}
	p.h.s.mu.Lock()
	defer p.h.s.mu.Unlock()
	f.c.dropClean()
	return f, nil
}

func (p *HostProcess) open(name string, write bool) (f *hostFile, err error) {
	err = p.do("open", name, func() error {
		node, err := p.h.findToOpen(name)
		switch {
		case err != nil:
			return err
		case node.entries != nil:
			return ErrNotRegular
		}
		f, err = p.opened(node, name, write)
		return err
	})
	return f, err
}

// opened is a handle of a file, which is not the lock file of the process.
func (p *HostProcess) opened(node *inode, name string, write bool) (*hostFile, error) {
	if err := p.lockedHere(node, name); err != nil {
		return nil, err
	}
	c := p.h.file(node)
	if err := c.open(write); err != nil {
		return nil, err
	}
	return p.newFile(c, name, write), nil
}

func (p *HostProcess) Remove(name string) error {
	return p.do("remove", name, func() error { return p.h.remove(name) })
}

func (p *HostProcess) Rename(from, to string) error {
	return p.do("rename", from, func() error { return p.h.rename(from, to) })
}

func (p *HostProcess) Mkdir(name string) error {
	return p.do("mkdir", name, func() error { return p.h.mkdir(name) })
}

func (p *HostProcess) List(dir string) (list []Info, err error) {
	err = p.do("list", dir, func() error {
		list, err = p.h.list(dir)
		return err
	})
	return list, err
}

func (p *HostProcess) Stat(name string) (info Info, err error) {
	err = p.do("stat", name, func() error {
		info, err = p.h.stat(name)
		return err
	})
	return info, err
}

func (p *HostProcess) SyncDir(dir string) error {
	return p.do("syncdir", dir, func() error {
		if err := p.h.reach(); err != nil {
			return err
		}
		return p.h.s.disk.SyncDir(dir)
	})
}

func (p *HostProcess) Free() (n int64, err error) {
	err = p.do("statfs", ".", func() error {
		if err := p.h.reach(); err != nil {
			return err
		}
		n, err = p.h.s.disk.Free()
		return err
	})
	return n, err
}

func (p *HostProcess) Page(name string, _ int) (Page, error) {
	return nil, pathError("page", name, errors.ErrUnsupported)
}

// Close gives up the locks of the process.
func (p *HostProcess) Close() error {
	p.h.s.mu.Lock()
	defer p.h.s.mu.Unlock()
	var err error
	for _, l := range slices.Clone(p.locks) {
		err = errors.Join(err, l.close())
	}
	if err != nil {
		return pathError("close", ".", err)
	}
	return nil
}

package vfs

import (
	"io/fs"
	"path"
	"strings"
	"time"
)

// known is what a host knows of a name.
type known struct {
	node *inode // nil: there was none
	at   time.Duration
}

// find is what has a name, for this host: what it knows of the name, or what the
// server says. Each directory on the way is looked for, too.
func (h *Host) find(name string) (*inode, error) {
	if name == "." {
		return h.s.disk.root, h.reach()
	}
	if err := h.findDir(name); err != nil {
		return nil, err
	}
	k, ok := h.names[name]
	if !ok || !h.believes(k) {
		return h.ask(name)
	}
	if k.node == nil {
		return nil, fs.ErrNotExist
	}
	return k.node, nil
}

// believes says whether the host is content with what it knows of a name.
func (h *Host) believes(k known) bool {
	return h.s.now()-k.at < lasts[h.s.o.Flavour].names && h.s.choose(AskName, 2) == 1
}

// findDir looks for the directory that a name is in.
func (h *Host) findDir(name string) error {
	dir, _, err := splitName(name)
	if err != nil || dir == "" {
		return err
	}
	node, err := h.find(dir)
	if err == nil && node.entries == nil {
		err = ErrNotDir
	}
	return err
}

// ask asks the server what has a name.
func (h *Host) ask(name string) (*inode, error) {
	if err := h.reach(); err != nil {
		return nil, err
	}
	node, err := h.s.disk.lookup(name)
	h.know(name, node)
	return node, err
}

// know notes what has a name; nil: nothing has it.
func (h *Host) know(name string, node *inode) { h.names[name] = known{node, h.s.now()} }

// findToOpen is find for who opens the file: the server is asked whether what
// was known is still there. With NFSv3 it may be there under another name.
func (h *Host) findToOpen(name string) (*inode, error) {
	node, err := h.find(name)
	if err != nil {
		return nil, err
	}
	if err := h.reach(); err != nil {
		return nil, err
	}
	now, _ := h.s.disk.lookup(name)
	if h.s.isPending(now) && !h.has(now) {
		return nil, fs.ErrNotExist
	}
	if now == node || h.s.o.Flavour == NFS3 && node.entries == nil && !h.file(node).isGone() {
		return node, nil
	}
	delete(h.names, name)
	if h.s.o.Flavour == NFS3 && h.s.choose(AskGone, 2) == 1 {
		return nil, errStale
	}
	return h.ask(name)
}

// findToChange is find for who changes what has the name: that it is not there
// may be old, what it is the server says.
func (h *Host) findToChange(name string) (*inode, error) {
	if _, err := h.find(name); err != nil {
		return nil, err
	}
	return h.ask(name)
}

// list is what the server says is in a directory. From then on the host knows
// these names, and no others there.
func (h *Host) list(dir string) ([]Info, error) {
	if err := h.reach(); err != nil {
		return nil, err
	}
	list, err := h.s.disk.List(dir)
	if err != nil {
		return nil, err
	}
	prefix := ""
	if dir != "." {
		prefix = dir + "/"
		if _, err := h.find(dir); err != nil {
			return nil, err
		}
	}
	for name := range h.names {
		if rest, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(rest, "/") {
			delete(h.names, name)
		}
	}
	for i, info := range list {
		node, err := h.ask(prefix + info.Name)
		if err != nil {
			return nil, err
		}
		if list[i], err = h.infoOf(info.Name, node); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// infoOf says what the host knows of a file, or asks.
func (h *Host) infoOf(base string, node *inode) (Info, error) {
	info, _ := h.s.disk.infoOf(node)
	info.Name = base
	if !info.Regular {
		return info, nil
	}
	c := h.file(node)
	err := c.look()
	info.Size, info.ModTime = c.size, c.mtime
	return info, err
}

// stat is what a name is. Of a file that is gone the host learns when it asks.
func (h *Host) stat(name string) (Info, error) {
	node, err := h.find(name)
	if err != nil {
		return Info{}, err
	}
	base := path.Base(name)
	info, err := h.infoOf(base, node)
	if err != errStale {
		return info, err
	}
	if node, err = h.ask(name); err != nil {
		return Info{}, err
	}
	return h.infoOf(base, node)
}

// create makes a file. SMB may say that there is one when it was removed a moment
// ago.
func (h *Host) create(name string) (node *inode, err error) {
	if err := h.findDir(name); err != nil {
		return nil, err
	}
	if k := h.names[name]; h.s.isSMB() && k.node != nil && h.believes(k) {
		return nil, fs.ErrExist
	}
	err = h.call(func() error {
		delete(h.names, name)
		node, err = h.s.create(name)
		if err == nil {
			h.know(name, node)
		}
		return err
	})
	return node, err
}

func (h *Host) mkdir(name string) error {
	return h.call(func() error {
		delete(h.names, name)
		return h.s.mkdir(name)
	})
}

// remove removes a name. NFS hosts give a file that they have open another name
// instead, until it is closed. With SMB it keeps its name so long.
func (h *Host) remove(name string) error {
	node, err := h.findToChange(name)
	switch {
	case err != nil:
		return err
	case h.s.isSMB() && h.s.isPending(node):
		return fs.ErrNotExist
	case h.s.isSMB() && h.s.keepsOpen(h, node):
		return h.call(func() error {
			h.s.pending[node] = name
			return nil
		})
	case h.has(node) && !h.s.isSMB():
		return h.sillyRename(name, node)
	}
	return h.call(func() error {
		err := h.s.remove(name)
		if err == nil {
			h.know(name, nil)
		}
		return err
	})
}

// sillyRename gives a file that is open a name that says so.
func (h *Host) sillyRename(name string, node *inode) error {
	c := h.files[node.id]
	if c.silly == name {
		return errBusy
	}
	return h.call(func() error {
		to := h.s.sillyName(name, node)
		if err := h.s.rename(name, to); err != nil {
			return err
		}
		c.silly = to
		h.know(name, nil)
		h.know(to, node)
		return nil
	})
}

// lastClose is what follows when no process of the host has a file open any more.
func (h *Host) lastClose(c *cached) {
	c.letGo()
	c.kept = h.s.now() + lasts[SMB].attrs
	if gone := h.s.removePending(c.node); gone != "" {
		h.know(gone, nil)
	}
	name := c.silly
	if name == "" {
		return
	}
	c.silly = ""
	_ = h.call(func() error {
		if node, _ := h.s.disk.lookup(name); node != c.node {
			return nil
		}
		h.know(name, nil)
		return h.s.remove(name)
	})
}

// rename gives a file another name. What has that name and is open is in the way
// on SMB; NFS hosts put it aside if they have it open themselves.
func (h *Host) rename(from, to string) error {
	node, err := h.findToChange(from)
	switch {
	case err != nil:
		return err
	case h.s.isPending(node):
		return fs.ErrNotExist
	}
	if err := h.findDir(to); err != nil {
		return err
	}
	if old, _ := h.s.disk.lookup(to); old != nil && old != node && old.entries == nil {
		switch {
		case h.s.isSMB():
			err = h.mayReplace(old)
		case h.has(old):
			err = h.sillyRename(to, old)
		}
	}
	if err != nil {
		return err
	}
	return h.call(func() error {
		err := h.s.rename(from, to)
		if err == nil && from != to {
			h.know(from, nil)
			h.know(to, node)
			h.renamed(node, to)
		}
		return err
	})
}

// renamed: what is open is by now known by another name.
func (h *Host) renamed(node *inode, to string) {
	if c := h.files[node.id]; c != nil {
		c.name = to
	}
}

// mayReplace refuses to replace what is open, for SMB.
func (h *Host) mayReplace(old *inode) error {
	if h.has(old) {
		return errAccess
	}
	for _, o := range h.s.hosts {
		if o.has(old) && h.s.choose(AskDenied, 2) == 1 {
			return errAccess
		}
	}
	return nil
}

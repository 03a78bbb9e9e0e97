package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// hostFile is a handle of a process.
type hostFile struct {
	p      *HostProcess
	c      *cached
	name   string // that it was opened by
	write  bool
	closed bool
	dead   bool // SMB: the server was started, and the name is another file by now
	number int  // of the opening
	seen   int  // how many errors of writing back it has told of
}

// newFile is a handle of what is open already.
func (p *HostProcess) newFile(c *cached, name string, write bool) *hostFile {
	c.name = name
	p.h.s.opened++
	f := &hostFile{p: p, c: c, name: name, write: write, seen: c.fails, number: p.h.s.opened}
	p.files[f] = true
	return f
}

// begin is what every use of a handle begins with.
func (f *hostFile) begin() error {
	if err := f.p.begin(); err != nil {
		return err
	}
	switch {
	case f.closed:
		return fs.ErrClosed
	case f.dead:
		return errBadHandle
	}
	return nil
}

// fail gives an error its operation and the name.
func (f *hostFile) fail(op string, err error) error { return pathError(op, f.name, err) }

func (f *hostFile) ReadAt(b []byte, off int64) (int, error) {
	s := f.p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f.begin()
	if err == nil {
		err = f.check(off, len(b))
	}
	if err != nil {
		return 0, f.fail("read", err)
	}
	n, err := f.c.readAt(b, off)
	return n, f.wrap("read", err)
}

func (f *hostFile) WriteAt(b []byte, off int64) (int, error) {
	s := f.p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f.begin()
	switch {
	case err != nil:
	case !f.write:
		err = fs.ErrPermission
	default:
		err = f.check(off, len(b))
	}
	if err != nil {
		return 0, f.fail("write", err)
	}
	n, err := f.c.writeAt(b, off)
	return n, f.wrap("write", err)
}

// check refuses what no file has, and on SMB what another has locked.
func (f *hostFile) check(off int64, n int) error {
	switch {
	case off < 0:
		return fs.ErrInvalid
	case f.p.h.s.isSMB() && f.p.h.s.lockedIn(f, off, off+int64(n)):
		return errAccess
	}
	return nil
}

func (f *hostFile) Size() (int64, error) {
	s := f.p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f.begin()
	if err == nil {
		err = f.c.look()
	}
	if err != nil {
		return 0, f.fail("size", err)
	}
	return f.c.size, nil
}

// Sync writes back what the host has of the file, and has the server sync it. An
// error of writing back is told once to each handle that was open then.
func (f *hostFile) Sync() error {
	s := f.p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f.begin()
	if err == nil {
		f.c.flush()
		if err = f.failed(); err == nil {
			err = f.c.commit()
		}
	}
	return f.wrap("sync", err)
}

// failed is an error of writing back that was not told yet.
func (f *hostFile) failed() error {
	if f.seen == f.c.fails {
		return nil
	}
	f.seen = f.c.fails
	return f.c.failed
}

// failSync is what a sync does that fails; see memFile.
func (f *hostFile) failSync() {
	s := f.p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	f.c.flush()
	f.c.server().failSync()
}

func (f *hostFile) Map(int64) (Mapping, error) {
	return nil, f.fail("map", errors.ErrUnsupported)
}

func (f *hostFile) Close() error {
	s := f.p.h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f.p.begin(); err != nil {
		return f.fail("close", err)
	}
	if f.closed {
		return f.fail("close", fs.ErrClosed)
	}
	return f.wrap("close", f.close())
}

// close writes back what the host has of the file, if this could have written
// it. Whatever becomes of that, the handle is closed.
func (f *hostFile) close() (err error) {
	if f.write {
		err = f.c.settle()
		if told := f.failed(); told != nil {
			err = told
		}
		f.c.writers--
	}
	f.closed = true
	delete(f.p.files, f)
	f.c.opens--
	if f.c.opens == 0 {
		f.c.h.lastClose(f.c)
	}
	return err
}

// wrap is fail for what may be no error, or the end of the file.
func (f *hostFile) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return f.fail(op, err)
}

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"unsafe"
)

// osPage is a file that is mapped for reading and writing. Waiting is by the
// futex of Linux, and elsewhere by looking again: see wait_linux.go.
type osPage struct {
	mapping
	words []atomic.Uint64
}

func (d *osFS) Page(name string, size int) (Page, error) {
	if !d.local {
		return nil, d.fail("page", name, errors.ErrUnsupported)
	}
	if !isPageSize(size) {
		return nil, d.fail("page", name, fs.ErrInvalid)
	}
	f, err := d.openPage(name)
	if err != nil {
		return nil, d.fail("page", name, err)
	}
	defer f.Close()
	p := new(osPage)
	if err := p.mapShared(f, size); err != nil {
		return nil, d.fail("page", name, err)
	}
	// A mapping begins at a page of memory, so the words are where words may be.
	p.words = unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(p.data))), size/8)
	return p, nil
}

func isPageSize(size int) bool { return size > 0 && size <= MaxPage && size%8 == 0 }

// openPage opens the file. It must not be one with locks in it, for the handle
// is closed again.
func (d *osFS) openPage(name string) (*os.File, error) {
	for range openTries {
		dir, base, err := d.at(name)
		if err != nil {
			return nil, err
		}
		if f, err := openOrMake(dir, base, lockedHere); err != errReplaced {
			return f, err
		}
	}
	return nil, errReplaced
}

func (p *osPage) Words() []atomic.Uint64 { return p.words }

func (p *osPage) Wake(i int) { wake(&p.words[i]) }

func (p *osPage) Close() error {
	p.words = nil
	return p.mapping.Close()
}

package vfs

import "slices"

const (
	sectorSize = 512 // what a disk writes as a whole
	pageSize   = 8 * sectorSize
)

// content is what a file in memory holds: pages that any number of files share
// until one of them is written. A page that is nil is all zeros, and bytes
// behind size are zero too.
type content struct {
	size  int64
	pages []*page
	own   *token // pages of this token are this content's alone; nil: none are
	lent  bool   // the table of pages is shared too
}

type page struct {
	own  *token
	data [pageSize]byte
}

type token struct{ _ byte } // not empty: each must have its own address

var zeroPage page

// share returns a copy that has everything in common with c until one of the
// two is written.
func (c *content) share() content {
	c.freeze()
	return *c
}

// freeze gives up what c owns: it can still be written, after copying. A
// content that is frozen already is only read here, so that many may share it
// at once.
func (c *content) freeze() {
	if c.own != nil || !c.lent {
		c.own, c.lent = nil, true
	}
}

// page returns page i for reading.
func (c *content) page(i int) *page {
	if i >= len(c.pages) || c.pages[i] == nil {
		return &zeroPage
	}
	return c.pages[i]
}

// setPage puts a page that others may hold too in place i.
func (c *content) setPage(i int, p *page) {
	if c.lent {
		c.pages, c.lent = slices.Clone(c.pages), false
	}
	for len(c.pages) <= i {
		c.pages = append(c.pages, nil)
	}
	c.pages[i] = p
}

// writable returns page i for writing.
func (c *content) writable(i int) *page {
	if c.own == nil {
		c.own = new(token)
	}
	old := c.page(i)
	if old.own == c.own {
		return old
	}
	p := &page{own: c.own, data: old.data}
	c.setPage(i, p)
	return p
}

func (c *content) writeAt(b []byte, off int64) {
	c.size = max(c.size, off+int64(len(b)))
	for len(b) > 0 {
		n := copy(c.writable(int(off / pageSize)).data[off%pageSize:], b)
		b, off = b[n:], off+int64(n)
	}
}

// readAt returns how much of b it filled, which is less than all at the end.
func (c *content) readAt(b []byte, off int64) int {
	b = b[:max(0, min(int64(len(b)), c.size-off))]
	for rest := b; len(rest) > 0; {
		n := copy(rest, c.page(int(off / pageSize)).data[off%pageSize:])
		rest, off = rest[n:], off+int64(n)
	}
	return len(b)
}

func (c *content) bytes() []byte {
	b := make([]byte, c.size)
	c.readAt(b, 0)
	return b
}

// sector is a part of a page.
func (p *page) sector(i int) *[sectorSize]byte {
	return (*[sectorSize]byte)(p.data[i%(pageSize/sectorSize)*sectorSize:])
}

// sector returns sector i of the file for reading.
func (c *content) sector(i int) *[sectorSize]byte {
	return c.page(i / (pageSize / sectorSize)).sector(i)
}

// setSector replaces sector i; the size stays.
func (c *content) setSector(i int, b *[sectorSize]byte) {
	*c.writable(i / (pageSize / sectorSize)).sector(i) = *b
}

package vfs

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"time"
)

// cached is what a host has of a file, whether it is open or not.
//
// It follows the client of Linux: pages and attributes belong to the file, not
// to a handle. What the server says of a file when it is opened tells whether
// the pages are still right; but as long as the host has the file open for
// writing, it takes any change for its own, and keeps them.
type cached struct {
	h    *Host
	id   int
	node *inode
	name string   // as the host knows it, once it was opened
	srv  *memFile // how the server has it open for the host; nil: not

	// Attributes, and when the server said so.
	size    int64
	mtime   time.Time
	change  uint64
	fetched time.Duration

	pages    map[int]*hostPage
	dirty    map[int]*hostPage // those of which the server has not got something
	sent     map[int]*hostPage // those of which it has got something that it has not synced
	opens    int
	writers  int           // of these, for writing
	deferred bool          // pages may be wrong, which is seen to by an open when nobody writes
	kept     time.Duration // SMB: until then the server has it open, though no process has
	gone     bool          // the server does not know it any more

	since  time.Duration // when it was first dirty
	failed error         // the last error of writing back
	fails  int           // how many there were
	lost   bool          // nothing can be written through what is open
	silly  string        // its name since it was removed, to be removed by the last close
}

// hostPage is a page in a host's cache.
type hostPage struct {
	data        [pageSize]byte
	dirty, sent span
}

// span is a part of a page.
type span struct{ from, to int }

func (s span) empty() bool { return s.from == s.to }

// add is the smallest part that has both.
func (s span) add(o span) span {
	switch {
	case s.empty():
		return o
	case o.empty():
		return s
	}
	return span{min(s.from, o.from), max(s.to, o.to)}
}

func (p *hostPage) clean() bool { return p.dirty.empty() && p.sent.empty() }

// isGone says whether the server has the file no more, for this host.
func (c *cached) isGone() bool {
	_, named := c.h.s.disk.infoOf(c.node)
	return c.gone || !named && c.srv == nil
}

// attrs takes over what the server says of the file.
func (c *cached) attrs() {
	info, _ := c.h.s.disk.infoOf(c.node)
	if c.isDirty() {
		info.Size = max(info.Size, c.size)
	}
	c.size, c.mtime = info.Size, info.ModTime
	c.change, c.fetched = c.h.s.changes[c.id], c.h.s.now()
}

// refresh asks the server what became of the file.
func (c *cached) refresh() error {
	if err := c.h.reach(); err != nil {
		return err
	}
	if c.isGone() {
		return errStale
	}
	if c.change != c.h.s.changes[c.id] {
		if c.writers > 0 && !c.h.s.isSMB() {
			c.deferred = true
		} else {
			c.dropClean()
		}
	}
	c.attrs()
	return nil
}

// look is refresh, unless the host is content with what it knows.
func (c *cached) look() error {
	known := c.h.s.now()-c.fetched < lasts[c.h.s.o.Flavour].attrs
	if known && c.h.s.choose(AskSize, 2) == 1 {
		return nil
	}
	return c.refresh()
}

func (c *cached) dropClean() {
	for i, p := range c.pages {
		if p.clean() {
			delete(c.pages, i)
		}
	}
}

// open is what the opening of the file does. SMB does not ask about what it has
// looked at a moment ago, if it is opened for reading.
func (c *cached) open(write bool) error {
	if c.writers == 0 && c.deferred {
		c.dropClean()
		c.deferred = false
	}
	err := c.refresh
	if c.h.s.isSMB() && !write {
		err = c.look
	}
	if err := err(); err != nil {
		return err
	}
	if c.opens == 0 {
		c.lost = false
		c.hold()
	}
	c.opens++
	if write {
		c.writers++
	}
	return nil
}

// hold opens the file on the server. NFSv3 knows no open files.
func (c *cached) hold() {
	if c.srv == nil && c.h.s.o.Flavour != NFS3 {
		c.srv = c.h.s.disk.handle(c.node, "", true)
	}
}

// letGo undoes hold.
func (c *cached) letGo() {
	if c.srv != nil {
		_ = c.srv.Close()
		c.srv = nil
	}
}

func (c *cached) readAt(b []byte, off int64) (n int, err error) {
	if err := c.look(); err != nil {
		return 0, err
	}
	short := off+int64(len(b)) > c.size
	b = b[:max(0, min(int64(len(b)), c.size-off))]
	for n < len(b) {
		at := off + int64(n)
		p, err := c.page(int(at / pageSize))
		if err != nil {
			return n, err
		}
		n += copy(b[n:], p.data[at%pageSize:])
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

// page is a page of the file, from the cache or from the server.
func (c *cached) page(i int) (*hostPage, error) {
	s := c.h.s
	p := c.pages[i]
	if p != nil && (!p.clean() || s.choose(AskPage, 2) == 1) {
		return p, nil
	}
	s.meanwhile() // a read of several pages is not one of a moment
	if err := c.h.reach(); err != nil {
		return nil, err
	}
	if c.isGone() {
		return nil, errStale
	}
	p = new(hostPage)
	_, _ = c.server().ReadAt(p.data[:], int64(i)*pageSize)
	c.pages[i] = p
	return p, nil
}

// server is the file on the server.
func (c *cached) server() *memFile {
	if c.srv != nil {
		return c.srv
	}
	return c.h.s.disk.handle(c.node, "", false)
}

func (c *cached) writeAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		at := off + int64(n)
		w, err := c.writePage(b[n:], at)
		if err != nil {
			return n, err
		}
		n += w
		c.size = max(c.size, at+int64(w))
	}
	c.mtime = time.Now()
	return n, nil
}

// writePage writes as much as is in one page.
func (c *cached) writePage(b []byte, off int64) (int, error) {
	i, from := int(off/pageSize), int(off%pageSize)
	p, err := c.pageToWrite(i, from == 0 && len(b) >= pageSize)
	if err != nil {
		return 0, err
	}
	if !c.isDirty() {
		c.since = c.h.s.now()
	}
	n := copy(p.data[from:], b)
	p.dirty = p.dirty.add(span{from, from + n})
	c.dirty[i] = p
	if c.h.s.choose(AskWhole, 2) == 1 {
		end := max(off+int64(n), c.size) - int64(i)*pageSize
		p.dirty = span{0, int(min(end, pageSize))}
	}
	return n, nil
}

// pageToWrite is a page that is about to be written, all of it or a part. What
// is behind the end of the file, as the host knows it, is not asked for.
func (c *cached) pageToWrite(i int, whole bool) (*hostPage, error) {
	if p := c.pages[i]; p != nil {
		return p, nil
	}
	if !whole && int64(i)*pageSize < c.size {
		return c.page(i)
	}
	p := new(hostPage)
	c.pages[i] = p
	return p, nil
}

func (c *cached) isDirty() bool { return len(c.dirty) > 0 }

func (c *cached) dirtyPages() []int {
	list := slices.Collect(maps.Keys(c.dirty))
	slices.Sort(list)
	return list
}

func sortBy[T any, K cmp.Ordered](list []T, key func(T) K) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

package vfs

// openName is a name that may be several things.
type openName struct {
	nameAt
	was int // the file it durably is, or noFile
}

// openFile is a file that may hold several things.
type openFile struct {
	*diskFile
	named    bool // it certainly has a name
	dirty    []int
	pages    []openPage
	first    int // its parts: first and up for the dirty sectors
	sizePart int // and this for the size; -1: it is certain
}

// openPage is a page of it that has dirty sectors: dirty[from:to].
type openPage struct {
	page, from, to int
	lost           bool // there are others in it that have been lost
}

// findNames finds the names that may be several things.
func (p *point) findNames() {
	note := func(n nameAt, _ int) {
		if p.nameIndex(n) >= 0 {
			return
		}
		was, ok := p.r.dirs[n.dir][n.base]
		if !ok {
			was = noFile
		}
		p.nameAt[n] = len(p.names)
		p.names = append(p.names, openName{n, was})
	}
	for i := range p.r.ops {
		o := &p.r.ops[i]
		o.do(o.full(), note)
	}
}

// nameIndex is the place of a name in names, -1 if it is not one of them.
func (p *point) nameIndex(n nameAt) int {
	if i, ok := p.nameAt[n]; ok {
		return i
	}
	return -1
}

// findFiles finds the files that may hold several things and may have a name.
func (p *point) findFiles() {
	for dir, names := range p.r.dirs {
		for base, ino := range names {
			if p.nameIndex(nameAt{dir, base}) < 0 {
				p.named[ino] = true
			}
		}
	}
	perhaps := make(map[int]bool)
	for _, n := range p.names {
		perhaps[n.was] = true
	}
	for i := range p.r.ops {
		perhaps[p.r.ops[i].ino] = true
	}
	for id := range p.r.next { // in order, so that all is the same each time
		f := p.r.files[id]
		if f == nil || len(f.sectors) == 0 && len(f.sizes) == 0 {
			continue
		}
		if p.named[id] || perhaps[id] {
			p.byID[id] = len(p.files)
			p.files = append(p.files, newOpenFile(f, p.named[id]))
		}
	}
}

func newOpenFile(f *diskFile, named bool) *openFile {
	o := &openFile{diskFile: f, named: named, dirty: f.dirtySectors(), sizePart: -1}
	const perPage = pageSize / sectorSize
	for i := 0; i < len(o.dirty); {
		g := openPage{page: o.dirty[i] / perPage, from: i}
		for i < len(o.dirty) && o.dirty[i]/perPage == g.page {
			i++
		}
		g.to = i
		for n := g.page * perPage; n < (g.page+1)*perPage; n++ {
			g.lost = g.lost || f.lost[n]
		}
		o.pages = append(o.pages, g)
	}
	return o
}

// image is the directory in this state.
func (s *state) image() *Mem {
	r := s.p.r
	b := builder{s: s, nodes: make(map[int]*inode)}
	img := &Mem{
		Space: s.p.m.Space, Network: s.p.m.Network,
		root: b.dir(rootID), next: r.next, used: b.used,
	}
	return img
}

// builder makes the tree of an image.
type builder struct {
	s     *state
	nodes map[int]*inode // files that were made, for those with two names
	used  int64
}

func (b *builder) dir(id int) *inode {
	names := b.s.p.r.dirs[id]
	d := &inode{id: id, names: 1, entries: make(map[string]*inode, len(names))}
	for base, ino := range names {
		if _, open := b.s.p.nameAt[nameAt{id, base}]; !open {
			d.entries[base] = b.node(ino)
		}
	}
	for i, n := range b.s.p.names {
		if ino := b.s.bound[i]; n.dir == id && ino != noFile {
			d.entries[n.base] = b.node(ino)
		}
	}
	return d
}

func (b *builder) node(id int) *inode {
	if n := b.nodes[id]; n != nil {
		n.names++
		return n
	}
	f := b.s.p.r.files[id]
	if f == nil {
		return b.dir(id)
	}
	n := &inode{id: id, mtime: f.mtime, names: 1}
	if i, open := b.s.p.byID[id]; open {
		n.content = b.s.content(i)
	} else {
		n.content = f.disk.share()
	}
	b.used += n.size
	b.nodes[id] = n
	return n
}

// content is what file i holds.
func (s *state) content(i int) content {
	f := s.p.files[i]
	c := f.disk.share()
	c.size = s.sizes[i]
	for _, g := range f.pages {
		s.putPage(&c, f, g)
	}
	return c
}

// putPage puts a page together. One that is as the program saw it, or as it
// durably was, is shared with all other images.
func (s *state) putPage(c *content, f *openFile, g openPage) {
	old, all := true, !g.lost
	for i := g.from; i < g.to; i++ {
		st := s.of[f.first+i]
		old = old && st == 0
		all = all && st == len(f.sectors[f.dirty[i]])
	}
	begin := int64(g.page) * pageSize
	if old || begin >= c.size {
		return
	}
	if all && c.size >= min(begin+pageSize, f.now.size) {
		f.now.freeze()
		c.setPage(g.page, f.now.page(g.page))
		return
	}
	for i := g.from; i < g.to; i++ {
		s.putSector(c, f, f.dirty[i], s.of[f.first+i])
	}
	if c.size < begin+pageSize {
		clear(c.writable(g.page).data[c.size-begin:])
	}
}

func (s *state) putSector(c *content, f *openFile, n, st int) {
	versions := f.sectors[n]
	switch {
	case st == 0:
	case st <= len(versions):
		c.setSector(n, versions[st-1].data)
	default:
		b := s.p.noise(f, n)
		if keep := f.disk.size - sectorEnd(n-1); keep > 0 {
			copy(b[:], f.disk.sector(n)[:keep])
		}
		c.setSector(n, &b)
	}
}

// noise is a sector that the program never wrote in this place. For one file in
// three it is what another file has there, and for one in three what that has
// elsewhere: what a removed segment left on the disk is the most misleading
// noise there is.
func (p *point) noise(f *openFile, n int) (b [sectorSize]byte) {
	h := sum(p.o.Seed).add(p.where.Index).add(f.id)
	other := p.r.files[int(uint64(h.add(1))%uint64(p.r.next))]
	kind := h.add(2) % 3
	h = h.add(n)
	if other != nil && other.id != f.id && other.now.size > 0 {
		switch kind {
		case 0:
			return *other.now.sector(n)
		case 1:
			return *other.now.sector(int(uint64(h) % uint64(other.now.size/sectorSize+1)))
		}
	}
	for i := range b {
		h = h.add(i)
		b[i] = byte(h >> 32)
	}
	return b
}

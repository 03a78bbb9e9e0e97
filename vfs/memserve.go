package vfs

// What a Server needs of its disk besides what an FS has.

// node is what has a name.
func (m *Mem) lookup(name string) (*inode, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.find(name)
}

// infoOf says what a file is now, and whether it has a name still.
func (m *Mem) infoOf(node *inode) (info Info, named bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return node.info(""), node.names > 0
}

// handle is a handle of a file for reading and writing. Unless it holds the
// file, that is gone when it has no name any more.
func (m *Mem) handle(node *inode, name string, hold bool) *memFile {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hold {
		node.open++
	}
	return &memFile{m: m, node: node, name: name, write: true}
}

// become makes the directory what an image of it is, with nothing open. It
// returns what is left, by id.
func (m *Mem) become(img *Mem) map[int]*inode {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.root, m.next, m.used, m.trace = img.root, img.next, img.used, img.trace
	m.locks, m.pages = nil, nil
	left := make(map[int]*inode)
	m.root.collect(left)
	return left
}

func (n *inode) collect(all map[int]*inode) {
	all[n.id] = n
	for _, sub := range n.entries {
		sub.collect(all)
	}
}

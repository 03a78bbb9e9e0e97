package vfs

// Clone is another directory with what this one holds now and with nothing
// locked, as the kill of all its processes leaves it: what was written is
// there, but what was not synced can still be lost by a later crash. A Page,
// though, is as after a start of the machine: whatever the file held, zeros mostly.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Mem{
		Space: m.Space, Network: m.Network, NoTrace: m.NoTrace,
		root: m.root.clone(nil), next: m.next, trace: m.trace.clip(),
	}
	c.used = c.root.total(make(map[*inode]bool))
	return c
}

// clone copies a tree, sharing what is in the files. A file with two names
// stays one file.
func (n *inode) clone(seen map[*inode]*inode) *inode {
	if c := seen[n]; c != nil {
		return c
	}
	c := &inode{id: n.id, mtime: n.mtime, names: n.names}
	if n.names > 1 {
		seen[n] = c
	}
	if n.entries == nil {
		c.content = n.share()
		return c
	}
	if seen == nil {
		seen = make(map[*inode]*inode)
	}
	c.entries = make(map[string]*inode, len(n.entries))
	for base, sub := range n.entries {
		c.entries[base] = sub.clone(seen)
	}
	return c
}

// total is how many bytes the files of a tree have, each counted once.
func (n *inode) total(seen map[*inode]bool) int64 {
	if seen[n] {
		return 0
	}
	seen[n] = true
	sum := n.size
	for _, sub := range n.entries {
		sum += sub.total(seen)
	}
	return sum
}

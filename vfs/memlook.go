package vfs

import "slices"

// What tests need to look and to do damage behind the back of who uses a Mem.

// Names returns the names of all files, sorted.
func (m *Mem) Names() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var names []string
	for base, node := range m.root.entries {
		if node.entries == nil {
			names = append(names, base)
		}
		for sub := range node.entries {
			names = append(names, base+"/"+sub)
		}
	}
	slices.Sort(names)
	return names
}

// ReadFile returns what a file holds, nil when there is none. It is for tests
// that look behind the engine's back.
func (m *Mem) ReadFile(name string) []byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	node, err := m.find(name)
	if err != nil || node.entries != nil {
		return nil
	}
	return node.bytes()
}

// Files returns what all files hold, by name, for comparing two directories.
func (m *Mem) Files() map[string]string {
	all := make(map[string]string)
	for _, name := range m.Names() {
		all[name] = string(m.ReadFile(name))
	}
	return all
}

// WriteFile makes a file hold b and nothing else, durably and at once, as
// damage to the disk would: handles and locks stay, and space is not looked at.
// It makes the directory if that is missing, and panics if the name is none or
// is a directory.
func (m *Mem) WriteFile(name string, b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dirName, base, err := splitName(name)
	if err != nil {
		panic(pathError("write", name, err))
	}
	dir := m.root
	if dirName != "" {
		if dir = m.root.entries[dirName]; dir == nil {
			dir = m.mkdir(m.root, dirName)
		}
	}
	node := dir.entries[base]
	if node == nil {
		node = m.create(dir, base, name)
	}
	if dir.entries == nil || node.entries != nil {
		panic(pathError("write", name, ErrNotRegular))
	}
	b = slices.Clone(b)
	m.record(event{kind: evPut, dir: dir.id, base: base, ino: node.id, name: name, data: b, time: node.mtime})
	m.used += int64(len(b)) - node.size
	node.content = content{}
	node.writeAt(b, 0)
}

// Checkpoint makes everything that is there durable and forgets how it came to
// be: the trace, and with it the points of Crashes, begins here.
func (m *Mem) Checkpoint() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trace = trace{}
}

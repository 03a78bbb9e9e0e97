package storetest

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/vfs"
)

// Disks are disks in memory that fail when they are told to: one for each directory that a store
// opens.
type Disks struct {
	mu  sync.Mutex
	all map[string]*disk // by directory
}

type disk struct {
	mem   *vfs.Mem
	fault *vfs.Fault
}

func newDisks() *Disks { return &Disks{all: make(map[string]*disk)} }

// Of returns the disk of a directory, by its last name.
func (d *Disks) Of(dir string) vfs.FS {
	dir = filepath.Base(dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all[dir] == nil {
		mem := vfs.NewMem()
		mem.NoTrace = true
		d.all[dir] = newDisk(mem)
	}
	return d.all[dir].fault
}

func newDisk(mem *vfs.Mem) *disk { return &disk{mem, vfs.NewFault(mem)} }

// fail has calls fail: of the disk with that number, counted round, or of all if it is negative.
func (d *Disks) fail(which int, rule vfs.Rule) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dirs := slices.Sorted(maps.Keys(d.all))
	for i, dir := range dirs {
		if which < 0 || which%len(dirs) == i {
			d.all[dir].fault.Fail(rule)
		}
	}
}

// heal ends all faults, and returns how many calls have failed since the disks were made.
func (d *Disks) heal() (fired int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.all {
		one.fault.Clear()
		fired += one.fault.Fired()
	}
	return fired
}

// clone returns what the death of the process would leave now.
func (d *Disks) clone() *Disks {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newDisks()
	for dir, one := range d.all {
		mem := one.mem.Clone()
		mem.NoTrace = true
		c.all[dir] = newDisk(mem)
	}
	return c
}

package vfs

import (
	"maps"
	"slices"
	"time"
)

// replay is the disk at one point of a trace: what is durable for certain, and
// every version of every part that may have reached the disk besides.
type replay struct {
	files map[int]*diskFile
	dirs  map[int]map[string]int // by id: the names that are durable
	ops   []nameOp               // changes of names that may be lost, oldest first
	at    int                    // how many events were applied
	next  int                    // the id after the highest
}

// diskFile is a file as programs see it (now) and as it is if nothing more
// reaches the disk (disk), and what lies between.
type diskFile struct {
	id      int
	mtime   time.Time
	now     content
	disk    content
	sectors map[int][]version // those that were written since, every version, oldest first
	sizes   []int64           // those that it had since, growing
	lost    map[int]bool      // sectors whose sync failed: now has them, no sync will write them
}

// version is what a sector held after one of the writes.
type version struct {
	event int
	size  int64 // of the file after that write
	data  *[sectorSize]byte
}

// nameOp is one change of names. floor says how much of it is certain.
type nameOp struct {
	event
	at    int // its place in the trace
	floor int // 0: nothing; opLinked: the new name of a rename; full(): all of it
}

// opLinked is the state of a rename in between, as file systems without a
// journal can leave it: both names are there. A name is never lost.
const opLinked = 1

// full is the last of the states of an operation: 0, 1 and, for a rename, 2.
func (o *nameOp) full() int {
	if o.kind == evRename {
		return 2
	}
	return 1
}

func newReplay(base *inode) *replay {
	r := &replay{
		files: make(map[int]*diskFile),
		dirs:  make(map[int]map[string]int),
	}
	r.add(base)
	return r
}

// add takes over a tree, all of which is durable.
func (r *replay) add(n *inode) {
	r.next = max(r.next, n.id+1)
	if n.entries == nil {
		r.files[n.id] = &diskFile{id: n.id, mtime: n.mtime, now: n.share(), disk: n.share(), sectors: make(map[int][]version)}
		return
	}
	names := make(map[string]int, len(n.entries))
	r.dirs[n.id] = names
	for base, sub := range n.entries {
		names[base] = sub.id
		r.add(sub)
	}
}

// apply goes one event further.
func (r *replay) apply(e *event) {
	r.at++
	r.next = max(r.next, e.ino+1)
	f := r.files[e.ino]
	switch e.kind {
	case evCreate:
		r.files[e.ino] = &diskFile{id: e.ino, mtime: e.time, sectors: make(map[int][]version)}
		r.addOp(e)
	case evMkdir:
		r.dirs[e.ino] = make(map[string]int)
		r.addOp(e)
	case evRename, evRemove:
		r.addOp(e)
	case evSyncDir:
		r.syncDir(e.dir)
	case evPut:
		*f = diskFile{id: f.id, mtime: e.time, sectors: make(map[int][]version)}
		f.disk.writeAt(e.data, 0)
		f.now = f.disk.share()
		r.pin(e.ino)
	default:
		if f == nil {
			return // removed before the trace began, but still open
		}
		f.apply(e, r.at)
	}
}

func (f *diskFile) apply(e *event, at int) {
	switch e.kind {
	case evWrite:
		f.write(e, at)
	case evSync:
		f.sync()
	case evFailSync:
		f.lose()
	}
}

func (f *diskFile) write(e *event, at int) {
	if end := e.off + int64(len(e.data)); end > f.now.size {
		f.sizes = append(f.sizes, end)
	}
	f.mtime = e.time
	f.now.writeAt(e.data, e.off)
	last := int((e.off + int64(len(e.data)) - 1) / sectorSize)
	for i := int(e.off / sectorSize); i <= last; i++ {
		b := *f.now.sector(i)
		had := f.sectors[i]
		same := f.disk.sector(i)
		if len(had) > 0 {
			same = had[len(had)-1].data
		}
		if b == *same {
			continue // writing what is there changes nothing, but perhaps the size
		}
		delete(f.lost, i)
		f.sectors[i] = append(had, version{at, f.now.size, &b})
	}
}

func (f *diskFile) sync() {
	if len(f.lost) == 0 {
		f.disk = f.now.share()
	} else {
		for i, versions := range f.sectors {
			f.disk.setSector(i, versions[len(versions)-1].data)
		}
		f.disk.size = f.now.size
	}
	clear(f.sectors)
	f.sizes = nil
}

// lose is a failed sync: see memFile.failSync.
func (f *diskFile) lose() {
	if f.lost == nil {
		f.lost = make(map[int]bool)
	}
	for i := range f.sectors {
		f.lost[i] = true
	}
	clear(f.sectors)
	f.sizes = nil
}

func (r *replay) addOp(e *event) {
	r.ops = append(r.ops, nameOp{event: *e, at: r.at})
}

// syncDir makes certain what happened to the names of a directory. A rename
// into it from another directory may still have left the old name there; one
// out of it is complete, since a file is never without a name.
func (r *replay) syncDir(dir int) {
	for i := range r.ops {
		o := &r.ops[i]
		switch {
		case o.dir == dir:
			o.floor = o.full()
		case o.kind == evRename && o.toDir == dir:
			o.floor = max(o.floor, opLinked)
		}
	}
	r.fold()
}

// pin makes the names of one file certain, and those of the directories.
func (r *replay) pin(ino int) {
	for i := range r.ops {
		if o := &r.ops[i]; o.ino == ino || o.kind == evMkdir {
			o.floor = o.full()
		}
	}
	r.fold()
}

// fold takes the operations that are certain, and have none before them that
// is not, into the durable names.
func (r *replay) fold() {
	n := 0
	for n < len(r.ops) && r.ops[n].floor == r.ops[n].full() {
		o := &r.ops[n]
		o.do(o.floor, r.bind)
		n++
	}
	r.ops = slices.Delete(r.ops, 0, n)
}

// bind gives a durable name another file, or none.
func (r *replay) bind(n nameAt, ino int) {
	if ino == noFile {
		delete(r.dirs[n.dir], n.base)
		return
	}
	r.dirs[n.dir][n.base] = ino
}

// nameAt is a name in a directory.
type nameAt struct {
	dir  int
	base string
}

const noFile = -1

// do tells bind what the operation did to names, if it got as far as state.
// The last operation on a name that happened says what it is, whether or not
// those before it happened.
func (o *nameOp) do(state int, bind func(n nameAt, ino int)) {
	if state == 0 {
		return
	}
	switch o.kind {
	case evRename:
		bind(nameAt{o.toDir, o.toBase}, o.ino)
		if state > opLinked {
			bind(nameAt{o.dir, o.base}, noFile)
		}
	case evRemove:
		bind(nameAt{o.dir, o.base}, noFile)
	default:
		bind(nameAt{o.dir, o.base}, o.ino)
	}
}

func sectorEnd(i int) int64 { return int64(i+1) * sectorSize }

// dirtySectors are the numbers of the sectors that may differ, in order.
func (f *diskFile) dirtySectors() []int { return slices.Sorted(maps.Keys(f.sectors)) }

package lease

import (
	"errors"
	"io/fs"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// rows are the files of all locks, as they were listed.
type rows struct {
	all   []uint64        // ids of leases
	last  map[int]uint64  // highest number, by lock
	beats map[uint64]bool // nonces of processes
}

// kept is how many files of a row are left: a listing that is made as others come and go is to show
// one of the last.
const kept = 4

// list returns what there is. A listing shows on all disks what was there when it began.
func (l *locks) list() (*rows, error) {
	infos, err := l.fs.List(dir)
	if err != nil {
		return nil, err
	}
	r := &rows{last: make(map[int]uint64), beats: make(map[uint64]bool)}
	for _, info := range infos {
		switch kind, id, ok := codec.ParseName(info.Name); {
		case !ok || !info.Regular:
		case kind == codec.NameBeat:
			r.beats[id] = true
		case kind == codec.NameLease:
			lock, n := codec.SplitLeaseID(id)
			r.all = append(r.all, id)
			r.last[int(lock)] = max(r.last[int(lock)], n)
		}
	}
	l.watches.forget(r)
	return r, nil
}

// take takes a lock if it is free, and returns the number of the lease; 0 if it is not.
func (l *locks) take(i int) (uint64, error) {
	r, err := l.list()
	if err != nil {
		return 0, err
	}
	if held, err := l.isHeld(i, r); held || err != nil {
		return 0, err
	}
	n := r.last[i] + 1
	f, err := l.fs.Create(codec.LeaseName(codec.LeaseID(uint16(i), n)))
	if errors.Is(err, fs.ErrExist) {
		return 0, nil
	}
	if err == nil {
		err = store(f, codec.Lease{Holder: l.nonce})
	}
	if err == nil {
		err = l.fs.SyncDir(dir)
	}
	if err != nil {
		l.dead.Store(true) // it may have the lock, and does not know
		return 0, err
	}
	return l.confirm(i, n)
}

// confirm finds out whether the lease that was made is the last of its row.
func (l *locks) confirm(i int, n uint64) (uint64, error) {
	r, err := l.list()
	if err != nil {
		l.dead.Store(true)
		return 0, err
	}
	if r.last[i] != n {
		return 0, gone(l.fs.Remove(codec.LeaseName(codec.LeaseID(uint16(i), n))))
	}
	for _, id := range r.all {
		if lock, old := codec.SplitLeaseID(id); int(lock) == i && old+kept <= n {
			_ = l.fs.Remove(codec.LeaseName(id)) // if not now, by the next one
		}
	}
	return n, nil
}

// free says that nobody has a lock any more.
func (l *locks) free(i int, n uint64) error {
	f, err := l.fs.OpenWrite(codec.LeaseName(codec.LeaseID(uint16(i), n)))
	if err == nil {
		err = store(f, codec.Lease{})
	}
	if err != nil {
		l.dead.Store(true)
	}
	return err
}

// isHeld reports whether a process that lives has a lock.
func (l *locks) isHeld(i int, r *rows) (bool, error) {
	n, ok := r.last[i]
	if !ok {
		return false, nil
	}
	begin, id := l.now(), codec.LeaseID(uint16(i), n)
	b, err := readSome(l.fs, codec.LeaseName(id), codec.LeaseLen)
	if err != nil {
		return true, gone(err) // somebody has it by now
	}
	lease, _, err := codec.ParseLease(b)
	switch {
	case errors.Is(err, codec.ErrVersion):
		return true, err
	case err != nil:
		return !l.watches.isTorn(id, begin), nil
	case lease.Holder == 0:
		return false, nil
	case lease.Holder == l.nonce:
		return true, vfs.ErrLocksLost // something of it went wrong
	}
	return l.lives(lease.Holder, r)
}

// lives reports whether a process lives. What is left of one that does not is removed: should it
// only have been away, it finds that out.
func (l *locks) lives(nonce uint64, r *rows) (bool, error) {
	if !r.beats[nonce] { // or it came as the directory was listed
		again, err := l.list()
		return err != nil || again.beats[nonce], err
	}
	dead, err := l.watches.isDead(nonce)
	if err != nil || !dead {
		return true, err
	}
	return false, gone(l.fs.Remove(codec.BeatName(nonce)))
}

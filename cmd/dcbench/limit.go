package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// limitLog is the raw limit: records of one size, appended to files as long as
// the segments of the cache, with nothing but the system calls: no index, no
// checksum made, no lock, the bytes prepared.
type limitLog struct {
	dir  string
	size int64 // of a record
	per  int64 // records in a file
	sync bool  // after each record

	next  atomic.Int64 // number of the next record
	mu    sync.Mutex   // held to make a file
	files atomic.Pointer[[]*os.File]
	maps  [][]byte // of the files, once mapAll was called
}

func newLimitLog(dir string, size int, sync bool) *limitLog {
	l := &limitLog{dir: dir, size: int64(size), per: max(1, segmentSize/int64(size)), sync: sync}
	l.files.Store(new([]*os.File))
	return l
}

// append writes the next record from b.
func (l *limitLog) append(b []byte) error {
	n := l.next.Add(1) - 1
	f, err := l.file(int(n / l.per))
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(b[:l.size], n%l.per*l.size); err != nil {
		return err
	}
	if l.sync {
		return syncData(f)
	}
	return nil
}

func (l *limitLog) file(i int) (*os.File, error) {
	if files := *l.files.Load(); i < len(files) {
		return files[i], nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	files := *l.files.Load()
	for i >= len(files) {
		f, err := os.Create(filepath.Join(l.dir, fmt.Sprintf("%08d", len(files))))
		if err != nil {
			return nil, err
		}
		files = append(files[:len(files):len(files)], f)
	}
	l.files.Store(&files)
	return files[i], nil
}

// fill appends n records that are not measured.
func (l *limitLog) fill(n int, b []byte) error {
	sync := l.sync
	l.sync = false
	defer func() { l.sync = sync }()
	for range n {
		if err := l.append(b); err != nil {
			return err
		}
	}
	return l.settle()
}

// settle puts everything on the disk.
func (l *limitLog) settle() error {
	for _, f := range *l.files.Load() {
		if err := syncData(f); err != nil {
			return err
		}
	}
	return nil
}

// read reads record n into b and sums it.
func (l *limitLog) read(n int64, b []byte) (uint64, error) {
	b = b[:l.size]
	if _, err := (*l.files.Load())[n/l.per].ReadAt(b, n%l.per*l.size); err != nil {
		return 0, err
	}
	return xxhash.Sum64(b), nil
}

// readInto reads record n into what w has for it.
func (l *limitLog) readInto(w *worker, n int64) error {
	sum, err := l.read(n, w.rec)
	w.sum ^= sum
	return err
}

// mapAll maps the files for readMapped, and reports false where that cannot be
// done.
func (l *limitLog) mapAll() (bool, error) {
	for _, f := range *l.files.Load() {
		m, err := mapFile(f)
		if m == nil || err != nil {
			return false, err
		}
		l.maps = append(l.maps, m)
	}
	return true, nil
}

// readMapped sums record n where the file is mapped.
func (l *limitLog) readMapped(n int64) uint64 {
	off := n % l.per * l.size
	return xxhash.Sum64(l.maps[n/l.per][off : off+l.size])
}

func (l *limitLog) close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, m := range l.maps {
		keep(unmap(m))
	}
	for _, f := range *l.files.Load() {
		keep(f.Close())
	}
	return first
}

// appender is the side that appends a record for each operation.
func (l *limitLog) appender() *side {
	return &side{name: "limit", settle: l.settle, do: func(w *worker, _ int) error { return l.append(w.rec) }}
}

package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// limitStore is what the machine can do, as a store: records as long as the cache's, appended to
// one file, with no lock, no header and no checksum made. Where the record of a key is says an
// array by the key's number, so that there is no index, but everything can be read back.
type limitStore struct {
	file   *os.File
	sync   bool
	sizes  recordSizes // of records without a value
	end    atomic.Int64
	places []atomic.Uint64
	bufs   bufferPool
}

func openLimit(dir string, o contest.Options) (contest.Store, error) { return newLimitStore(dir, o) }

func newLimitStore(dir string, o contest.Options) (*limitStore, error) {
	if err := o.Plain(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &limitStore{sync: o.Durable(), places: make([]atomic.Uint64, o.Keys)}
	var err error
	if l.sizes, err = overheads(filepath.Join(dir, "sizes")); err != nil {
		return nil, err
	}
	l.file, err = os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_RDWR, 0o600)
	return l, err
}

// overheads are what the cache writes for a change besides the value.
func overheads(dir string) (s recordSizes, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := newBench(&params{keySize: contest.KeySize}, nil, 0, 1, dir)
	b.p.sync.mode = diskcache.SyncNever
	err = b.measureSizes()
	return b.sizes, err
}

// place says where a value is, and how long. 0: nowhere.
type place uint64

const (
	placeIsSet  = 1 << 63
	placeLength = 24 // bits
)

func newPlace(off int64, size int) place {
	return place(placeIsSet | uint64(off)<<placeLength | uint64(size))
}

func (p place) off() int64 { return int64(p &^ placeIsSet >> placeLength) }
func (p place) size() int  { return int(p & (1<<placeLength - 1)) }

// find returns where the value of a key is.
func (l *limitStore) find(key []byte) (place, error) {
	n := contest.KeyNumber(key)
	if n >= uint64(len(l.places)) {
		return 0, contest.ErrMissing
	}
	p := place(l.places[n].Load())
	if p == 0 {
		return 0, contest.ErrMissing
	}
	return p, nil
}

func (l *limitStore) note(key []byte, p place) { l.places[contest.KeyNumber(key)].Store(uint64(p)) }

// appendRecord appends a record: the value comes first, so that a reader may return the beginning
// of what it read.
func (l *limitStore) appendRecord(b, key, value []byte) []byte {
	b = append(append(b, value...), key...)
	return append(b, zeros[:max(0, l.sizes.insert-len(key))]...)
}

var zeros [1 << 10]byte

// write writes at the end, and returns where.
func (l *limitStore) write(b []byte) (off int64, err error) {
	off = l.end.Add(int64(len(b))) - int64(len(b))
	if _, err := l.file.WriteAt(b, off); err != nil {
		return 0, err
	}
	if l.sync {
		return off, syncData(l.file)
	}
	return off, nil
}

func (l *limitStore) Set(key, value []byte) error {
	b := l.bufs.get()
	defer l.bufs.put(b)
	*b = l.appendRecord((*b)[:0], key, value)
	off, err := l.write(*b)
	if err == nil {
		l.note(key, newPlace(off, len(value)))
	}
	return err
}

func (l *limitStore) Batch(keys, values [][]byte) error {
	b := l.bufs.get()
	defer l.bufs.put(b)
	*b = (*b)[:0]
	for i, key := range keys {
		*b = l.appendRecord(*b, key, values[i])
	}
	off, err := l.write(*b)
	if err != nil {
		return err
	}
	for i, key := range keys {
		l.note(key, newPlace(off, len(values[i])))
		off += int64(l.length(len(values[i])))
	}
	return nil
}

// length is how long a record is.
func (l *limitStore) length(size int) int { return size + max(contest.KeySize, l.sizes.insert) }

func (l *limitStore) Get(key, buf []byte) ([]byte, error) {
	p, err := l.find(key)
	if err != nil {
		return nil, err
	}
	b := sized(buf, l.length(p.size()))
	if _, err := l.file.ReadAt(b, p.off()); err != nil {
		return nil, err
	}
	_ = xxhash.Sum64(b)
	return b[:p.size()], nil
}

// sized returns b with n bytes, which may be any.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

func (l *limitStore) Delete(key []byte) error {
	l.note(key, 0)
	_, err := l.write(zeros[:l.sizes.tombstone])
	return err
}

func (l *limitStore) Compact() error { return errors.ErrUnsupported }

func (l *limitStore) Close() error { return l.file.Close() }

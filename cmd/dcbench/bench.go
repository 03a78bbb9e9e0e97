package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"unsafe"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/go-diskcache/diskcache"
)

// What the cache is opened with, and the limit goes by, too: the length of a
// segment file, and the size from which on a value has a file of its own. These
// are the defaults of the cache.
const (
	segmentSize   = 64 << 20
	fileThreshold = 256 << 10
)

// bench is what the workloads measure with.
type bench struct {
	p         *params
	w         *workload
	valueSize int
	dir       string
	rand      *rand.Rand
	workers   []*worker
	bar       progress
	stderr    io.Writer

	sharedDir string       // the cache's, where other processes use it, too
	together  func() error // waits for these, before each round

	sizes recordSizes
	order []uint32 // numbers of the keys that the operations are for
	cache *diskcache.Cache
	logs  []*limitLog // all that were made

	anonEmpty   int64 // anonymous memory while the cache was open and empty
	bytesPerKey float64
}

func newBench(p *params, w *workload, valueSize, goroutines int, dir string) *bench {
	b := &bench{p: p, w: w, valueSize: valueSize, dir: dir, rand: rand.New(rand.NewPCG(p.seed, 0))}
	value := sampleValue(b.rand, valueSize)
	for range goroutines {
		b.workers = append(b.workers, newWorker(p.keySize, value))
	}
	return b
}

// sampleValue returns a value of which about half can be compressed away.
func sampleValue(r *rand.Rand, size int) []byte {
	v := make([]byte, size)
	for i := range v[:size/2] {
		v[i] = byte(r.Uint32())
	}
	return v
}

// options are what the cache is opened with.
func (b *bench) options() diskcache.Options {
	o := diskcache.Options{
		SegmentSize: segmentSize, FileThreshold: fileThreshold, Sync: b.p.sync.mode, Compression: b.p.compress.kind, NoMap: b.p.noMap,
		Freshness: b.p.freshness,
	}
	if b.p.network {
		o.Network = diskcache.NetworkYes
	}
	return o
}

func (b *bench) cacheDir() string {
	if b.sharedDir != "" {
		return b.sharedDir
	}
	return filepath.Join(b.dir, "cache")
}

// note says what the results do not, and is no error.
func (b *bench) note(format string, args ...any) { fmt.Fprintf(b.stderr, format+"\n", args...) }

func (b *bench) open(o diskcache.Options) (err error) {
	b.cache, err = diskcache.Open(b.cacheDir(), &o)
	return err
}

// newLog makes a limit log of records of size bytes.
func (b *bench) newLog(size int) *limitLog {
	l := newLimitLog(filepath.Join(b.dir, fmt.Sprintf("limit-%d", len(b.logs))), size, b.p.sync.mode == diskcache.SyncAlways)
	b.logs = append(b.logs, l)
	for _, w := range b.workers {
		w.rec = grown(w.rec, size)
	}
	return l
}

func grown(b []byte, n int) []byte {
	if len(b) >= n {
		return b
	}
	return make([]byte, n)
}

// close gives back what the workload left open, whatever became of it. Its files
// are removed next, so that errors do not matter any more.
func (b *bench) close() {
	if b.cache != nil {
		_ = b.cache.Close()
	}
	for _, l := range b.logs {
		_ = l.close()
	}
}

// worker is what one goroutine works with.
type worker struct {
	key   []byte
	base  uint64 // added to the numbers of keys, which are no other process's then
	value []byte
	buf   []byte // for values that are read
	rec   []byte // for records of the limit
	hist  *hdrhistogram.Histogram
	sum   uint64 // of what the limit verified; kept, so that it is computed
}

func newWorker(keySize int, value []byte) *worker {
	key := make([]byte, keySize)
	for i := range key {
		key[i] = 'k'
	}
	// Sized for nanoseconds up to a minute, three digits.
	return &worker{key: key, value: value, buf: make([]byte, 0, len(value)), hist: hdrhistogram.New(1, 60e9, 3)}
}

// keyOf returns the key with number n. It is good until the next call: the cache
// does not keep keys, and to make a string each time would be measured, too.
func (w *worker) keyOf(n uint64) string {
	binary.BigEndian.PutUint64(w.key[len(w.key)-8:], n+w.base)
	return unsafe.String(&w.key[0], len(w.key))
}

var errValue = errors.New("the cache returned a value of the wrong length")

func (w *worker) set(c *diskcache.Cache, n uint64) error { return c.Set(w.keyOf(n), w.value) }

func (w *worker) get(c *diskcache.Cache, n uint64) error {
	v, err := c.GetAppend(w.keyOf(n), w.buf)
	if err != nil {
		return err
	}
	if len(v) != len(w.value) {
		return errValue
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/memory"
)

// opening is a state in which a directory is opened.
type opening struct {
	variant string
	make    func(b *bench) error // makes the directory
}

var openings = [...]opening{
	{"clean", makeClean},   // closed: the index is there as it stood
	{"hints", makeHinted},  // closed, the index lost: it is built from the hints
	{"killed", makeKilled}, // the process was killed by SIGKILL: from hints and the end of the log
}

// open opens a directory of n keys in each state. A round opens a fresh copy, as
// opening changes what it finds. The limit reads and hashes the files that
// opening needs.
func open(b *bench) ([]result, error) {
	if err := b.measureSizes(); err != nil {
		return nil, err
	}
	var results []result
	for _, o := range openings {
		if err := os.RemoveAll(b.cacheDir()); err != nil {
			return nil, err
		}
		if err := o.make(b); err != nil {
			return nil, err
		}
		r, err := b.measureOpening(o.variant)
		if err != nil {
			return nil, err
		}
		results = append(results, *r)
	}
	return results, nil
}

func makeClean(b *bench) error {
	o := b.options()
	o.Sync = diskcache.SyncNever
	if err := b.open(o); err != nil {
		return err
	}
	return errors.Join(b.insert(0, b.p.n), b.closeCache())
}

func makeHinted(b *bench) error {
	if err := makeClean(b); err != nil {
		return err
	}
	return os.Remove(filepath.Join(b.cacheDir(), snapshotName))
}

func (b *bench) measureOpening(variant string) (*result, error) {
	cache, limit, firstGet := &side{name: "cache"}, &side{name: "limit"}, &side{}
	b.workers[0].hist.Reset()
	for range b.p.rounds {
		copied := filepath.Join(b.dir, "opened")
		if err := linkTree(b.cacheDir(), copied); err != nil {
			return nil, err
		}
		err := timed(limit, func() error {
			sum, err := readAsOpen(copied)
			b.workers[0].sum ^= sum
			return err
		})
		if err != nil {
			return nil, err
		}
		b.bar.step()
		if err := b.timeOpen(copied, cache, firstGet); err != nil {
			return nil, err
		}
		b.bar.step()
		if err := os.RemoveAll(copied); err != nil {
			return nil, err
		}
	}
	r := b.blank()
	r.Variant = variant
	r.setRate(cache.rate())
	r.setLimit(limit.rate())
	r.Seconds, r.FirstGet = cache.spent.Seconds(), int64(1e9/firstGet.rate())
	r.setLatencies(b.workers[0].hist)
	return r, b.openOnce(r)
}

// timed does one operation on a side.
func timed(s *side, do func() error) error {
	start := time.Now()
	err := do()
	d := max(time.Since(start), 1)
	s.spent += d
	s.rates = append(s.rates, 1/d.Seconds())
	return err
}

// timeOpen opens the cache in dir and gets a key, for an Open that left all of the
// work to the first Get would be no feat.
func (b *bench) timeOpen(dir string, cache, firstGet *side) error {
	o := b.options()
	w := b.workers[0]
	n := b.rand.Uint64N(uint64(b.p.n))
	err := timed(firstGet, func() error {
		err := timed(cache, func() (err error) {
			b.cache, err = diskcache.Open(dir, &o)
			return err
		})
		if err != nil {
			return err
		}
		return w.get(b.cache, n)
	})
	if err != nil {
		return err
	}
	_ = w.hist.RecordValue(min(int64(1e9/cache.rates[len(cache.rates)-1]), w.hist.HighestTrackableValue()))
	return b.closeCache()
}

// openOnce opens the directory, walks over all keys, so that the whole index is
// in use, and says what it takes.
func (b *bench) openOnce(r *result) error {
	empty := anonymous(nil)
	if err := b.open(b.options()); err != nil {
		return err
	}
	keys := 0
	for _, err := range b.cache.Keys() {
		if err != nil {
			return err
		}
		keys++
	}
	if keys != b.p.n {
		return fmt.Errorf("open: %d keys were set and %d are there", b.p.n, keys)
	}
	s, err := b.cache.Stats()
	if err != nil {
		return err
	}
	r.BytesPerKey = max(0, float64(anonymous(b.cache)-empty)/float64(keys))
	r.RSS, r.Disk, r.Written = memory.Resident(), s.DiskBytes, s.WrittenBytes
	return b.closeCache()
}

// closeCache closes the cache, once.
func (b *bench) closeCache() error {
	c := b.cache
	b.cache = nil
	return c.Close()
}

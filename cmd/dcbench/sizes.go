package main

import (
	"errors"
	"path/filepath"

	"github.com/go-diskcache/diskcache"
)

// recordSizes are how many bytes the cache writes for a change. The limit writes
// and reads records of these sizes.
type recordSizes struct{ insert, overwrite, tombstone int }

// measureSizes makes each change in a small cache and looks at what it wrote:
// the format is not told a second time here.
func (b *bench) measureSizes() (s recordSizes, err error) {
	o := b.loadOptions()
	c, err := diskcache.Open(filepath.Join(b.dir, "sizes"), &o)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	w := b.workers[0]
	set := func(n uint64) func() error { return func() error { return w.set(c, n) } }
	remove := func() error { _, err := c.Delete(w.keyOf(1)); return err }
	for _, step := range []struct {
		do   func() error
		size *int
	}{{set(0), new(int)}, {set(1), &s.insert}, {set(1), &s.overwrite}, {remove, &s.tombstone}} {
		if *step.size, err = written(c, step.do); err != nil {
			return s, err
		}
	}
	if b.valueSize >= 256<<10 { // the value has a file of its own, and the record names it
		s.insert += b.valueSize
		s.overwrite += b.valueSize
	}
	return s, nil
}

func written(c *diskcache.Cache, do func() error) (int, error) {
	before, err := c.Stats()
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := c.Stats()
	return int(after.WrittenBytes - before.WrittenBytes), err
}

package main

import (
	"errors"
	"path/filepath"

	"github.com/go-diskcache/diskcache"
)

// recordSizes are how many bytes the cache writes for a change. The limit writes
// and reads records of these sizes. live is how much of an insert counts as the item's.
type recordSizes struct{ insert, overwrite, tombstone, live int }

// measureSizes makes each change in a small cache and looks at what it wrote:
// the format is not told a second time here.
func (b *bench) measureSizes() (err error) {
	o := b.options()
	o.Sync = diskcache.SyncNever
	c, err := diskcache.Open(filepath.Join(b.dir, "sizes"), &o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	w := b.workers[0]
	for _, step := range []struct {
		do   func() error
		size *int
	}{
		{func() error { return w.set(c, 0) }, new(int)}, // begins a segment
		{func() error { return w.set(c, 1) }, &b.sizes.insert},
		{func() error { return w.set(c, 1) }, &b.sizes.overwrite},
		{func() error { _, err := c.Delete(w.keyOf(1)); return err }, &b.sizes.tombstone},
	} {
		if *step.size, err = written(c, step.do); err != nil {
			return err
		}
	}
	s, err := c.Stats() // one item is left
	if err != nil {
		return err
	}
	b.sizes.live = int(s.LiveBytes)
	if b.valueSize >= fileThreshold { // the record only names the value
		b.sizes.insert += b.valueSize
		b.sizes.overwrite += b.valueSize
	}
	return nil
}

// written returns how many bytes do adds to the log.
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

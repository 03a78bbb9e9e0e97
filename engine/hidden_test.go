package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestHidden: a power cut loses commits between others that stay, so that a record
// stands above an older one and does not say so. However its key ends then, and whichever
// segments are cleared: the older one never shows.
func TestHidden(t *testing.T) {
	t.Parallel()
	perPoint, stride := 32, 3
	switch {
	case torture():
		perPoint, stride = 4096, 1
	case raceEnabled || testing.Short():
		stride = 11
	}
	from := sampleFrom(t, stride)
	soon := Attrs{Expires: crashClock.Add(time.Minute).UnixNano()}
	for _, w := range []struct {
		name string
		run  func(d *driver)
	}{
		{"set, deleted, set again", func(d *driver) {
			d.set("k", 20)
			d.rotate()
			d.sync()
			d.del("k")
			d.rotate()
			d.setWith("k", 30, soon)
		}},
		{"and deleted again", func(d *driver) {
			d.set("k", 20)
			d.rotate()
			d.sync()
			d.del("k")
			d.rotate()
			d.set("k", 30)
			d.rotate()
			d.del("k")
		}},
		{"and deleted again, when that was synced alone", func(d *driver) {
			d.set("k", 20)
			d.rotate()
			d.sync()
			d.del("k")
			d.rotate()
			d.set("k", 30)
			d.must(d.e.w.active[fresh].Sync()) // as one of many that syncs do, in whatever order
			d.rotate()
			d.del("k")
		}},
		{"and deleted again, in the same file", func(d *driver) {
			d.set("k", 20)
			d.rotate()
			d.sync()
			d.del("k")
			d.rotate()
			d.set("other", 600)
			d.set("k", 600)
			d.set("other", 600)
			d.del("k")
		}},
		{"moved, then deleted", func(d *driver) {
			d.set("k", 20)
			d.set("other", 20)
			d.rotate()
			d.sync()
			d.must(clearSegment(d.e, sealedIDs(d.e)[0]))
			d.del("k")
		}},
		{"moved, then deleted, and set again", func(d *driver) {
			d.setWith("k", 20, soon)
			d.rotate()
			d.sync()
			d.must(clearSegment(d.e, sealedIDs(d.e)[0]))
			d.del("k")
			d.rotate()
			d.setWith("k", 30, soon)
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			for _, o := range []Options{{}, {Hash: fourBits}} {
				d := newDriver(vfs.NewMem(), o, 0, 1)
				require.NoError(t, attempt(d, func(d *driver) {
					d.open()
					w.run(d)
				}))
				images := 0
				// All is written, and of what was not synced something is lost.
				d.disk.Crashes(vfs.CrashOptions{From: d.disk.Events() - 1, PerPoint: perPoint}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
					img.NoTrace = true
					for i := range 12 {
						if images++; images%stride != from {
							continue
						}
						err := hides(img.Clone(), d.opt, i)
						require.NoError(t, err, "after %d changes, variant %q, way %d", c.Index, c.Variant, i)
					}
					return true
				})
				require.NoError(t, d.e.Close())
			}
		})
	}
}

// hides recovers a crash image, ends all of its keys in one way of twelve, and clears
// all segments but the oldest.
func hides(disk *vfs.Mem, o Options, way int) error {
	now := crashClock
	o.Now = func() time.Time { return now }
	keys := []string{"k", "other"}
	e, err := Open(disk, o)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // a second time where all is well
	if way%2 == 1 {                  // what the first Open learns, later ones have to know
		if err := e.Close(); err != nil {
			return err
		}
		if e, err = Open(disk, o); err != nil {
			return err
		}
	}
	if err := e.sealRest(); err != nil {
		return err
	}
	ids := sealedIDs(e)
	want, err := observe(e, keys)
	if err != nil {
		return err
	}
	rest := func(rounds int) error { // so that tombstones move on, and on
		if len(ids) == 0 {
			return nil
		}
		for range rounds {
			for _, id := range sealedIDs(e) {
				if id == ids[0] {
					continue
				}
				if err := clearSegment(e, id); err != nil {
					return err
				}
			}
			if err := e.syncDropped(false); err != nil {
				return err
			}
			(&driver{e: e}).rotateAll()
		}
		return nil
	}
	switch way / 2 % 3 {
	case 0:
		for _, key := range keys {
			if _, err := e.Delete(key); err != nil {
				return err
			}
		}
		want = shown{}
	case 1:
		now = now.Add(time.Hour)
		if want, err = observe(e, keys); err != nil {
			return err
		}
	}
	if way >= 6 {
		(&driver{e: e}).rotateAll()
	}
	if err := rest(1 + way/6); err != nil {
		return err
	}
	if err := same(disk.Clone(), o, want, "killed"); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	if err := same(disk.Clone(), o, want, "closed"); err != nil {
		return err
	}
	if e, err = Open(disk, o); err != nil {
		return err
	}
	if err := rest(2); err != nil {
		return err
	}
	if err := same(disk.Clone(), o, want, "cleared once more"); err != nil {
		return err
	}
	return e.Close()
}

// TestHiddenBesideClear: what has expired is looked for without the writer lock, while another
// process clears, and this one follows. It is for the race detector to judge.
func TestHiddenBesideClear(t *testing.T) {
	mem := vfs.NewMem()
	var now atomic.Int64
	now.Store(crashClock.UnixNano())
	opt := Options{SegmentSize: 4096, Now: func() time.Time { return time.Unix(0, now.Load()) }}
	a, err := openAs(mem, opt)
	require.NoError(t, err)
	b, err := openAs(mem, opt)
	require.NoError(t, err)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for range 20 {
			soon := now.Load() + int64(time.Hour)
			for n := range 100 {
				assert.NoError(t, b.Set(fmt.Sprint(n), make([]byte, 100), Attrs{Expires: soon}))
			}
			now.Store(soon)
			assert.NoError(t, b.Compact())
		}
	})
	until := func(do func() error) func() {
		return func() {
			for {
				select {
				case <-done:
					return
				default:
					assert.NoError(t, do())
				}
			}
		}
	}
	wg.Go(until(func() error {
		_, err := a.Clear()
		handOn(a)
		return err
	}))
	wg.Go(until(b.catchUp))
	wg.Wait()
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

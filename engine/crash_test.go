package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// effort says how many of the crash images there are to look at.
type effort struct {
	seeds    uint64 // how often each workload is crashed; every other time with garbage
	perPoint int    // images of each point
	stride   int    // points
	used     int    // every n-th image is used, killed, and closed and opened again
	deep     int    // every n-th image is crashed again, and its recovery too
	least    int    // images that all workloads together must come to
	ace      int    // longest sequence of the exhaustive test
}

// torture reports whether the long tests were asked for.
func torture() bool { return os.Getenv("DISKCACHE_TORTURE") != "" }

func efforts() effort {
	switch {
	case torture() && raceEnabled:
		return effort{seeds: 2, perPoint: 8, stride: 1, used: 4, deep: 100, least: 20_000, ace: 3}
	case torture():
		return effort{seeds: 4, perPoint: 48, stride: 1, used: 3, deep: 200, least: 200_000, ace: 4}
	case raceEnabled || testing.Short():
		return effort{seeds: 2, perPoint: 2, stride: 14, used: 4, deep: 50, least: 500, ace: 2}
	}
	return effort{seeds: 2, perPoint: 2, stride: 1, used: 3, deep: 150, least: 10_000, ace: 3}
}

// crasher recovers from crash images of one workload and judges what it finds.
type crasher struct {
	effort
	opt    Options
	later  time.Duration // from the crash to the recovery
	seed   uint64
	depth  int // crashes before the one that is looked at
	count  *atomic.Int64
	images int // so far, of this crasher
}

// points crashes at every point of a disk's trace, by power cuts and by the death
// of the process. base is what the store showed when the trace began.
func (c *crasher) points(disk *vfs.Mem, base shown, from int) error {
	o := vfs.CrashOptions{Seed: c.seed, PerPoint: c.perPoint, From: from, Stride: c.stride, Garbage: c.seed%2 == 1}
	if err := c.crashes(disk, o, base, true); err != nil {
		return err
	}
	// With one image a point the first is what all programs saw.
	return c.crashes(disk, vfs.CrashOptions{PerPoint: 1, From: from, Stride: c.stride}, base, false)
}

func (c *crasher) crashes(disk *vfs.Mem, o vfs.CrashOptions, base shown, powerCut bool) (err error) {
	disk.Crashes(o, func(img *vfs.Mem, p vfs.CrashPoint) bool {
		if !powerCut && strings.HasPrefix(p.Variant, "none") {
			return true
		}
		files := listing(img)
		if e := c.image(img, newOracle(base, p.Notes, powerCut)); e != nil {
			err = fmt.Errorf("seed %d, power cut %v, after %d changes (the last: %s), variant %q: %w\nfiles: %s\nnotes: %v",
				c.seed, powerCut, p.Index, p.Op, p.Variant, e, files, p.Notes)
		}
		return err == nil
	})
	return err
}

func listing(disk *vfs.Mem) string {
	var b strings.Builder
	for _, name := range disk.Names() {
		info, _ := disk.Stat(name)
		fmt.Fprintf(&b, "%s(%d) ", name, info.Size)
	}
	return b.String()
}

// image recovers one image and judges it.
func (c *crasher) image(img *vfs.Mem, o *oracle) error {
	c.images++
	c.count.Add(1)
	deep := c.depth < 2 && c.images%c.deep == 0
	var second *vfs.Mem
	if deep {
		second = img.Clone()
	}
	img.NoTrace = true
	opt := c.opt
	now := crashClock.Add(c.later)
	opt.Now = func() time.Time { return now }
	found, err := c.recover(img, opt, o, c.images%c.used == 0)
	if err == nil && deep {
		err = c.again(second, opt, found, o)
	}
	return err
}

// recover opens an image, judges it, and, if asked to, goes on using it.
func (c *crasher) recover(img *vfs.Mem, opt Options, o *oracle, use bool) (shown, error) {
	e, err := Open(img, opt)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer func() { _ = e.Close() }() // a second one where all went well
	found, err := observe(e, o.keys())
	if err != nil {
		return nil, err
	}
	if err := o.judge(found, opt.Now().UnixNano()); err != nil {
		return nil, err
	}
	if use {
		return found, c.use(img, opt, e, found, o)
	}
	return found, e.Close()
}

// use changes a recovered store. What it then holds must survive the death of the
// process and a clean close alike.
func (c *crasher) use(img *vfs.Mem, opt Options, e *Engine, found shown, o *oracle) error {
	if err := same(img.Clone(), opt, found, "killed after its recovery"); err != nil {
		return err
	}
	want := maps.Clone(found)
	r := rand.New(rand.NewPCG(c.seed, uint64(c.images)))
	ver := o.last()
	for _, key := range append(o.keys(), "new") {
		ver++
		switch r.IntN(3) {
		case 0:
			if err := e.Set(key, oracleValue(key, ver, r.IntN(3000)), Attrs{}); err != nil {
				return fmt.Errorf("set after the crash: %w", err)
			}
			want[key] = ver
		case 1:
			existed, err := e.Delete(key)
			if err != nil || existed != (want[key] != 0) {
				return fmt.Errorf("delete %q after the crash: existed %v, %w", key, existed, err)
			}
			delete(want, key)
		}
	}
	if err := e.Sync(); err != nil {
		return fmt.Errorf("sync after the crash: %w", err)
	}
	if err := same(img.Clone(), opt, want, "killed after its use"); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return fmt.Errorf("close after the crash: %w", err)
	}
	return same(img, opt, want, "closed after its use")
}

// same opens a disk and compares what it shows.
func same(disk *vfs.Mem, opt Options, want shown, what string) error {
	e, err := Open(disk, opt)
	if err != nil {
		return fmt.Errorf("open, %s: %w", what, err)
	}
	defer func() { _ = e.Close() }()
	keys := (&oracle{base: want}).keys()
	found, err := observe(e, keys)
	if err == nil && !maps.Equal(found, want) {
		err = fmt.Errorf("shows %v, had %v", found, want)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return e.Close()
}

// again recovers an image a second time, works with it, and lets all of that
// crash, the recovery too.
func (c *crasher) again(disk *vfs.Mem, opt Options, base shown, o *oracle) error {
	d := newDriver(disk, opt, o.last(), c.seed+uint64(c.images))
	if err := attempt(d, secondRun); err != nil {
		return fmt.Errorf("second run: %w", err)
	}
	deeper := *c
	deeper.depth++
	deeper.seed += uint64(c.images)
	deeper.images = 0
	deeper.perPoint = min(c.perPoint, 4)
	deeper.stride = 3
	if err := deeper.points(d.disk, base, c.images%3); err != nil {
		return fmt.Errorf("crash %d: %w", deeper.depth+1, err)
	}
	return nil
}

// second is what is done with a recovered store before it crashes again.
func secondRun(d *driver) {
	d.open()
	d.set("a", 300)
	d.del("b")
	d.tx(put{"c", 200}, put{"d", 0}, put{"e", 700})
	d.sync()
	d.set("b", 1500)
	d.del("a")
	d.set("c", 40)
	d.close()
}

// attempt runs a workload.
func attempt(d *driver, run func(*driver)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(driverError)
			if !ok {
				panic(r)
			}
			err = e.err
			if d.e != nil {
				_ = d.e.Close()
			}
		}
	}()
	run(d)
	return nil
}

// TestCrash stops the disk at every change of every workload. What of the
// unsynced part has arrived is then up to chance and to the rules of vfs.
func TestCrash(t *testing.T) {
	t.Parallel()
	eff := efforts()
	var count, ran atomic.Int64
	t.Run("workloads", func(t *testing.T) {
		for i, w := range workloads() {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				d := newDriver(vfs.NewMem(), w.opt, 0, uint64(i))
				require.NoError(t, attempt(d, w.run))
				from := sampleFrom(t, eff.stride)
				for seed := range eff.seeds {
					c := &crasher{effort: eff, opt: w.opt, later: w.later, seed: seed, count: &count}
					require.NoError(t, c.points(d.disk, nil, from))
					t.Logf("seed %d: %d changes, %d images at the first crash", seed, d.disk.Events(), c.images)
				}
				ran.Add(1)
			})
		}
	})
	t.Logf("%d crash images", count.Load())
	if int(count.Load()) < eff.least && int(ran.Load()) == len(workloads()) {
		t.Errorf("only %d crash images, %d were promised", count.Load(), eff.least)
	}
}

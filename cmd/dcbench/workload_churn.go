package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache"
)

// churn overwrites the keys of a cache whose limit leaves room for some garbage, and
// must give up nothing: all space comes from compaction. It tells what that costs, in
// bytes, and in the latency of those who read and write meanwhile. There is no limit
// to compare with: a log that is only appended to needs no compaction.
func churn(b *bench) ([]result, error) {
	if err := b.measureSizes(); err != nil {
		return nil, err
	}
	var results []result
	for _, keys := range b.p.churnKeys {
		c := &churner{bench: b, keys: keys}
		r, err := c.run()
		if err != nil {
			return nil, fmt.Errorf("churn, keys %s: %w", keys.name, err)
		}
		results = append(results, *r)
	}
	return results, nil
}

// churner churns with one distribution of keys.
type churner struct {
	*bench
	keys distribution
	live int64        // bytes of the items
	most atomic.Int64 // bytes of all files that were seen
	out  churned
}

func (c *churner) run() (*result, error) {
	if err := c.fillUp(); err != nil {
		return nil, err
	}
	r := c.blank()
	r.Variant, r.Keys, r.churned = c.keys.name, c.keys.name, &c.out
	for _, phase := range []func(*result) error{c.readIdle, c.overwriteFree, c.overwriteFull, c.overwriteAll, c.check} {
		if err := phase(r); err != nil {
			return nil, err
		}
	}
	r.RSS = resident()
	return r, errors.Join(c.closeCache(), os.RemoveAll(c.cacheDir()))
}

// leastChurned is the least length of segments. With less there would be more hints and
// heads than records.
const leastChurned = 4 << 10

// churnOptions are what the cache is opened with: as it would be by default, but with
// as many segments also where it is small.
func (c *churner) churnOptions() diskcache.Options {
	o := c.options()
	o.Policy = diskcache.PolicyNone
	o.SizeLimit = int64(c.p.limit * float64(c.p.n) * float64(c.sizes.live))
	o.SegmentSize = max(segmentFor(o.SizeLimit, replaySegments), leastChurned)
	return o
}

// The overwrites, in parts of n: some while there is room, then, not measured, as many as
// it takes until the cache is full and what is in its segments is as it will stay, and
// then those that are measured.
const fillingParts = 2

// fillUp sets n keys and draws those that are overwritten.
func (c *churner) fillUp() error {
	c.order = c.keys.draw(c.rand, (fillingParts+c.p.rounds)*c.p.n, c.p.n)
	if err := c.openEmpty(c.churnOptions()); err != nil {
		return err
	}
	if err := c.insert(0, c.p.n); err != nil {
		return err
	}
	c.measureMemory()
	s, err := c.cache.Stats()
	c.live, c.out.SpaceLimit = s.LiveBytes, c.p.limit
	return err
}

func (c *churner) get(w *worker, i int) error {
	return w.get(c.cache, uint64(c.order[i%len(c.order)]))
}

func (c *churner) set(w *worker, i int) error { return w.set(c.cache, uint64(c.order[i])) }

// readIdle times Gets while nothing else goes on.
func (c *churner) readIdle(*result) error {
	if err := c.each(0, c.p.n, c.get); err != nil { // warm pages
		return err
	}
	err := c.latency(0, c.latencies(), c.get)
	c.out.GetIdle = c.takeLatencies()
	return err
}

// overwriteFree times Sets, and Gets beside them, while there is room: until half of it is
// used up. Nothing is compacted meanwhile.
func (c *churner) overwriteFree(*result) error {
	stop := c.readBeside(&c.out.GetWriting)
	err := c.latency(0, c.free(), c.set)
	c.out.SetNotFull = c.takeLatencies()
	return errors.Join(err, stop())
}

func (c *churner) free() int { return int(float64(c.p.n) * min(c.p.limit-1, 1) / 2) }

// overwriteFull times Sets, and Gets beside them, in a cache that has come to its
// limit, and counts what is written for what is set.
func (c *churner) overwriteFull(r *result) error {
	if err := c.each(c.free(), fillingParts*c.p.n, c.set); err != nil {
		return err
	}
	before, err := c.cache.Stats()
	if err != nil {
		return err
	}
	stop := c.readBeside(&c.out.GetCompacting)
	full := &side{name: "cache", do: c.timeSet}
	for i := range c.p.rounds {
		from := (fillingParts + i) * c.p.n
		if err = c.round(full, from, from+c.p.n); err != nil {
			break
		}
		c.bar.step()
	}
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	after, err := c.cache.Stats()
	r.setRate(full.rate())
	r.Seconds, r.Disk, r.Written = full.spent.Seconds(), after.DiskBytes, after.WrittenBytes
	c.mergeLatencies()
	r.setLatencies(c.workers[0].hist)
	c.out.SetFull = c.takeLatencies()
	c.out.WriteAmplification = part(after.WrittenBytes-before.WrittenBytes, after.SetBytes-before.SetBytes)
	c.out.Compactions = after.Compactions - before.Compactions
	c.out.Space, c.out.SpaceMost = part(after.DiskBytes, c.live), part(c.most.Load(), c.live)
	return err
}

// lookEvery is after how many Sets the space is looked at.
const lookEvery = 64

// timeSet sets a key, times that, and looks at the space now and then.
func (c *churner) timeSet(w *worker, i int) error {
	if err := w.timed(func() error { return c.set(w, i) }); err != nil || i%lookEvery != 0 {
		return err
	}
	used, err := c.cache.DiskUsage()
	for most := c.most.Load(); used > most && !c.most.CompareAndSwap(most, used); most = c.most.Load() {
	}
	return err
}

// readBeside times Gets until stop is called, which puts their times into l.
func (c *churner) readBeside(l *latencies) (stop func() error) {
	w := newWorker(c.p.keySize, c.workers[0].value)
	quit, done := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-quit:
				done <- nil
				return
			default:
			}
			if err := w.timed(func() error { return c.get(w, i) }); err != nil {
				<-quit
				done <- err
				return
			}
		}
	}()
	return func() error {
		close(quit)
		err := <-done
		*l = latenciesOf(w.hist)
		return err
	}
}

// overwriteAll sets each key three times, and then leaves the cache alone for a while.
func (c *churner) overwriteAll(*result) error {
	for range 3 {
		c.order = permutation(c.rand, c.p.n)
		if err := c.each(0, c.p.n, c.set); err != nil {
			return err
		}
	}
	used, err := c.cache.DiskUsage()
	if err != nil {
		return err
	}
	c.out.SpaceOverwritten = part(used, c.live)
	time.Sleep(c.p.settle)
	used, err = c.cache.DiskUsage()
	c.out.SpaceSettled = part(used, c.live)
	return err
}

// check finds out whether all keys are there still.
func (c *churner) check(*result) error {
	n, err := c.cache.Len()
	if err == nil && n != c.p.n {
		err = fmt.Errorf("%d keys were set and %d are there", c.p.n, n)
	}
	if err != nil {
		return err
	}
	c.order = sequence(c.p.n)
	return c.each(0, c.p.n, c.get)
}

// takeLatencies returns what the first worker has measured, and begins anew.
func (c *churner) takeLatencies() latencies {
	l := latenciesOf(c.workers[0].hist)
	for _, w := range c.workers {
		w.hist.Reset()
	}
	return l
}

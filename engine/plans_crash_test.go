package engine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// A power cut loses commits between others that stay. What the engine then knows of
// which record stands above which is not what it knew when it wrote them; whatever it
// shows after the crash it has to show from then on, whichever segments are cleared.

// plansAfterCrash recovers from crash images of a workload, and clears the segments
// of each in several orders.
type plansAfterCrash struct {
	opt    Options
	keys   []string
	orders int
	images int
	done   int
}

func (p *plansAfterCrash) image(img *vfs.Mem, seed uint64) error {
	p.images++
	img.NoTrace = true
	e, err := Open(img.Clone(), p.opt)
	if err != nil {
		return err
	}
	ids := sealedIDs(e)
	want, err := observe(e, p.keys)
	if err := join(err, e.Close()); err != nil {
		return err
	}
	for i := range p.orders {
		if len(ids) == 0 {
			break
		}
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		plan := ids[:1+r.IntN(len(ids))]
		if err := p.carryOut(img.Clone(), plan, want, r); err != nil {
			return fmt.Errorf("segments %v cleared: %w", plan, err)
		}
		p.done++
	}
	return nil
}

func (p *plansAfterCrash) carryOut(disk *vfs.Mem, plan []uint64, want shown, r *rand.Rand) error {
	e, err := Open(disk, p.opt)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // a second time where all is well
	if err := e.sealRest(); err != nil {
		return err
	}
	want = maps.Clone(want)
	for i, id := range plan {
		if i == len(plan)/2 { // what is deleted after the crash stays so
			for _, key := range p.keys {
				if r.IntN(3) > 0 {
					continue
				}
				if _, err := e.Delete(key); err != nil {
					return err
				}
				delete(want, key)
			}
			e.w.mu.Lock()
			for i, w := range e.w.active {
				if w != nil && !w.Empty() && r.IntN(2) == 0 {
					e.bg.seal(w)
					e.w.active[i] = nil
				}
			}
			e.w.mu.Unlock()
		}
		if err := clearSegment(e, id); err != nil {
			return fmt.Errorf("clear %d: %w", id, err)
		}
		if r.IntN(2) == 0 {
			if err := e.syncDropped(false); err != nil {
				return err
			}
		}
	}
	if r.IntN(2) == 0 { // what was moved, and what was deleted since the crash
		for _, id := range sealedIDs(e) {
			if err := clearSegment(e, id); err != nil {
				return fmt.Errorf("clear %d: %w", id, err)
			}
		}
	}
	if err := same(disk.Clone(), p.opt, want, "killed"); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	return same(disk, p.opt, want, "closed")
}

func TestPlansAfterCrash(t *testing.T) {
	t.Parallel()
	seeds, stride, orders := uint64(1), 3, 3
	switch {
	case torture():
		seeds, stride, orders = 6, 1, 8
	case raceEnabled || testing.Short():
		stride, orders = 17, 1
	}
	from := sampleFrom(t, stride)
	var images, plans atomic.Int64
	t.Run("workloads", func(t *testing.T) {
		for i, w := range workloads() {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				d := newDriver(vfs.NewMem(), w.opt, 0, uint64(i))
				require.NoError(t, attempt(d, w.run))
				for seed := range seeds {
					o := d.opt
					now := crashClock.Add(w.later)
					o.Now = func() time.Time { return now }
					p := &plansAfterCrash{opt: o, orders: orders}
					d.disk.Crashes(vfs.CrashOptions{Seed: seed, PerPoint: 3, Stride: stride, From: (from + i) % stride, Garbage: seed%2 == 1}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
						p.keys = newOracle(nil, c.Notes, true).keys()
						require.NoError(t, p.image(img, seed<<32+uint64(c.Index)), "seed %d, after %d changes (the last: %s), variant %q, notes %v",
							seed, c.Index, c.Op, c.Variant, c.Notes)
						return true
					})
					images.Add(int64(p.images))
					plans.Add(int64(p.done))
				}
			})
		}
	})
	t.Logf("%d crash images, %d plans", images.Load(), plans.Load())
}

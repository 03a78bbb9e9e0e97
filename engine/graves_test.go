package engine

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestGravesEnd: a segment whose drop was never synced, because what held it was itself
// dropped before, goes as soon as the later drop is on the disk.
func TestGravesEnd(t *testing.T) {
	p := newPlanStore(t, 5, false, nil)
	disk := p.disk.Clone()
	e, err := Open(disk, p.opt)
	require.NoError(t, err)
	for range 3 {
		for _, id := range sealedIDs(e) {
			require.NoError(t, clearSegment(e, id))
		}
		(&driver{e: e}).rotateAll()
	}
	require.NoError(t, e.syncDropped(false))
	require.Zero(t, e.graves.waiting(), "bytes of segments wait for a sync that never comes")
	require.Eventually(t, func() bool { // the background may still be reading one
		return e.syncDropped(false) == nil && len(e.graves.ids()) == 0
	}, time.Minute, time.Millisecond)
	s, err := stateOf(e)
	require.NoError(t, err)
	require.NoError(t, sameState(s, p.want))
	require.NoError(t, e.Close())
	require.NoError(t, p.opens(disk, "closed"))
}

// partly clears the first n records of a segment, as a walk does whose batch is full.
func partly(e *Engine, s *segment.Segment, n int) error {
	e.w.mu.Lock()
	b := e.batchOf(s, e.compacts)
	e.w.mu.Unlock()
	entries, err := e.entriesOf(s)
	if err != nil {
		return err
	}
	closed := b.w.closed
	b.w.entries, b.w.closed = entries[:n], false
	if err := b.read(e, math.MaxInt); err != nil {
		return err
	}
	b.w.entries, b.w.closed = entries, closed
	return e.commitBatch(b, 0, false)
}

// TestCopiesApart: where a segment is cleared in parts, whose copies go to several
// segments, what drops the later part is of no use without the copies of the first.
func TestCopiesApart(t *testing.T) {
	for _, way := range []string{"running", "killed", "dropped between"} {
		t.Run(way, func(t *testing.T) {
			d := newDriver(vfs.NewMem(), Options{oneStream: true}, 0, 1)
			d.open()
			d.set("a", 20)
			d.set("b", 30)
			d.rotate()
			d.sync()
			id := sealedIDs(d.e)[0]
			require.NoError(t, partly(d.e, segmentByID(d.e, id), 1))
			d.rotateAll() // the copy of a is in a segment that is not synced
			if way == "dropped between" {
				copied := sealedIDs(d.e)[1]
				require.NoError(t, clearSegment(d.e, copied))
				d.rotateAll()
			}
			require.NoError(t, clearSegment(d.e, id))
			last := d.e.w.active[kept]
			if last == nil {
				last = d.e.w.active[moved]
			}
			_, err := last.Seal(nil)
			require.NoError(t, err)
			if way == "killed" {
				disk := d.disk.Clone()
				d.close()
				d.disk = disk
				d.open()
			}
			require.NoError(t, d.e.retireDropped())
			n := 0
			d.disk.Crashes(vfs.CrashOptions{From: d.disk.Events(), PerPoint: 100}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
				n++
				require.NoError(t, same(img, d.opt, shown{"a": 1, "b": 2}, c.Variant))
				return true
			})
			require.Greater(t, n, 1)
			require.NoError(t, d.e.syncDropped(false))
			require.Empty(t, d.e.graves.ids())
			require.NoError(t, d.e.Close())
		})
	}
}

// TestPartMayComeBack: a tombstone outlives the part of a segment that it guards until
// the drop of that part is on the disk.
func TestPartMayComeBack(t *testing.T) {
	d := newDriver(vfs.NewMem(), Options{}, 0, 1)
	d.open()
	begin := func(to stream, key string) {
		r := &request{ops: make([]Op, 1), to: to}
		require.NoError(t, d.e.prepare(&r.ops[0], key, []byte("v"), Attrs{}, false))
		require.NoError(t, d.e.commitOnce(r))
	}
	begin(kept, "deleted")
	begin(fresh, "b")
	deleted, err := d.e.Delete("deleted")
	require.NoError(t, err)
	require.True(t, deleted)
	begin(kept, "a") // above the tombstone
	d.rotateAll()
	d.sync()
	d.background()
	ids := sealedIDs(d.e)
	require.Len(t, ids, 2)
	from := d.disk.Events()
	require.NoError(t, partly(d.e, segmentByID(d.e, ids[0]), 1))
	require.NoError(t, clearSegment(d.e, ids[1]))
	n := 0
	d.disk.Crashes(vfs.CrashOptions{Seed: 1, PerPoint: 50, From: from}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		n++
		e, err := Open(img, d.opt)
		require.NoError(t, err)
		has := func(key string) bool { _, err := e.Get(key, nil); return err == nil }
		require.False(t, has("deleted"), c.Variant)
		require.True(t, has("a") && has("b"), c.Variant)
		require.NoError(t, e.Close())
		return true
	})
	require.Greater(t, n, 1)
	require.NoError(t, d.e.Close())
}

// TestClearTakesGraves: what was dropped before a Clear, and not synced, goes with it.
func TestClearTakesGraves(t *testing.T) {
	p := newPlanStore(t, 5, false, nil)
	disk := p.disk.Clone()
	e, err := Open(disk, p.opt)
	require.NoError(t, err)
	ids := sealedIDs(e)
	require.NoError(t, clearSegment(e, ids[0]))
	require.NoError(t, partly(e, segmentByID(e, ids[1]), 2))
	_, err = e.Clear()
	require.NoError(t, err)
	gone := func() bool { return e.syncDropped(false) == nil && len(e.graves.ids()) == 0 }
	require.Eventually(t, gone, time.Minute, time.Millisecond) // the background may be at it
	require.NoError(t, same(disk.Clone(), p.opt, shown{}, "killed"))
	require.NoError(t, e.Close())
	require.NoError(t, same(disk, p.opt, shown{}, "closed"))
}

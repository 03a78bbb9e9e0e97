package engine

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// newOvertaken returns a store with a segment of a and b, which are on the disk, and a
// batch that was read of it.
func newOvertaken(t *testing.T) (*driver, *batch) {
	d := newDriver(vfs.NewMem(), Options{}, 0, 1)
	d.open()
	d.set("a", 20)
	d.set("b", 30)
	d.rotate()
	d.sync()
	return d, d.batch(t)
}

// batch reads all of the oldest segment.
func (d *driver) batch(t *testing.T) *batch {
	id := sealedIDs(d.e)[0]
	d.e.w.mu.Lock()
	b := d.e.batchOf(segmentByID(d.e, id), d.e.compacts)
	d.e.w.mu.Unlock()
	require.NoError(t, b.read(d.e, math.MaxInt))
	return b
}

// TestOvertakenMove: what was read to be moved is set before the batch is committed. The
// new item is not on the disk, and the old one is not to go before it is.
func TestOvertakenMove(t *testing.T) {
	d, b := newOvertaken(t)
	d.set("a", 40)
	require.Equal(t, errStale, d.e.commitBatch(b, 0, false))
	d.disk.Crashes(vfs.CrashOptions{From: d.disk.Events(), PerPoint: 100}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		e, err := Open(img, d.opt)
		require.NoError(t, err)
		found, err := observe(e, []string{"a", "b"})
		require.NoError(t, err)
		require.NotZero(t, found["a"])
		require.NotZero(t, found["b"])
		require.NoError(t, e.Close())
		return true
	})
	d.close()
}

// TestOvertakenBatch: another has cleared the segment of a batch, whose slot another
// segment has by now.
func TestOvertakenBatch(t *testing.T) {
	d, _ := newOvertaken(t)
	d.del("a")
	d.del("b")
	first, second := d.batch(t), d.batch(t)
	require.NoError(t, d.e.commitBatch(first, 0, false))
	d.rotate()
	d.set("c", 20)
	require.Equal(t, errStale, d.e.commitBatch(second, 0, false))
	d.set("d", 20)
	want := shown{"c": 5, "d": 6}
	require.NoError(t, same(d.disk.Clone(), d.opt, want, "killed"))
	d.close()
	require.NoError(t, same(d.disk, d.opt, want, "closed"))
}

// TestOvertakenPick: what was picked to be deleted is set before that is committed.
func TestOvertakenPick(t *testing.T) {
	d, _ := newOvertaken(t)
	s := segmentByID(d.e, sealedIDs(d.e)[0])
	n := 0
	require.NoError(t, d.e.pick(s, func(*codec.HintEntry) (bool, error) {
		if n++; n == 1 {
			d.set("a", 50)
		}
		return true, nil
	}, func(*tally, int64) {}))
	require.NoError(t, same(d.disk.Clone(), d.opt, shown{"a": 3}, "killed"))
	d.close()
}

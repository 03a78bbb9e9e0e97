package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

func TestB7(t *testing.T) {
	d := newDriver(vfs.NewMem(), Options{}, 0, 1)
	d.open()
	d.set("k", 20)
	d.rotate()
	d.sync()
	d.del("k")
	d.rotate()
	d.set("pad", 600)
	d.set("k", 600)
	d.set("pad", 600)
	d.del("k")
	bad, n := 0, 0
	d.disk.Crashes(vfs.CrashOptions{From: d.disk.Events(), PerPoint: 2000}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		n++
		img.NoTrace = true
		e, err := Open(img, d.opt)
		require.NoError(t, err)
		found, err := observe(e, []string{"k"})
		require.NoError(t, err)
		ids := sealedIDs(e)
		for _, id := range ids[1:] {
			require.NoError(t, clearSegment(e, id))
		}
		require.NoError(t, e.syncDropped(false))
		if err := same(img.Clone(), d.opt, found, ""); err != nil && len(found) == 0 {
			bad++
		}
		require.NoError(t, e.Close())
		return true
	})
	t.Log(bad, "of", n)
	d.close()
}

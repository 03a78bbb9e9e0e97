package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestDamageHidesOlder: where the key of the newest record is damaged, its hint alone
// keeps an older one from coming to light. Compaction does not let it go.
func TestDamageHidesOlder(t *testing.T) {
	const key = "the-key"
	for _, deleted := range []bool{false, true} {
		d := newDriver(vfs.NewMem(), Options{oneStream: true}, 0, 1)
		d.open()
		d.set(key, 30)
		d.set("a", 30)
		d.rotateAll()
		if deleted {
			d.del(key)
		} else {
			d.set(key, 40)
		}
		d.set("b", 30)
		d.rotateAll()
		d.background()
		ids := sealedIDs(d.e)
		require.Len(t, ids, 2)
		name := segmentByID(d.e, ids[1]).Name()
		d.close()

		b := d.disk.ReadFile(name)
		at := strings.Index(string(b), key)
		require.Positive(t, at)
		b[at] ^= 0x55
		d.disk.WriteFile(name, b)

		d.open()
		require.NoError(t, clearSegment(d.e, ids[1]))
		require.NoError(t, d.e.Compact())
		require.NoError(t, d.e.syncDropped(false))
		_, err := d.e.Get(key, nil)
		require.Error(t, err)
		killed := d.disk.Clone()
		_ = d.e.Close() // which may tell of the damage
		for _, disk := range []*vfs.Mem{killed, d.disk} {
			e, err := Open(disk, d.opt)
			require.NoError(t, err)
			_, err = e.Get(key, nil)
			require.Error(t, err, "deleted %v: an older record is back", deleted)
			for _, k := range []string{"a", "b"} {
				_, err = e.Get(k, nil)
				require.NoError(t, err)
			}
			_ = e.Close()
		}
	}
}

package engine

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/go-diskcache/diskcache/evict"
)

// smallDisk mounts a disk of a size, where that is allowed.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skipf("no disk of our own: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// TestSmallDisk fills a real disk, without any limit, with a cache that may give up
// items: every set has its room, and what is there is right. One that may not
// keeps all.
func TestSmallDisk(t *testing.T) {
	for p := evict.S3FIFO; p.Valid(); p++ {
		t.Run(p.String(), func(t *testing.T) {
			dir := smallDisk(t, "4m")
			o := Options{SegmentSize: 128 << 10, FileThreshold: 30 << 10, Policy: p}
			e := openDisk(t, dir, o)
			kept := make(map[string]int)
			for i := range 4000 {
				key := nth("k", i)
				want := oracleBytes(i, 100+i*37%8000)
				if i%50 == 0 {
					want = oracleBytes(i, 60<<10)
				}
				err := e.Set(key, want, Attrs{})
				if p == evict.None && err != nil {
					require.ErrorIs(t, err, ErrNoSpace)
					continue
				}
				require.NoError(t, err, "set %d", i)
				kept[key] = i
				got, err := e.Get(key, nil)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got))
			}
			there := 0
			for key, i := range kept {
				got, err := e.Get(key, nil)
				if p != evict.None && isMiss(err) {
					continue
				}
				require.NoError(t, err)
				require.True(t, bytes.Equal(oracleBytes(i, len(got)), got))
				there++
			}
			require.Greater(t, there, 300)
			ok, err := e.Delete(nth("k", 3999))
			require.NoError(t, err)
			require.Equal(t, p != evict.None, ok)
			_ = e.Close() // tells of hints that there was no space for
			e = openDisk(t, dir, o)
			problems, err := e.Check(false)
			require.NoError(t, err)
			for _, p := range problems {
				require.Equal(t, errOrphan, p.Err, "%s", p)
			}
			_ = e.Close()
		})
	}
}

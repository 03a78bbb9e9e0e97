package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// onDisk sums the sizes of all files, as du would.
func onDisk(m *vfs.Mem) int64 {
	var n int64
	for _, content := range m.Files() {
		n += int64(len(content))
	}
	return n
}

// countsAll asks for the usage to be what is on the disk, once the background has counted what it may
// just have removed or added, and others have told so.
func countsAll(t *testing.T, mem *vfs.Mem, e *Engine, others ...*Engine) {
	t.Helper()
	assert.Eventually(t, func() bool {
		agreeOnCounts(t, append(slices.Clip(others), e)...)
		return onDisk(mem) == e.DiskUsage()
	}, time.Minute, time.Millisecond)
	require.Equal(t, onDisk(mem), e.DiskUsage(), "%s", listFiles(mem))
}

// TestLimitCountsFilesBeforeTheyAreNamed: a transaction writes the files of its
// large values before it commits.
func TestLimitCountsFilesBeforeTheyAreNamed(t *testing.T) {
	const limit = 4 << 20
	mem := vfs.NewMem()
	e, err := Open(mem, Options{SizeLimit: limit, Policy: evict.None})
	require.NoError(t, err)
	large := []byte(strings.Repeat("v", 1<<20))
	err = e.Update(func(tx *Tx) error {
		for i := range 30 {
			if err := tx.Set(fmt.Sprint(i), large, Attrs{}); err != nil {
				require.LessOrEqual(t, onDisk(mem), int64(limit), "at value %d", i)
				return err
			}
		}
		return nil
	})
	require.ErrorIs(t, err, ErrFull)
	require.Less(t, onDisk(mem), int64(1<<20), "what was written is taken back")
	countsAll(t, mem, e)
	require.NoError(t, e.Close())
}

// TestLimitHoldsAfterClose: hints and the snapshot are part of what a limit bounds,
// also of that which they will take.
func TestLimitHoldsAfterClose(t *testing.T) {
	limits := []int64{1 << 20, 8 << 20, 32 << 20}
	switch {
	case raceEnabled:
		limits = limits[:1] // one goroutine, mostly
	case testing.Short():
		limits = limits[:2]
	}
	for _, limit := range limits {
		t.Run(fmt.Sprint(limit>>20, " MiB"), func(t *testing.T) {
			mem := vfs.NewMem()
			for round := range 2 {
				e, err := Open(mem, Options{SizeLimit: limit, Policy: evict.None})
				require.NoError(t, err)
				n := 0
				for ; err == nil; n++ {
					err = e.Set(fmt.Sprint(round, n), nil, Attrs{})
				}
				require.ErrorIs(t, err, ErrFull)
				require.NoError(t, e.Sync())
				require.LessOrEqual(t, onDisk(mem), limit)
				require.NoError(t, e.Close())
				require.LessOrEqual(t, onDisk(mem), limit, "after close, with %d items", n)
			}
			require.Greater(t, onDisk(mem), limit*3/4, "room is left unused")
		})
	}
}

// TestUsageOfOrphans: value files that nothing names count until they are gone.
func TestUsageOfOrphans(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
	require.NoError(t, e.Close())
	require.NoError(t, mem.Mkdir(codec.ValuesDir))
	mem.WriteFile(codec.ValueName(7), make([]byte, 5000))

	e, err = Open(mem, Options{})
	require.NoError(t, err)
	_, err = e.values.orphans()
	require.NoError(t, err)
	countsAll(t, mem, e)
	require.NoError(t, e.values.removeOrphans(false))
	countsAll(t, mem, e)
	require.NoError(t, e.Close())
}

// TestUsageAfterFix: Check(true) writes hints, and they count.
func TestUsageAfterFix(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{SegmentSize: 512})
	require.NoError(t, err)
	for i := range 50 {
		require.NoError(t, e.Set(fmt.Sprint(i), []byte("value"), Attrs{}))
	}
	require.NoError(t, e.Sync())
	removed := false
	for _, name := range mem.Names() {
		if kind, _, ok := codec.ParseName(name); ok && kind == codec.NameHint && !removed {
			removed = true
			before := onDisk(mem)
			mem.WriteFile(name, mem.ReadFile(name)[:40])
			e.stats.disk.Add(onDisk(mem) - before) // a change from outside
		}
	}
	problems, err := e.Check(true)
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.True(t, problems[0].Fixed)
	countsAll(t, mem, e)
	require.NoError(t, e.Close())
}

// lookFS calls look before it removes a value file.
type lookFS struct {
	vfs.FS
	look func()
}

func (f *lookFS) Remove(name string) error {
	if strings.HasPrefix(name, codec.ValuesDir) {
		f.look()
	}
	return f.FS.Remove(name)
}

// TestFileIsKnownUntilItIsGone: a value file that is about to be removed is nobody's
// orphan, and counts.
func TestFileIsKnownUntilItIsGone(t *testing.T) {
	mem := vfs.NewMem()
	var e *Engine
	looks := 0
	look := func() {
		looks++
		orphans, err := e.values.orphans()
		require.NoError(t, err)
		require.Empty(t, orphans)
		countsAll(t, mem, e)
	}
	e, err := Open(&lookFS{mem, look}, Options{FileThreshold: 100})
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, e.Set("k", make([]byte, 1000), Attrs{}))
	}
	require.NoError(t, e.Sync())
	require.Equal(t, 2, looks)
	countsAll(t, mem, e)
	require.NoError(t, e.Close())
}

// TestUsageWithoutTemporaries: what a process that died was about to rename, or to write
// to, is removed by the next Open, and does not count.
func TestUsageWithoutTemporaries(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("v"), Attrs{}))
	require.NoError(t, e.Close())
	mem.WriteFile(codec.TempName(codec.SnapshotName, 1), make([]byte, 64))
	empty := codec.AppendSegmentHeader(nil, &codec.SegmentHeader{CacheID: e.id, ID: e.clock.next()})
	mem.WriteFile(codec.SegmentName(e.clock.last.Load()), empty)
	e, err = Open(mem, Options{})
	require.NoError(t, err)
	countsAll(t, mem, e)
	require.NoError(t, e.Close())
}

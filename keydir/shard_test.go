package keydir

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// What a reader does is done here by hand, a writer's steps in between.

func newShard(t *testing.T, entries uint64) (l layout, m *memory, s *shard) {
	l, m, s = newLayout(minPlaceBits), new(memory), new(shard)
	t.Cleanup(m.close)
	for i := uint64(1); i <= entries; i++ {
		require.True(t, s.insertLocked(&l, m, mix64(i)&l.xMask, i))
	}
	return l, m, s
}

// A reader that is still in a replaced table believes nothing that it sees there.
func TestReaderInOldTable(t *testing.T) {
	l, m, s := newShard(t, 100)
	there, absent := mix64(1)&l.xMask, mix64(1000)&l.xMask
	version, old := s.version.Load(), s.table.Load()
	w, holds := s.probe(&l, there, old, version)
	require.True(t, holds)
	require.EqualValues(t, 1, l.place(w))
	w, holds = s.probe(&l, absent, old, version)
	require.True(t, holds)
	require.Zero(t, w)

	require.True(t, s.resizeLocked(&l, m, 2*l.minN))
	_, holds = s.probe(&l, there, old, version)
	require.False(t, holds)
	_, holds = s.probe(&l, absent, old, version)
	require.False(t, holds)

	// Another shard gets the memory, and has an entry of the same x in it.
	var other shard
	require.True(t, other.insertLocked(&l, m, there, 77))
	if !raceEnabled {
		require.Same(t, unsafe.SliceData(old.buckets), unsafe.SliceData(other.table.Load().buckets))
		require.EqualValues(t, 77, l.place(old.find(&l, there)))
	}
	_, holds = s.probe(&l, there, old, version)
	require.False(t, holds)
	w, holds = s.probe(&l, there, s.table.Load(), s.version.Load())
	require.True(t, holds)
	require.EqualValues(t, 1, l.place(w))
}

// An insertion that moves another entry raises the version; others need not.
func TestMovesRaiseVersion(t *testing.T) {
	l, m, s := newShard(t, 1)
	slots := make(map[uint64]*uint64)
	moves := 0
	for i := uint64(2); ; i++ {
		version, table := s.version.Load(), s.table.Load()
		for n := uint64(1); n < i; n++ {
			slots[n] = table.slot(&l, mix64(n)&l.xMask)
		}
		require.True(t, s.insertLocked(&l, m, mix64(i)&l.xMask, i))
		if s.table.Load() != table {
			require.NotEqual(t, version/versionTable, s.version.Load()/versionTable)
			break
		}
		moved := uint64(0)
		for n, slot := range slots {
			if table.slot(&l, mix64(n)&l.xMask) != slot {
				moved++
				// Who missed it looks again, who found it need not.
				_, holds := s.probe(&l, mix64(n)&l.xMask, table, version)
				require.True(t, holds)
			}
		}
		require.Equal(t, moved, s.version.Load()-version)
		if moved > 0 {
			_, holds := s.probe(&l, mix64(1<<40)&l.xMask, table, version)
			require.False(t, holds)
		}
		require.LessOrEqual(t, moved, uint64(1))
		moves += int(moved)
	}
	require.NotZero(t, moves)
}

// A table that cannot grow is not tried again for each entry.
func TestGrowFails(t *testing.T) {
	l, m, s := newShard(t, 0)
	s.table.Store(emptyTable(maxN))
	s.used = 1000
	require.False(t, s.growLocked(&l, m))
	require.Greater(t, s.growFrom, s.used)
}

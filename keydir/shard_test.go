package keydir

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// What a reader does is done here by hand, a writer's steps in between.

func newShard(t *testing.T, entries uint64) (l layout, m *pool, s *shard) {
	l, m, s = newLayout(minPlaceBits), new(pool), new(shard)
	t.Cleanup(m.close)
	for i := uint64(1); i <= entries; i++ {
		require.True(t, s.insertLocked(&l, m, mix64(i)&l.xMask, i, 0))
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
	require.True(t, other.insertLocked(&l, m, there, 77, 0))
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
			slots[n] = slotOf(&l, table, mix64(n)&l.xMask)
		}
		require.True(t, s.insertLocked(&l, m, mix64(i)&l.xMask, i, 0))
		if s.table.Load() != table {
			require.NotEqual(t, version/versionTable, s.version.Load()/versionTable)
			break
		}
		moved := uint64(0)
		for n, slot := range slots {
			if slotOf(&l, table, mix64(n)&l.xMask) != slot {
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
	s.used.Store(1000)
	require.False(t, s.growLocked(&l, m))
	require.Greater(t, s.growFrom, 1000)
}

// The rank that a reader is told is that of the entry it asked for.
func TestRankOfAnother(t *testing.T) {
	l, m, s := newLayout(minPlaceBits), &pool{ranked: true}, new(shard)
	defer m.close()
	first := mix64(1) & l.xMask
	require.True(t, s.insertLocked(&l, m, first, 1, 11))
	table, version := s.table.Load(), s.version.Load()
	slot, rank, holds := s.probeRank(&l, first, 1, table, version)
	require.True(t, holds)
	require.NotNil(t, slot)
	require.EqualValues(t, 11, rank)
	slot, _, holds = s.probeRank(&l, first, 2, table, version)
	require.True(t, holds)
	require.Nil(t, slot)

	// The slot changes hands after it was found, or only its hits do.
	p, w, ok := table.position(&l, table.home(&l, first), 0, 0)
	require.True(t, ok)
	*table.slot(p) = w + l.hit()
	rank, ok = table.rankOf(&l, p, w)
	require.True(t, ok)
	require.EqualValues(t, 11, rank)
	table.set(p, w+1, 12)
	_, ok = table.rankOf(&l, p, w)
	require.False(t, ok)

	// Another entry has moved, and this one may have.
	s.version.Add(versionMove)
	_, _, holds = s.probeRank(&l, first, 2, table, version)
	require.False(t, holds)
}

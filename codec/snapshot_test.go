package codec

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sampleSnapshot() Snapshot {
	s := Snapshot{
		CacheID: exampleHeader().CacheID, Seq: exampleSeq, PlaceBits: 40, OffBits: 28,
		Segments: []SnapshotSegment{{ID: 1, Length: 4096, FirstSeq: 5, LastSeq: 7, LiveBytes: 1000, LiveCount: 10, Slot: 3, Stream: 1}, {ID: 2, Length: 64}},
		Values:   []SnapshotValue{{FileID: 9, Size: 1 << 20}},
		Shards:   make([]SnapshotShard, 2),
	}
	at := int64(s.HeadLen())
	s.Shards[0] = SnapshotShard{Offset: at, Length: 100, Sum: 1, Count: 5}
	s.Shards[1] = SnapshotShard{Offset: at + 104, Length: 8, Sum: 2, Count: 1}
	s.Side = SnapshotRegion{Offset: at + 112, Length: 17, Sum: 3}
	s.Policy = SnapshotRegion{Offset: at + 136, Length: 9, Sum: 4}
	s.Shards[0].Ranks = SnapshotRegion{Offset: at + 152, Length: 40, Sum: 5}
	s.Horizon, s.HorizonSeq = 99, 98
	return s
}

func TestSnapshotRoundTrip(t *testing.T) {
	size := rapid.Int64Range(0, math.MaxInt64)
	rapid.Check(t, func(t *rapid.T) {
		want := Snapshot{
			CacheID:   drawCacheID(t),
			Seq:       rapid.Uint64().Draw(t, "seq"),
			PlaceBits: rapid.Uint8Range(34, 44).Draw(t, "placeBits"),
			OffBits:   rapid.Uint8Range(0, 34).Draw(t, "offBits"),
			Horizon:   size.Draw(t, "horizon"), HorizonSeq: rapid.Uint64().Draw(t, "horizonSeq"),
			Segments: make([]SnapshotSegment, rapid.IntRange(0, 4).Draw(t, "segments")),
			Values:   make([]SnapshotValue, rapid.IntRange(0, 4).Draw(t, "values")),
			Shards:   make([]SnapshotShard, rapid.IntRange(0, 4).Draw(t, "shards")),
		}
		for i := range want.Segments {
			want.Segments[i] = SnapshotSegment{
				ID: rapid.Uint64().Draw(t, "id"), Length: size.Draw(t, "length"),
				FirstSeq: rapid.Uint64().Draw(t, "first"), LastSeq: rapid.Uint64().Draw(t, "last"),
				LiveBytes: size.Draw(t, "bytes"), LiveCount: size.Draw(t, "count"),
				FileBytes: size.Draw(t, "files"), TombBytes: size.Draw(t, "tombs"),
				Front: size.Draw(t, "front"), Earliest: size.Draw(t, "earliest"), Latest: size.Draw(t, "latest"),
				Slot: rapid.Uint32().Draw(t, "slot"), Stream: rapid.Uint16().Draw(t, "stream"), Flags: rapid.Uint16().Draw(t, "flags"),
			}
		}
		for i := range want.Values {
			want.Values[i] = SnapshotValue{FileID: rapid.Uint64().Draw(t, "id"), Size: size.Draw(t, "size")}
		}
		at := int64(alignUp(want.HeadLen()))
		region := func() (off, length int64) {
			off = at + Align*rapid.Int64Range(0, 1<<40).Draw(t, "off")
			return off, rapid.Int64Range(0, math.MaxInt64-off).Draw(t, "length")
		}
		optional := func(r *SnapshotRegion) {
			if rapid.Bool().Draw(t, "there") {
				off, length := region()
				*r = SnapshotRegion{Offset: off, Length: length, Sum: rapid.Uint64().Draw(t, "sum")}
			}
		}
		for i := range want.Shards {
			off, length := region()
			want.Shards[i] = SnapshotShard{Offset: off, Length: length, Sum: rapid.Uint64().Draw(t, "sum"), Count: size.Draw(t, "count")}
			optional(&want.Shards[i].Ranks)
		}
		optional(&want.Side)
		optional(&want.Policy)

		b := AppendSnapshotHead(dirty("x", 2000), &want)[1:]
		require.Len(t, b, want.HeadLen())
		n, err := SnapshotHeadLen(b[:snapshotHeaderLen])
		require.NoError(t, err)
		require.Equal(t, len(b), n)
		got, err := ParseSnapshotHead(append(b, "behind"...))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestSnapshotEnd(t *testing.T) {
	s := sampleSnapshot()
	require.Equal(t, s.Shards[0].Ranks.Offset+40, s.End())
	s.Shards[0].Ranks = SnapshotRegion{}
	require.Equal(t, s.Policy.Offset+9, s.End())
	s.Policy = SnapshotRegion{}
	require.Equal(t, s.Side.Offset+17, s.End())
	s.Side = SnapshotRegion{}
	require.Equal(t, s.Shards[1].Offset+8, s.End())
	s.Shards = nil
	require.EqualValues(t, s.HeadLen(), s.End())
}

func TestSnapshotRules(t *testing.T) {
	for name, forge := range map[string]func(s *Snapshot){
		"offset wider than place": func(s *Snapshot) { s.OffBits = s.PlaceBits + 1 },
		"place wider than a word": func(s *Snapshot) { s.PlaceBits = 65 },
		"shard in head":           func(s *Snapshot) { s.Shards[0].Offset -= 8 },
		"shard not aligned":       func(s *Snapshot) { s.Shards[0].Offset += 4 },
		"shard without end":       func(s *Snapshot) { s.Shards[0].Length = math.MaxInt64 },
		"shard of negative size":  func(s *Snapshot) { s.Shards[0].Length = -1 },
		"shard of negative count": func(s *Snapshot) { s.Shards[0].Count = -1 },
		"side in head":            func(s *Snapshot) { s.Side.Offset = 0 },
		"side without end":        func(s *Snapshot) { s.Side.Length = math.MaxInt64 },
		"negative length":         func(s *Snapshot) { s.Segments[0].Length = -1 },
		"negative bytes":          func(s *Snapshot) { s.Segments[0].LiveBytes = -1 },
		"negative count":          func(s *Snapshot) { s.Segments[0].LiveCount = -1 },
		"policy in head":          func(s *Snapshot) { s.Policy.Offset = 8 },
		"ranks in head":           func(s *Snapshot) { s.Shards[0].Ranks.Offset = 8 },
		"ranks without end":       func(s *Snapshot) { s.Shards[0].Ranks.Length = math.MaxInt64 },
		"negative horizon":        func(s *Snapshot) { s.Horizon = -1 },
		"negative expiry":         func(s *Snapshot) { s.Segments[0].Latest = -1 },
		"negative size":           func(s *Snapshot) { s.Values[0].Size = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := sampleSnapshot()
			b := AppendSnapshotHead(nil, &s)
			forge(&s)
			require.Panics(t, func() { AppendSnapshotHead(nil, &s) })
			appendSnapshotHead(b[:0], &s)
			_, err := ParseSnapshotHead(b)
			require.ErrorIs(t, err, ErrLength)
		})
	}
	for _, at := range []int{42, 43} {
		s := sampleSnapshot()
		b := AppendSnapshotHead(nil, &s)
		b[at] = 1
		_, err := ParseSnapshotHead(sumSnapshot(b))
		require.ErrorIs(t, err, ErrLength, "zero at %d", at)
	}
}

// sumSnapshot makes the sums of the head right again.
func sumSnapshot(b []byte) []byte {
	le.PutUint64(b[snapshotDirSumAt:], Sum(b[snapshotHeaderLen:]))
	return sumHeader(b, snapshotHeaderLen)
}

func TestSnapshotCountsAreNotBelieved(t *testing.T) {
	for _, at := range []int{44, 48, 52} {
		for count, want := range map[uint32]error{1<<32 - 1: ErrLength, 1 << 20: ErrShort} {
			s := sampleSnapshot()
			b := AppendSnapshotHead(nil, &s)
			le.PutUint32(b[at:], count)
			sumSnapshot(b)
			require.Less(t, allocated(func() {
				_, err := ParseSnapshotHead(b)
				require.ErrorIs(t, err, want)
			}), uint64(16<<10))
		}
	}
}

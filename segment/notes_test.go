package segment

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
)

// What is noted comes back in order, and stands in the hint as it was noted, however many pieces
// it fills.
func TestNotes(t *testing.T) {
	var n notes
	var want []codec.HintEntry
	h := codec.Hint{SegmentID: testID, FirstSeq: 1}
	off := int64(codec.SegmentHeaderLen + codec.FrameHeaderLen)
	for i := range 10000 {
		e := codec.HintEntry{Hash: uint64(i) * 7, Seq: uint64(i + 1), Off: off, Size: codec.MinRecordLen, Kind: codec.KindPut}
		n.add(&e)
		want = append(want, e)
		off += e.Size
	}
	require.Greater(t, len(n.pieces), 3)
	require.Equal(t, want, n.entries())
	h.Length, h.LastSeq = off, want[len(want)-1].Seq
	got, err := codec.ParseHint(codec.AppendHintOf(nil, &h, n.pieces))
	require.NoError(t, err)
	require.Equal(t, want, got.Entries)
	h.Entries = want
	require.Equal(t, codec.AppendHint(nil, &h), codec.AppendHintOf(nil, &h, n.pieces))
}

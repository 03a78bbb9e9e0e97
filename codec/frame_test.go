package codec

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func parseSampleFrame(b []byte) error {
	_, _, err := ParseFrameHeader(b, sampleID, sampleOff)
	return err
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Frame{
			Length: rapid.Int64Range(minFrameLen/Align, MaxFrameLen/Align).Draw(t, "length") * Align,
			Seq:    rapid.Uint64().Draw(t, "seq"),
			Prev:   rapid.Uint64().Draw(t, "prev"),
		}
		id, off := drawPlace(t)
		b := AppendFrameHeader(dirty("x", FrameHeaderLen), id, off, want)
		got, n, err := ParseFrameHeader(b[1:], id, off)
		require.NoError(t, err)
		require.Equal(t, FrameHeaderLen, n)
		require.Equal(t, want, got)
	})
}

func TestFrameDamage(t *testing.T) {
	b := AppendFrameHeader(nil, sampleID, sampleOff, Frame{Length: 4096, Seq: 1 << 60, Prev: 1<<60 - 1})
	requireFlips(t, b, parseSampleFrame)
	requireCuts(t, b, parseSampleFrame)
}

func TestFrameElsewhere(t *testing.T) {
	b := AppendFrameHeader(nil, sampleID, sampleOff, Frame{Length: 4096, Seq: 2, Prev: 1})
	rapid.Check(t, func(t *rapid.T) {
		if id, off := drawPlace(t); id != sampleID || off != sampleOff {
			_, _, err := ParseFrameHeader(b, id, off)
			require.ErrorIs(t, err, ErrChecksum)
		}
	})
}

func TestFrameRules(t *testing.T) {
	forge := func(units uint32) []byte {
		b := AppendFrameHeader(nil, sampleID, sampleOff, Frame{Length: 64})
		le.PutUint32(b[4:], units)
		le.PutUint32(b, placedSum(b, sampleID, sampleOff, frameSalt))
		return b
	}
	require.ErrorIs(t, parseSampleFrame(forge(0)), ErrLength)
	require.ErrorIs(t, parseSampleFrame(forge(7)), ErrLength, "no room for a record")
	require.NoError(t, parseSampleFrame(forge(8)))
	require.NoError(t, parseSampleFrame(forge(1<<32-1)))

	for _, length := range []int64{-8, 0, 24, 56, 65, MaxFrameLen + 8} {
		require.Panics(t, func() { AppendFrameHeader(nil, 1, 64, Frame{Length: length}) })
	}
	require.Panics(t, func() { AppendFrameHeader(nil, 1, 4, Frame{Length: 64}) })
}

// What a file system leaves where nothing was written.
func TestZerosAreNothing(t *testing.T) {
	zeros := make([]byte, 4096)
	for id := range uint64(100) {
		for off := int64(0); off < 4096; off += Align {
			_, _, err := ParseFrameHeader(zeros, id, off)
			require.ErrorIs(t, err, ErrChecksum)
			_, err = ParseRecord(zeros, id, off, new(Record))
			require.ErrorIs(t, err, ErrChecksum)
		}
	}
	_, _, err := ParseSegmentHeader(zeros)
	require.ErrorIs(t, err, ErrMagic)
}

// One structure does not pass for the other at the same place, even when
// their bytes could.
func TestFrameIsNoRecord(t *testing.T) {
	b := make([]byte, 64)
	rapid.Check(t, func(t *rapid.T) {
		id, off := drawPlace(t)
		require.NotEqual(t, placedSum(b, id, off, frameSalt), placedSum(b, id, off, recordSalt))
	})
}

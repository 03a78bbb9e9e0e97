package codec

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawHint(t *rapid.T) Hint {
	h := Hint{
		CacheID:   drawCacheID(t),
		SegmentID: rapid.Uint64().Draw(t, "segmentID"),
		FirstSeq:  rapid.Uint64().Draw(t, "firstSeq"),
		LastSeq:   rapid.Uint64().Draw(t, "lastSeq"),
	}
	at := int64(firstRecordAt)
	for range rapid.IntRange(0, 20).Draw(t, "count") {
		e := HintEntry{
			Hash:    rapid.Uint64().Draw(t, "hash"),
			Seq:     rapid.Uint64().Draw(t, "seq"),
			Off:     at + Align*rapid.Int64Range(0, 1<<24).Draw(t, "gap"),
			Size:    MinRecordLen + Align*rapid.Int64Range(0, 1<<24).Draw(t, "size"),
			Kind:    rapid.SampledFrom([]Kind{KindPut, KindTombstone, KindDrop, kindSkippable}).Draw(t, "kind"),
			Flags:   Flags(rapid.Byte().Draw(t, "flags")) &^ flagReserved,
			Expires: rapid.Int64Range(0, math.MaxUint32).Draw(t, "expires"),
		}
		at = e.Off + e.Size
		h.Entries = append(h.Entries, e)
	}
	h.Length = max(at, SegmentHeaderLen) + Align*rapid.Int64Range(0, 100).Draw(t, "rest")
	return h
}

func TestHintRoundTrip(t *testing.T) {
	var reused Hint
	rapid.Check(t, func(t *rapid.T) {
		want := drawHint(t)
		b := AppendHint(dirty("x", 10_000), &want)[1:]
		got, err := ParseHint(b)
		require.NoError(t, err)
		if len(got.Entries) == 0 {
			got.Entries = nil
		}
		require.Equal(t, want, got)

		require.NoError(t, ParseHintInto(b, &reused))
		require.True(t, bytes.Equal(b, AppendHint(nil, &reused)))
	})
}

func TestHintExpires(t *testing.T) {
	for ns, sec := range map[int64]int64{
		0: 0, 1: 1, 1e9 - 1: 1, 1e9: 1, 1e9 + 1: 2, -1: 1, math.MinInt64: 1,
		math.MaxUint32 * 1e9: math.MaxUint32, (math.MaxUint32 + 1) * 1e9: math.MaxUint32, math.MaxInt64: math.MaxUint32,
	} {
		require.Equal(t, sec, HintExpires(ns), "%d", ns)
	}
	h := exampleHint()
	for _, sec := range []int64{math.MaxUint32, math.MaxUint32 + 1, 1 << 33, math.MaxInt64} {
		h.Entries[0].Expires = sec
		got, err := ParseHint(AppendHint(nil, &h))
		require.NoError(t, err)
		require.Equal(t, int64(math.MaxUint32), got.Entries[0].Expires)
	}
}

// sumHint makes the sums of a hint right again.
func sumHint(b []byte) []byte {
	le.PutUint64(b[72:], Sum(b[hintHeaderLen:]))
	return sumHeader(b, hintHeaderLen)
}

func TestHintRules(t *testing.T) {
	const one, two = hintHeaderLen, hintHeaderLen + hintEntryLen
	for name, forge := range map[string]func(b []byte){
		"length not of a segment": func(b []byte) { le.PutUint64(b[40:], 56) },
		"length not aligned":      func(b []byte) { le.PutUint64(b[40:], 209) },
		"length negative":         func(b []byte) { le.PutUint64(b[40:], 1<<63) },
		"length too long":         func(b []byte) { le.PutUint64(b[40:], uint64(MaxSegmentLen+Align)) },
		"entry past length":       func(b []byte) { le.PutUint64(b[40:], 200) },
		"entry in header":         func(b []byte) { le.PutUint32(b[one+16:], 10) },
		"entries overlap":         func(b []byte) { le.PutUint32(b[two+16:], 19) },
		"entries out of order":    func(b []byte) { swapBytes(b[one:two], b[two:]) },
		"entry too small":         func(b []byte) { le.PutUint32(b[two+20:], 4) },
		"entry too large":         func(b []byte) { le.PutUint32(b[two+20:], 1<<32-1) },
		"kind 0":                  func(b []byte) { b[one+24] = 0 },
		"kind mark":               func(b []byte) { b[one+24] = byte(KindMark) },
		"kind 127":                func(b []byte) { b[one+24] = 127 },
		"reserved flag":           func(b []byte) { b[one+25] |= 0x80 },
		"zero of entry":           func(b []byte) { b[one+27] = 1 },
		"one entry more":          func(b []byte) { b[64] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			h := exampleHint()
			b := AppendHint(nil, &h)
			forge(b)
			_, err := ParseHint(sumHint(b))
			require.ErrorIs(t, err, ErrLength)
		})
	}
}

func swapBytes(a, b []byte) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

func TestHintPanics(t *testing.T) {
	for name, spoil := range map[string]func(h *Hint){
		"mark":         func(h *Hint) { h.Entries[0].Kind = KindMark },
		"out of order": func(h *Hint) { h.Entries[0], h.Entries[1] = h.Entries[1], h.Entries[0] },
		"past length":  func(h *Hint) { h.Length -= Align },
		"not aligned":  func(h *Hint) { h.Entries[1].Off++ },
		"no length":    func(h *Hint) { h.Length = 0; h.Entries = nil },
		"expired":      func(h *Hint) { h.Entries[0].Expires = -1 },
	} {
		h := exampleHint()
		spoil(&h)
		require.Panics(t, func() { AppendHint(nil, &h) }, name)
	}
}

// A count is compared with what there is before room is made for it.
func TestHintCountIsNotBelieved(t *testing.T) {
	h := exampleHint()
	b := AppendHint(nil, &h)
	le.PutUint32(b[64:], 1<<32-1)
	sumHint(b)
	require.Less(t, allocated(func() {
		_, err := ParseHint(b)
		require.ErrorIs(t, err, ErrShort)
	}), uint64(16<<10))
}

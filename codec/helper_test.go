package codec

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// requireFlips flips every bit of b in turn and requires that parse refuses it.
func requireFlips(t *testing.T, b []byte, parse func(b []byte) error) {
	t.Helper()
	require.NoError(t, parse(b))
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			if parse(c) == nil {
				t.Errorf("bit %d of byte %d is flipped, and nobody sees it", bit, i)
			}
		}
	}
}

// requireCuts cuts b at every byte and requires that parse finds it short.
func requireCuts(t *testing.T, b []byte, parse func(b []byte) error) {
	t.Helper()
	require.NoError(t, parse(b))
	for i := range b {
		// The capacity goes too: nothing may be read from behind the end.
		require.ErrorIs(t, parse(bytes.Clone(b[:i:i])), ErrShort, "cut at %d", i)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func drawPlace(t *rapid.T) (id uint64, off int64) {
	return rapid.Uint64().Draw(t, "id"), rapid.Int64Range(0, MaxSegmentLen/Align-1).Draw(t, "off") * Align
}

func drawBytes(t *rapid.T, name string, limit int) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, limit).Draw(t, name)
}

func drawCacheID(t *rapid.T) [16]byte {
	return [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "cacheID"))
}

// drawRecord makes any record that may be written, its Sum set.
func drawRecord(t *rapid.T) Record {
	r := Record{
		Kind:    rapid.SampledFrom([]Kind{KindPut, KindPut, KindPut, KindTombstone, KindDrop, KindMark, kindSkippable, 255}).Draw(t, "kind"),
		Flags:   Flags(rapid.Byte().Draw(t, "flags")) & (FlagReplaced | FlagCollides),
		User:    rapid.Uint16().Draw(t, "user"),
		Hash:    rapid.Uint64().Draw(t, "hash"),
		Seq:     rapid.Uint64().Draw(t, "seq"),
		Expires: rapid.SampledFrom([]int64{0, 0, 1, -1, 1 << 62, -1 << 63}).Draw(t, "expires"),
	}
	r.First = rapid.SampledFrom([]uint64{0, r.Seq, 1, 1<<64 - 1}).Draw(t, "first")
	r.Stored = rapid.SampledFrom([]uint64{0, r.Seq, 1, 1<<64 - 1}).Draw(t, "stored")
	if r.Kind == KindDrop {
		r.Expires = rapid.SampledFrom([]int64{0, Align, 88, math.MaxUint32 * Align}).Draw(t, "offset")
	}
	if r.Kind != KindDrop && r.Kind != KindMark {
		r.Key = drawBytes(t, "key", 40)
		r.Tag = drawBytes(t, "tag", 12)
	}
	if r.Kind == KindPut || r.Kind.Skippable() {
		r.Value = drawBytes(t, "value", 300)
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			r.Flags |= FlagFile
		case 1:
			r.Compression = rapid.SampledFrom([]Compression{LZ4, Zstd}).Draw(t, "compression")
			r.RawLen = uint32(len(r.Value)) + rapid.Uint32Range(1, 1<<20).Draw(t, "saved")
		}
	}
	r.Digest()
	return r
}

// dirty returns room for n bytes that holds rubbish, behind a prefix.
func dirty(prefix string, n int) []byte {
	b := append([]byte(prefix), bytes.Repeat([]byte{0xAA}, n)...)
	return slices.Clip(b)[:len(prefix)]
}

package codec

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sampleFileRef() []byte {
	return AppendFileRef(nil, &FileRef{ID: 5, Size: 300_000, ChunkSize: DefaultChunkSize, Sums: []uint64{1, 2}})
}

func TestFileRefRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chunkLog := rapid.IntRange(minChunkLog, maxChunkLog).Draw(t, "chunkLog")
		want := FileRef{
			ID:        rapid.Uint64().Draw(t, "id"),
			ChunkSize: 1 << chunkLog,
			Sums:      rapid.SliceOfN(rapid.Uint64(), 0, 5).Draw(t, "sums"),
		}
		if n := int64(len(want.Sums)); n > 0 {
			want.Size = (n-1)*want.ChunkSize + rapid.Int64Range(1, want.ChunkSize).Draw(t, "last")
		}
		b := AppendFileRef([]byte("x"), &want)[1:]
		got, err := ParseFileRef(b)
		require.NoError(t, err)
		require.Equal(t, want.Size, got.Size)
		require.Equal(t, want.ID, got.ID)
		require.Equal(t, want.ChunkSize, got.ChunkSize)
		require.Equal(t, len(want.Sums), len(got.Sums))
		require.Equal(t, b, AppendFileRef(nil, &got))

		_, err = ParseFileRef(append(b, 0))
		require.ErrorIs(t, err, ErrLength)
	})
}

func TestFileRefCuts(t *testing.T) {
	requireCuts(t, sampleFileRef(), func(b []byte) error { _, err := ParseFileRef(b); return err })
}

func TestFileRefRules(t *testing.T) {
	for name, test := range map[string]struct {
		forge func(b []byte)
		want  error
	}{
		"negative size":   {func(b []byte) { b[15] = 0x80 }, ErrLength},
		"small chunks":    {func(b []byte) { b[16] = minChunkLog - 1 }, ErrLength},
		"large chunks":    {func(b []byte) { b[16] = maxChunkLog + 1 }, ErrLength},
		"chunks of 2^255": {func(b []byte) { b[16] = 255 }, ErrLength},
		"one chunk less":  {func(b []byte) { le.PutUint64(b[8:], DefaultChunkSize) }, ErrLength},
		"one chunk more":  {func(b []byte) { le.PutUint64(b[8:], 2*DefaultChunkSize+1) }, ErrShort},
		"as large as can": {func(b []byte) { le.PutUint64(b[8:], math.MaxInt64) }, ErrShort},
	} {
		t.Run(name, func(t *testing.T) {
			b := sampleFileRef()
			test.forge(b)
			require.Less(t, allocated(func() {
				_, err := ParseFileRef(b)
				require.ErrorIs(t, err, test.want)
			}), uint64(16<<10))
		})
	}
}

func TestFileRefPanics(t *testing.T) {
	for name, f := range map[string]FileRef{
		"no chunk size":     {},
		"odd chunk size":    {ChunkSize: DefaultChunkSize + 1},
		"small chunk size":  {ChunkSize: 1 << 11},
		"negative size":     {ChunkSize: DefaultChunkSize, Size: -1},
		"a sum too few":     {ChunkSize: DefaultChunkSize, Size: 1},
		"a sum too many":    {ChunkSize: DefaultChunkSize, Sums: []uint64{1}},
		"negative chunking": {ChunkSize: math.MinInt64},
	} {
		require.Panics(t, func() { AppendFileRef(nil, &f) }, name)
	}
}

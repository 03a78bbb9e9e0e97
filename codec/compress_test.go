package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var compressions = []Compression{LZ4, Zstd}

// prose returns n bytes that compress about as text does.
func prose(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for len(b) < n {
		b = fmt.Appendf(b, "item %d has state %q and %d children; ", rnd.IntN(1000), []string{"new", "warm", "cold"}[rnd.IntN(3)], rnd.IntN(9))
	}
	return b[:n]
}

// noise returns n bytes that do not compress.
func noise(n int) []byte {
	rnd := rand.NewChaCha8([32]byte{})
	b := make([]byte, n)
	rnd.Read(b)
	return b
}

func TestCompressSizes(t *testing.T) {
	for _, c := range compressions {
		for _, n := range []int{64, 65, 100, 255, 256, 257, 1 << 10, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1<<17 + 1, 1 << 20} {
			src := prose(n)
			out, used := Compress(nil, src, c)
			if used == None {
				require.Less(t, n, 128, "text should shrink")
				continue
			}
			require.Equal(t, c, used)
			require.LessOrEqual(t, len(out), n-n/16)
			back, err := Decompress([]byte("x"), out, c, n)
			require.NoError(t, err)
			require.True(t, bytes.Equal(src, back[1:]))
		}
	}
}

func TestCompressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := bytes.Repeat(drawBytes(t, "src", 100), rapid.IntRange(0, 50).Draw(t, "times"))
		c := rapid.SampledFrom([]Compression{None, LZ4, Zstd}).Draw(t, "c")
		room := make([]byte, 0, rapid.IntRange(0, 200).Draw(t, "room"))
		out, used := Compress(room, src, c)
		back, err := Decompress(room, bytes.Clone(out), used, len(src))
		require.NoError(t, err)
		require.True(t, bytes.Equal(src, back))
	})
}

// What does not shrink is given back as it is.
func TestCompressKeepsRaw(t *testing.T) {
	nearly := append(noise(1500), make([]byte, 60)...) // would save less than a sixteenth
	for _, c := range compressions {
		for name, src := range map[string][]byte{
			"nothing": nil, "small": make([]byte, 63), "noise": noise(1000), "nearly": nearly,
		} {
			out, used := Compress(make([]byte, 0, 4096), src, c)
			require.Equal(t, None, used, name)
			require.Equal(t, len(src), len(out))
			if len(src) > 0 {
				require.Same(t, &src[0], &out[0], name)
			}
		}
	}
	for _, c := range []Compression{None, 3, 255} {
		_, used := Compress(nil, make([]byte, 1000), c)
		require.Equal(t, None, used)
	}
}

func TestCompressUsesTheRoom(t *testing.T) {
	src := prose(4096)
	room := make([]byte, 0, len(src))
	for _, c := range compressions {
		out, used := Compress(room, src, c)
		require.Equal(t, c, used)
		require.Same(t, &room[:1][0], &out[0])

		packed := bytes.Clone(out)
		back, err := Decompress(room, packed, c, len(src))
		require.NoError(t, err)
		require.Same(t, &room[:1][0], &back[0])
		if !raceEnabled { // pools forget on purpose under the race detector
			require.Zero(t, testing.AllocsPerRun(20, func() { Compress(room, src, c) }))
			require.Zero(t, testing.AllocsPerRun(20, func() { Decompress(room, packed, c, len(src)) }))
		}
	}
}

func TestDecompressWrongLength(t *testing.T) {
	src := prose(1000)
	for _, c := range []Compression{None, LZ4, Zstd} {
		out, used := Compress(nil, src, c)
		require.Equal(t, c, used)
		for _, n := range []int{-1, 0, 1, len(src) - 1, len(src) + 1, 2 * len(src), 1 << 30} {
			back, err := Decompress([]byte("kept"), out, c, n)
			require.ErrorIs(t, err, ErrCompressed, "%d as %d", c, n)
			require.Equal(t, "kept", string(back))
		}
	}
	_, err := Decompress(nil, src, 3, 1000)
	require.ErrorIs(t, err, ErrKind)
}

func TestDecompressCuts(t *testing.T) {
	src := prose(1000)
	for _, c := range compressions {
		out, _ := Compress(nil, src, c)
		for i := range out {
			_, err := Decompress(nil, out[:i:i], c, len(src))
			require.ErrorIs(t, err, ErrCompressed)
		}
	}
}

// zstdBomb is a frame that expands to n blocks of 128 KiB of zeros, with the
// frame header given.
func zstdBomb(n int, header ...byte) []byte {
	b := append([]byte{0x28, 0xb5, 0x2f, 0xfd}, header...)
	for i := range n {
		block := 128<<10<<3 | 1<<1 // run of one byte
		if i == n-1 {
			block |= 1
		}
		b = append(b, byte(block), byte(block>>8), byte(block>>16), 0)
	}
	return b
}

// A few KiB that would be a GiB cost what the record says, not what they say.
func TestDecompressBomb(t *testing.T) {
	const blocks = 8192
	size := le.AppendUint64(nil, blocks<<17)
	zeros, _ := Compress(nil, make([]byte, 64<<20), LZ4)
	require.NotNil(t, zeros)
	for name, bomb := range map[string]struct {
		c   Compression
		src []byte
	}{
		"size stated":           {Zstd, zstdBomb(blocks, append([]byte{0xe0}, size...)...)},
		"size stated, window":   {Zstd, zstdBomb(blocks, append([]byte{0xc0, 0x50}, size...)...)},
		"size not stated":       {Zstd, zstdBomb(blocks, 0x00, 0x50)},
		"window of 512 MiB":     {Zstd, zstdBomb(blocks, 0x00, 19<<3)},
		"window of 2 TiB":       {Zstd, zstdBomb(blocks, 0x00, 31<<3)},
		"small size stated":     {Zstd, zstdBomb(blocks, 0x60, 0xe8, 0x02)}, // 1000
		"many frames":           {Zstd, bytes.Repeat(zstdBomb(1, 0x00, 0x50), blocks)},
		"many frames of nought": {Zstd, bytes.Repeat([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00}, blocks)},
		"zeros":                 {LZ4, zeros},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decompress(nil, prose(10), Zstd, 1000) // make the decoder first
			require.Error(t, err)
			require.Less(t, allocated(func() {
				_, err = Decompress(nil, bomb.src, bomb.c, 1000)
			}), uint64(1<<20))
			require.ErrorIs(t, err, ErrCompressed)
		})
	}
	// The bomb is one: a reader that asks for all of it gets it.
	small := zstdBomb(16, append([]byte{0xe0}, le.AppendUint64(nil, 16<<17)...)...)
	out, err := Decompress(nil, small, Zstd, 16<<17)
	require.NoError(t, err)
	require.Len(t, out, 16<<17)
}

// No room is made for what cannot come out.
func TestDecompressImplausible(t *testing.T) {
	for c, src := range map[Compression][]byte{
		None: make([]byte, 100), LZ4: make([]byte, 100), Zstd: zstdBomb(4, 0x00, 0x50),
	} {
		require.Less(t, allocated(func() {
			_, err := Decompress(nil, src, c, 1<<30)
			require.ErrorIs(t, err, ErrCompressed)
		}), uint64(1<<20))
	}
	require.Less(t, allocated(func() {
		_, err := Decompress(nil, make([]byte, 100), 3, 1<<30)
		require.ErrorIs(t, err, ErrKind)
	}), uint64(1<<20))
}

// No frame may bring a dictionary into play.
func TestDecompressDictionary(t *testing.T) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(7, prose(1000)))
	require.NoError(t, err)
	src := prose(800)
	_, err = Decompress(nil, e.EncodeAll(src, nil), Zstd, len(src))
	require.ErrorIs(t, err, ErrCompressed)
}

func TestCompressConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				src := prose(200 + i*100 + j)
				c := compressions[j%2]
				out, used := Compress(nil, src, c)
				back, err := Decompress(nil, out, used, len(src))
				if err != nil || !bytes.Equal(src, back) {
					t.Errorf("%d bytes with %d: %v", len(src), c, err)
				}
			}
		})
	}
	wg.Wait()
}

package keydir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// rankImaged returns the snapshot of an index with ranks: one entry in a slot, the
// others of its identity in the side table, and some of another shard.
func rankImaged(t *testing.T) (w *world, file []byte, src Source) {
	w = newRankedWorld(t, 38, true, func(key string) uint64 {
		if key[0] == 'o' {
			return xxhash.Sum64String(key) | 1<<63
		}
		return 0
	})
	for i := range 5 {
		w.put(fmt.Sprint("key ", i))
		w.put(fmt.Sprint("other ", i))
	}
	file, src = snapshot(t, w.x)
	return w, file, src
}

func TestEveryFlippedBitOfRanks(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine, many bits")
	}
	w, file, src := rankImaged(t)
	defer w.x.Close()
	r := src.Ranks[0]
	require.EqualValues(t, imageHead+w.x.layout.minN*bucketBytes+4*rankItem, r.Length)
	for off := r.Offset; off < r.Offset+r.Length; off++ {
		bit := off % 8
		flipped := bytes.Clone(file)
		flipped[off] ^= 1 << bit
		src.Reader = bytes.NewReader(flipped)
		x, err := Load(Config{PlaceBits: 38, Ranks: true}, src)
		require.NoError(t, err)
		_, status := x.Lookup(0)
		require.Equal(t, Damaged, status, "offset %d, bit %d", off, bit)
		_, ok := x.Rank(0, w.model["key 0"].Place)
		require.False(t, ok)
		require.False(t, x.SetRank(0, w.model["key 1"].Place, w.model["key 1"].Rank, 1))
		require.ErrorIs(t, x.Scan(0, nil), ErrDamaged)
		_, err = x.RankImage(0, nil)
		require.ErrorIs(t, err, ErrDamaged)
		x.Close()
		plain, err := Load(Config{PlaceBits: 38}, src) // who has no ranks does not look
		require.NoError(t, err)
		require.NoError(t, plain.LoadAll())
		plain.Close()
	}
}

// Rank images with a right checksum and wrong content.
func TestForgedRanks(t *testing.T) {
	le := binary.LittleEndian
	for name, forge := range map[string]func(b []byte, r *Region){
		"version":    func(b []byte, r *Region) { b[0]++ },
		"zero":       func(b []byte, r *Region) { b[1]++ },
		"shard bits": func(b []byte, r *Region) { b[2]++ },
		"x bits":     func(b []byte, r *Region) { b[3]++ },
		"buckets":    func(b []byte, r *Region) { le.PutUint32(b[4:], 65) },
		"side":       func(b []byte, r *Region) { b[8]-- },
		"side huge":  func(b []byte, r *Region) { le.PutUint32(b[8:], 1<<32-1) },
		"shard":      func(b []byte, r *Region) { b[12]++ },
		"empty slot": func(b []byte, r *Region) {
			for i := imageHead; ; i += 8 {
				if le.Uint64(b[i:]) == 0 {
					b[i] = 1
					return
				}
			}
		},
		"place":      func(b []byte, r *Region) { b[len(b)-rankItem] ^= 255 },
		"end":        func(b []byte, r *Region) { r.Offset += 1 << 20 },
		"behind all": func(b []byte, r *Region) { r.Offset = 1<<63 - 1 - r.Length },
	} {
		t.Run(name, func(t *testing.T) {
			w, file, src := rankImaged(t)
			defer w.x.Close()
			r := &src.Ranks[0]
			image := file[r.Offset:][:r.Length]
			forge(image, r)
			r.Sum = xxhash.Sum64(image)
			x, err := Load(Config{PlaceBits: 38, Ranks: true}, src)
			require.NoError(t, err)
			defer x.Close()
			requireDamaged(t, x, 0)
			t.Log(x.Err())
			_, status := x.Lookup(w.hash("other 1"))
			require.Equal(t, Found, status)
		})
	}
}

func TestImpossibleRankRegions(t *testing.T) {
	w, _, good := rankImaged(t)
	defer w.x.Close()
	for name, spoil := range map[string]func(*Source){
		"few":             func(s *Source) { s.Ranks = s.Ranks[:255] },
		"many":            func(s *Source) { s.Ranks = append(s.Ranks, Region{}) },
		"missing":         func(s *Source) { s.Ranks[0] = Region{} },
		"of no shard":     func(s *Source) { s.Ranks[1] = s.Ranks[0] },
		"negative offset": func(s *Source) { s.Ranks[0].Offset = -1 },
		"negative length": func(s *Source) { s.Ranks[0].Length = -1 },
		"overflow":        func(s *Source) { s.Ranks[0].Offset = 1<<63 - 1 },
		"short":           func(s *Source) { s.Ranks[0].Length -= rankItem },
		"long":            func(s *Source) { s.Ranks[0].Length += rankItem },
		"huge":            func(s *Source) { s.Ranks[0].Length = 1<<63 - 1 },
	} {
		t.Run(name, func(t *testing.T) {
			src := good
			src.Ranks = append([]Region(nil), good.Ranks...)
			spoil(&src)
			_, err := Load(Config{PlaceBits: 38, Ranks: true}, src)
			require.ErrorIs(t, err, ErrDamaged)
			x, err := Load(Config{PlaceBits: 38}, src)
			require.NoError(t, err)
			x.Close()
		})
	}
}

// A border goes where first does.
func TestBorder(t *testing.T) {
	for _, p := range []uint8{minPlaceBits, 38, 41, maxPlaceBits} {
		l := newLayout(p)
		for _, n := range append(sizes(&l)[:20], 99_991, l.minN+1) {
			tb, border := emptyTable(n), newBorder(&l, n)
			for b := range n + 1 {
				if y := border.next(); y != tb.first(&l, b) {
					t.Fatalf("n %d, bucket %d: %#x, want %#x", n, b, y, tb.first(&l, b))
				}
			}
			require.Greater(t, border.next(), l.xMask)
		}
	}
}

// Tables grow by a fifth at the least and double at the most, and end up with the
// sizes of their shard.
func TestNextSize(t *testing.T) {
	for phase := range uint8(4) {
		s := shard{phase: phase}
		for n := uint64(64); n < maxN; {
			next := s.nextSize(n)
			require.LessOrEqual(t, next, 2*n)
			require.GreaterOrEqual(t, 5*next, 6*n)
			require.Zero(t, next%64)
			n = next
		}
		for n := uint64(64); n < 100_000; n++ { // an image may have any size
			next := s.nextSize(n)
			require.Greater(t, next, n)
			require.LessOrEqual(t, next, 2*n)
		}
	}
}

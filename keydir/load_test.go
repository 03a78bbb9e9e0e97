package keydir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// imaged returns a filled world and the snapshot of its index.
func imaged(t testingT, hash string, n int) (w *world, file []byte, src Source) {
	w = newWorld(t, 38, hashes[hash])
	for i := range n {
		w.put(fmt.Sprint("key ", i))
	}
	file, src = snapshot(t, w.x)
	return w, file, src
}

func TestLoad(t *testing.T) {
	for hash, n := range map[string]int{"good": 30_000, "one shard": 20_000, "10 bits": 3000, "0 bits": 100, "4 low": 0} {
		t.Run(hash, func(t *testing.T) {
			w := newRankedWorld(t, 38, n%20_000 != 0, hashes[hash])
			for i := range n {
				w.put(fmt.Sprint("key ", i))
			}
			_, src := snapshot(t, w.x)
			x, err := Load(Config{PlaceBits: 38, Ranks: w.ranks}, src)
			require.NoError(t, err)
			w.x.Close()
			w.x = x
			defer x.Close()
			require.Equal(t, n, x.Len())
			require.NoError(t, x.LoadAll())
			require.Equal(t, n, x.Len())
			w.requireAll()
			for i := range 1000 { // it can be written to
				w.put(fmt.Sprint("key ", n/2+i))
				w.delete(fmt.Sprint("key ", i))
			}
			w.requireAll()
		})
	}
}

// countingReader counts what is read, and fails when told to.
type countingReader struct {
	io.ReaderAt
	reads atomic.Int64
	bytes atomic.Int64
	fail  atomic.Bool
}

var errDisk = errors.New("the disk has a bad day")

func (r *countingReader) ReadAt(b []byte, off int64) (int, error) {
	r.reads.Add(1)
	r.bytes.Add(int64(len(b)))
	if r.fail.Load() {
		return 0, errDisk
	}
	return r.ReaderAt.ReadAt(b, off)
}

// Shards are read one by one, when they are used, and once only.
func TestLoadLazily(t *testing.T) {
	w, _, src := imaged(t, "good", 5000)
	defer w.x.Close()
	r := &countingReader{ReaderAt: src.Reader}
	src.Reader = r
	x, err := Load(Config{PlaceBits: 38}, src)
	require.NoError(t, err)
	defer x.Close()
	require.LessOrEqual(t, r.bytes.Load(), int64(100), "the side tables only")
	require.Equal(t, 5000, x.Len())
	require.LessOrEqual(t, x.MemBytes(), 64<<10)

	r.bytes.Store(0)
	hash := w.hash("key 1")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if e, status := x.Lookup(hash); status != Found || e != w.model["key 1"] {
				t.Error(e, status)
			}
		})
	}
	wg.Wait()
	n, err := w.x.ImageLen(int(hash >> (64 - shardBits)))
	require.NoError(t, err)
	require.EqualValues(t, n+1, r.bytes.Load())

	w.x.Close()
	w.x = x
	w.requireAll()
	all := r.bytes.Load()
	require.NoError(t, x.LoadAll())
	w.requireAll()
	require.Equal(t, all, r.bytes.Load())
}

// Readers meet shards that are not loaded while LoadAll is at work and a writer writes.
func TestLoadConcurrently(t *testing.T) {
	w, _, src := imaged(t, "good", 20_000)
	x, err := Load(Config{PlaceBits: 38}, src)
	require.NoError(t, err)
	w.x.Close()
	w.x = x
	defer x.Close()
	want := make(map[string]Entry)
	for i := range 10_000 {
		key := fmt.Sprint("key ", i)
		want[key] = w.model[key]
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for key, e := range want {
				if got, status := x.Lookup(w.hash(key)); status != Found || got != e {
					t.Errorf("%q: %v %v, want %v", key, got, status, e)
				}
			}
		})
	}
	wg.Go(func() {
		if err := x.LoadAll(); err != nil {
			t.Error(err)
		}
	})
	for i := 10_000; i < 30_000; i++ {
		w.put(fmt.Sprint("key ", i))
	}
	wg.Wait()
	w.requireAll()
}

// requireDamaged checks that nobody takes the shard of hash for sound.
func requireDamaged(t *testing.T, x *Index, hash uint64) {
	t.Helper()
	for range 2 {
		_, status := x.Lookup(hash)
		require.Equal(t, Damaged, status)
		require.ErrorIs(t, x.Err(), ErrDamaged)
	}
	_, err := x.Find(hash, numberResolver(1))
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorIs(t, x.Put(hash, Ref{}, numberResolver(1), Entry{Place: 1}), ErrDamaged)
	_, err = x.Move(hash, Entry{Place: 1}, Entry{Place: 2})
	require.ErrorIs(t, err, ErrDamaged)
	i := int(hash >> (64 - shardBits))
	_, err = x.Shard(i, nil)
	require.ErrorIs(t, err, ErrDamaged)
	_, err = x.Image(i, nil)
	require.ErrorIs(t, err, ErrDamaged)
	_, err = x.ImageLen(i)
	require.ErrorIs(t, err, ErrDamaged)
	_, err = x.ImageCount(i)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorIs(t, x.LoadAll(), ErrDamaged)
}

func TestEveryFlippedBit(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine, many bits")
	}
	w, file, src := imaged(t, "one shard", 30)
	defer w.x.Close()
	w.put("another shard")
	for off := src.Shards[0].Offset; off < src.Shards[0].Offset+src.Shards[0].Length; off++ {
		for bit := range 8 {
			if raceEnabled && bit != int(off%8) {
				continue
			}
			flipped := bytes.Clone(file)
			flipped[off] ^= 1 << bit
			src.Reader = bytes.NewReader(flipped)
			x, err := Load(Config{PlaceBits: 38}, src)
			require.NoError(t, err)
			_, status := x.Lookup(0)
			require.Equal(t, Damaged, status, "offset %d, bit %d", off, bit)
			_, status = x.Lookup(^uint64(0))
			require.Equal(t, Absent, status, "other shards are sound")
			x.Close()
		}
	}
}

func TestEveryFlippedBitOfSide(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine, many bits")
	}
	w, file, src := imaged(t, "0 bits", 20)
	defer w.x.Close()
	for off := src.Side.Offset; off < int64(len(file)); off++ {
		for bit := range 8 {
			flipped := bytes.Clone(file)
			flipped[off] ^= 1 << bit
			src.Reader = bytes.NewReader(flipped)
			_, err := Load(Config{PlaceBits: 38}, src)
			require.ErrorIs(t, err, ErrDamaged, "offset %d, bit %d", off, bit)
		}
	}
}

// Images with a right checksum and wrong content.
func TestForgedImage(t *testing.T) {
	le := binary.LittleEndian
	l := newLayout(38)
	for name, forge := range map[string]func(image []byte, r *Region){
		"version":           func(b []byte, r *Region) { b[0]++ },
		"place bits":        func(b []byte, r *Region) { b[1]++ },
		"shard bits":        func(b []byte, r *Region) { b[2]++ },
		"x bits":            func(b []byte, r *Region) { b[3]-- },
		"buckets":           func(b []byte, r *Region) { le.PutUint32(b[4:], 65) },
		"no buckets":        func(b []byte, r *Region) { le.PutUint32(b[4:], 0) },
		"used":              func(b []byte, r *Region) { le.PutUint32(b[8:], 31) },
		"used huge":         func(b []byte, r *Region) { le.PutUint32(b[8:], 1<<32-1) },
		"shard":             func(b []byte, r *Region) { b[12]++ },
		"count less":        func(b []byte, r *Region) { r.Count = 29; le.PutUint32(b[8:], 29) },
		"count more":        func(b []byte, r *Region) { r.Count = 31; le.PutUint32(b[8:], 31) },
		"place 0":           func(b []byte, r *Region) { forgeSlot(b, func(w uint64) uint64 { return w &^ (1<<38 - 1) }) },
		"one slot less":     func(b []byte, r *Region) { forgeSlot(b, func(uint64) uint64 { return 0 }) },
		"shorter":           func(b []byte, r *Region) { r.Length -= bucketBytes },
		"too few buckets":   func(b []byte, r *Region) { r.Length = imageHead + 63*bucketBytes; le.PutUint32(b[4:], 63) },
		"behind the end":    func(b []byte, r *Region) { r.Length += 1 << 20; le.PutUint32(b[4:], 64+1<<14) },
		"far behind it":     func(b []byte, r *Region) { r.Length = imageHead + maxN*bucketBytes; le.PutUint32(b[4:], maxN) },
		"far behind it all": func(b []byte, r *Region) { r.Offset = 1<<63 - 1 - r.Length },
	} {
		t.Run(name, func(t *testing.T) {
			w, file, src := imaged(t, "one shard", 30)
			defer w.x.Close()
			r := &src.Shards[0]
			require.EqualValues(t, imageHead+l.minN*bucketBytes, r.Length)
			image := file[r.Offset:][:r.Length]
			forge(image, r)
			if end := r.Offset + r.Length; end <= int64(len(file)) {
				r.Sum = xxhash.Sum64(file[r.Offset:end])
			}
			x, err := Load(Config{PlaceBits: 38}, src)
			require.NoError(t, err)
			requireDamaged(t, x, 0)
			t.Log(x.Err())
			var damage *DamageError
			require.ErrorAs(t, x.Err(), &damage)
			require.Zero(t, damage.Shard)
			x.Close()
		})
	}
}

// forgeSlot changes the first slot in use of an image.
func forgeSlot(image []byte, f func(uint64) uint64) {
	for b := image[imageHead:]; ; b = b[8:] {
		if w := binary.LittleEndian.Uint64(b); w != 0 {
			binary.LittleEndian.PutUint64(b, f(w))
			return
		}
	}
}

// A tag that no x of the bucket has: a table that is larger than the smallest
// does not use all tags.
func TestForgedTag(t *testing.T) {
	w, file, src := imaged(t, "one shard", 2000)
	defer w.x.Close()
	r := &src.Shards[0]
	image := file[r.Offset:][:r.Length]
	forgeSlot(image, func(w uint64) uint64 { return w | 1<<63 })
	r.Sum = xxhash.Sum64(image)
	x, err := Load(Config{PlaceBits: 38}, src)
	require.NoError(t, err)
	requireDamaged(t, x, 0)
	x.Close()
}

func TestImpossibleRegions(t *testing.T) {
	w, _, good := imaged(t, "one shard", 30)
	defer w.x.Close()
	huge := int64(imageHead + (maxN+1)*bucketBytes)
	for name, spoil := range map[string]func(*Source){
		"few shards":      func(s *Source) { s.Shards = s.Shards[:255] },
		"no shards":       func(s *Source) { s.Shards = nil },
		"negative offset": func(s *Source) { s.Shards[0].Offset = -1 },
		"negative length": func(s *Source) { s.Shards[0].Length = -bucketBytes },
		"overflow":        func(s *Source) { s.Shards[0].Offset = 1<<63 - 1 },
		"odd length":      func(s *Source) { s.Shards[0].Length++ },
		"no room":         func(s *Source) { s.Shards[0].Length = 8 },
		"huge":            func(s *Source) { s.Shards[0].Length = huge },
		"negative count":  func(s *Source) { s.Shards[0].Count = -1 },
		"high count":      func(s *Source) { s.Shards[0].Count = 64*8 + 1 },
		"count of none":   func(s *Source) { s.Shards[1].Count = 1 },
		"side offset":     func(s *Source) { s.Side.Offset = -1 },
		"side length":     func(s *Source) { s.Side.Length = -1 },
		"side overflow":   func(s *Source) { s.Side.Length = 1<<63 - 1 },
		"side too short":  func(s *Source) { s.Side.Length = 7 },
		"side too long":   func(s *Source) { s.Side.Offset -= 8; s.Side.Length += 8 },
		"side sum":        func(s *Source) { s.Side.Sum++ },
		"side missing":    func(s *Source) { s.Side.Offset += 1 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			src := good
			src.Shards = append([]Region(nil), good.Shards...)
			spoil(&src)
			_, err := Load(Config{PlaceBits: 38}, src)
			require.ErrorIs(t, err, ErrDamaged)
			t.Log(err)
		})
	}
	_, err := Load(Config{PlaceBits: 50}, good)
	require.Error(t, err)
}

// Side images with a right checksum and wrong content.
func TestForgedSide(t *testing.T) {
	le := binary.LittleEndian
	const item = sideHead // the first entry
	for name, forge := range map[string]func(b []byte) []byte{
		"version":      func(b []byte) []byte { b[0]++; return b },
		"place bits":   func(b []byte) []byte { b[1]++; return b },
		"shard bits":   func(b []byte) []byte { b[2]++; return b },
		"x bits":       func(b []byte) []byte { b[3]++; return b },
		"count less":   func(b []byte) []byte { b[4]--; return b },
		"count more":   func(b []byte) []byte { b[4]++; return b },
		"longer":       func(b []byte) []byte { return append(b, 0) },
		"shorter":      func(b []byte) []byte { return b[:len(b)-1] },
		"shard":        func(b []byte) []byte { b[item+7] = 1; return b },
		"place 0":      func(b []byte) []byte { le.PutUint64(b[item+8:], 0); return b },
		"place huge":   func(b []byte) []byte { le.PutUint64(b[item+8:], 1<<38); return b },
		"class":        func(b []byte) []byte { b[item+16] = 16; return b },
		"hits":         func(b []byte) []byte { b[item+17] = 4; return b },
		"zeros":        func(b []byte) []byte { b[item+18] = 1; return b },
		"key huge":     func(b []byte) []byte { le.PutUint32(b[item+20:], 1<<32-1); return b },
		"key too long": func(b []byte) []byte { le.PutUint32(b[item+20:], 1000); return b },
		"twice": func(b []byte) []byte {
			le.PutUint32(b[4:], 2)
			one := b[item : item+sideItemHead+int(le.Uint32(b[item+20:]))]
			return append(bytes.Clone(b[:item+len(one)]), one...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, file, src := imaged(t, "0 bits", 20)
			defer w.x.Close()
			side := forge(bytes.Clone(file[src.Side.Offset:]))
			src.Side = Region{Offset: src.Side.Offset, Length: int64(len(side)), Sum: xxhash.Sum64(side)}
			src.Reader = bytes.NewReader(append(file[:src.Side.Offset:src.Side.Offset], side...))
			_, err := Load(Config{PlaceBits: 38}, src)
			require.ErrorIs(t, err, ErrDamaged)
			t.Log(err)
		})
	}
}

// A shard that cannot be read is as bad as a damaged one, and says why.
func TestReadError(t *testing.T) {
	w, _, src := imaged(t, "good", 1000)
	defer w.x.Close()
	r := &countingReader{ReaderAt: src.Reader}
	src.Reader = r
	x, err := Load(Config{PlaceBits: 38}, src)
	require.NoError(t, err)
	defer x.Close()
	r.fail.Store(true)
	requireDamaged(t, x, w.hash("key 1"))
	require.ErrorIs(t, x.Err(), errDisk)
	r.fail.Store(false)
	requireDamaged(t, x, w.hash("key 1"))
	src.Reader = r
	r.fail.Store(true)
	_, err = Load(Config{PlaceBits: 38}, src)
	require.ErrorIs(t, err, errDisk)
	require.ErrorIs(t, err, ErrDamaged)
}

// FuzzLoad takes any bytes for the images, with right checksums, and uses the index.
func FuzzLoad(f *testing.F) {
	for _, hash := range []string{"one shard", "0 bits"} {
		w, file, src := imaged(f, hash, 40)
		side := file[src.Side.Offset:]
		image := file[src.Shards[0].Offset:][:src.Shards[0].Length]
		f.Add(image, side, int64(src.Shards[0].Count))
		w.x.Close()
	}
	f.Fuzz(func(t *testing.T, image, side []byte, count int64) {
		src := Source{Shards: make([]Region, shardCount), Reader: bytes.NewReader(append(bytes.Clone(image), side...))}
		for i := range src.Shards {
			src.Shards[i].Sum = xxhash.Sum64(nil)
		}
		src.Shards[0] = Region{0, int64(len(image)), xxhash.Sum64(image), int(count)}
		src.Side = Region{int64(len(image)), int64(len(side)), xxhash.Sum64(side), 0}
		x, err := Load(Config{PlaceBits: 38}, src)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		defer x.Close()
		if _, status := x.Lookup(1); status == Damaged {
			require.ErrorIs(t, x.Err(), ErrDamaged)
			return
		}
		entries, err := x.Shard(0, nil)
		require.NoError(t, err)
		require.LessOrEqual(t, len(entries), x.Len())
		for i := range uint64(2000) {
			hash := mix64(i) >> shardBits
			r := numberResolver(i + 1)
			ref, err := x.Find(hash, r)
			require.NoError(t, err)
			require.NoError(t, x.Put(hash, ref, r, Entry{Place: i + 1}))
		}
		for i := range uint64(2000) {
			hash := mix64(i) >> shardBits
			r := numberResolver(i + 1)
			ref, err := x.Find(hash, r)
			require.NoError(t, err)
			require.True(t, ref.Found())
			require.NoError(t, x.Delete(hash, ref, r))
		}
		_, err = x.Image(0, nil)
		require.NoError(t, err)
	})
}

package diskcache

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// benchCache returns a cache with n items of size bytes under 16-byte keys.
func benchCache(b *testing.B, o *Options, n, size int) (*Cache, [][16]byte) {
	b.Helper()
	c, err := Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	keys := make([][16]byte, n)
	value := make([]byte, size)
	for i := range keys {
		binary.LittleEndian.PutUint64(keys[i][:], uint64(i)*0x9e3779b97f4a7c15)
		if err := c.Set(string(keys[i][:]), value); err != nil {
			b.Fatal(err)
		}
	}
	return c, keys
}

func BenchmarkSet(b *testing.B) {
	c, _ := benchCache(b, nil, 0, 0)
	value := make([]byte, 128)
	var key [16]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(key[:], uint64(i)*0x9e3779b97f4a7c15)
		if err := c.Set(string(key[:]), value); err != nil {
			b.Fatal(err)
		}
	}
}

func benchGet(b *testing.B, o *Options, size int) {
	c, keys := benchCache(b, o, 1_000_000, size)
	buf := make([]byte, 0, size)
	r := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.GetAppend(string(keys[r.IntN(len(keys))][:]), buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet128(b *testing.B)     { benchGet(b, nil, 128) }
func BenchmarkGet128Read(b *testing.B) { benchGet(b, &Options{NoMap: true}, 128) }

func BenchmarkGetMissing(b *testing.B) {
	c, _ := benchCache(b, nil, 1_000_000, 16)
	var key [16]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.LittleEndian.PutUint64(key[8:], uint64(i)*0x9e3779b97f4a7c15+1)
		if _, err := c.Get(string(key[:])); err != ErrNotFound {
			b.Fatal(err)
		}
	}
}

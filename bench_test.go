package diskcache

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// benchKey makes the key of a number in b: 16 bytes, in no order.
func benchKey(b *[16]byte, i int) string {
	binary.LittleEndian.PutUint64(b[:], uint64(i)*0x9e3779b97f4a7c15)
	return unsafe.String(&b[0], len(b))
}

// benchCache returns a cache with n items of size bytes.
func benchCache(b testing.TB, o *Options, n, size int) *Cache {
	b.Helper()
	c, err := Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	value := make([]byte, size)
	var key [16]byte
	for i := range n {
		if err := c.Set(benchKey(&key, i), value); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

func BenchmarkSet(b *testing.B) {
	c := benchCache(b, nil, 0, 0)
	value := make([]byte, 128)
	var key [16]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Set(benchKey(&key, i), value); err != nil {
			b.Fatal(err)
		}
	}
}

const benchKeys = 1_000_000

func benchGet(b *testing.B, o *Options, size int) {
	c := benchCache(b, o, benchKeys, size)
	buf := make([]byte, 0, size)
	r := rand.New(rand.NewPCG(1, 2))
	var key [16]byte
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.GetAppend(benchKey(&key, r.IntN(benchKeys)), buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet128(b *testing.B)     { benchGet(b, nil, 128) }
func BenchmarkGet128Read(b *testing.B) { benchGet(b, &Options{NoMap: true}, 128) }

func BenchmarkGetMissing(b *testing.B) {
	c := benchCache(b, nil, benchKeys, 16)
	key := [16]byte{15: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Get(benchKey(&key, i)); err != ErrNotFound {
			b.Fatal(err)
		}
	}
}

// What depends on what is there, beside a Set of as many keys.
func BenchmarkChange(b *testing.B) {
	const keys = 100_000
	for _, op := range []struct {
		name string
		do   func(c *Cache, key string, value []byte) error
	}{
		{"Set", func(c *Cache, key string, value []byte) error { return c.Set(key, value) }},
		{"Add", func(c *Cache, key string, value []byte) error { _, err := c.Add(key, value); return err }},
		{"Replace", func(c *Cache, key string, value []byte) error { _, err := c.Replace(key, value); return err }},
		{"Incr", func(c *Cache, key string, _ []byte) error { _, err := c.Incr("n"+key, 1); return err }},
		{"Touch", func(c *Cache, key string, _ []byte) error { _, err := c.Touch(key); return err }},
	} {
		b.Run(op.name, func(b *testing.B) {
			c := benchCache(b, nil, keys, 20)
			value := []byte("twenty bytes of text")
			var key [16]byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := op.do(c, benchKey(&key, i%keys), value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

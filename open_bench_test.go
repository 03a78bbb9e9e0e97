package diskcache

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkOpenHints opens a million keys without a snapshot.
func BenchmarkOpenHints(b *testing.B) {
	dir := b.TempDir()
	c, err := Open(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	var key [16]byte
	value := make([]byte, 128)
	for i := range 1_000_000 {
		binary.LittleEndian.PutUint64(key[:], uint64(i)*0x9e3779b97f4a7c15)
		if err := c.Set(string(key[:]), value); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		if err := os.Remove(filepath.Join(dir, "diskcache.snap")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		c, err := Open(dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

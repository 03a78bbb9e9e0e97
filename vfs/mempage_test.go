package vfs

import (
	"strings"
	"testing"
)

// TestImageTails: in no image is anything behind the end of a file, which is
// what content promises.
func TestImageTails(t *testing.T) {
	m := NewMem()
	f, err := m.Create("f")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		f.WriteAt([]byte(strings.Repeat("x", 1900)), int64(1900*i))
		if i == 0 {
			f.Sync()
			m.SyncDir(".")
		}
	}
	check := func(img *Mem, c CrashPoint) bool {
		for name, node := range img.root.entries {
			for i := range node.pages {
				kept := max(0, min(node.size-int64(i)*pageSize, pageSize))
				if strings.Trim(string(node.page(i).data[kept:]), "\x00") != "" {
					t.Fatalf("%+v: %s of %d bytes has something behind its end", c, name, node.size)
				}
			}
		}
		return true
	}
	for seed := range uint64(20) {
		m.Crashes(CrashOptions{Seed: seed, PerPoint: 500, Garbage: seed%2 == 1}, check)
	}
}

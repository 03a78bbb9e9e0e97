package vfs_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-diskcache/diskcache/vfs"
)

// BenchmarkReadAt compares a File with the os.File that it is.
func BenchmarkReadAt(b *testing.B) {
	path := b.TempDir()
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	f, err := d.Create("f")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 1<<20), 0); err != nil {
		b.Fatal(err)
	}
	raw, err := os.Open(filepath.Join(path, "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	for name, r := range map[string]io.ReaderAt{"os": raw, "vfs": f, "retry": retried(b, d)} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 200)
			b.ReportAllocs()
			for i := range b.N {
				if _, err := r.ReadAt(buf, int64(i*4096%(1<<20-200))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func retried(b *testing.B, d vfs.FS) vfs.File {
	f, err := vfs.NewRetry(d, vfs.RetryOptions{}).Open("f")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

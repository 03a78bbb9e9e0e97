package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-diskcache/diskcache/internal/trace"
)

// recording is a trace in memory.
type recording struct {
	name  string // of the file, without its suffixes
	ids   []int32
	sizes []int64 // by object; nil: not told
}

func readRecording(path string) (*recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zipped, err := gzipped(f)
	if err != nil {
		return nil, err
	}
	r, err := trace.NewReader(zipped)
	if err != nil {
		return nil, err
	}
	t := &recording{name: traceName(path), sizes: r.Sizes()}
	for id, err := range r.All() {
		if err != nil {
			return nil, err
		}
		t.ids = append(t.ids, int32(id))
	}
	return t, nil
}

func traceName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".gz")
	return strings.TrimSuffix(name, ".octr")
}

// gzipped returns what is read from r as a gzip stream, which is what package trace
// reads. A trace may have been unpacked.
func gzipped(r io.Reader) (io.Reader, error) {
	const plain = "OCTR1\n"
	br := bufio.NewReader(r)
	if head, _ := br.Peek(len(plain)); string(head) != plain {
		return br, nil
	}
	var z bytes.Buffer
	zw, err := gzip.NewWriterLevel(&z, gzip.NoCompression)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(zw, br); err != nil {
		return nil, err
	}
	return &z, zw.Close()
}

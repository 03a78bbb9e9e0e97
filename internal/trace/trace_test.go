package trace

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata again, from $DISKCACHE_TRACES")

const (
	samplePath     = "testdata/web07-20k.octr.gz"
	sampleRequests = 20_000
)

// plain returns what the gzip stream of a trace holds. The head is given apart,
// so that tests can make it lie.
func plain(requests, objects uint64, sizes []int64, ids []int) []byte {
	b := []byte(magic)
	flags := uint64(0)
	if sizes != nil {
		flags = flagSizes
	}
	b = binary.AppendUvarint(b, flags)
	b = binary.AppendUvarint(b, requests)
	b = binary.AppendUvarint(b, objects)
	for _, n := range sizes {
		b = binary.AppendUvarint(b, uint64(n))
	}
	last := 0
	for _, id := range ids {
		b = binary.AppendVarint(b, int64(id-last))
		last = id
	}
	return b
}

func zip(tb testing.TB, b []byte) []byte {
	var out bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if _, err := zw.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// read returns all that a Reader gives of a file's bytes, up to the first error.
func read(b []byte) (t *Reader, ids []int, err error) {
	t, err = NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	for id, err := range t.All() {
		if err != nil {
			return t, ids, err
		}
		ids = append(ids, id)
	}
	return t, ids, nil
}

func TestReader(t *testing.T) {
	ids := []int{0, 1, 0, 2, 2, 1, 3}
	for _, sizes := range [][]int64{nil, {7, 0, 1 << 40, 5}} {
		r, got, err := read(zip(t, plain(7, 4, sizes, ids)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, ids) || !slices.Equal(r.Sizes(), sizes) || r.Requests() != 7 || r.Objects() != 4 {
			t.Errorf("read %v, sizes %v, %d requests, %d objects", got, r.Sizes(), r.Requests(), r.Objects())
		}
	}
}

func TestReaderStops(t *testing.T) {
	r, err := NewReader(bytes.NewReader(zip(t, plain(3, 2, nil, []int{0, 1, 0}))))
	if err != nil {
		t.Fatal(err)
	}
	for range r.All() {
		break // a second yield would panic
	}
}

func TestBadInput(t *testing.T) {
	good := plain(3, 2, nil, []int{0, 1, 0})
	flags := append([]byte(magic), 2, 3, 2, 0, 2, 1)
	zipped := zip(t, good)
	sum := bytes.Clone(zipped)
	sum[len(sum)-6] ^= 1 // the checksum of gzip, 8 bytes from the end
	for _, c := range []struct {
		name    string
		file    []byte
		request int
		want    error
	}{
		{"no gzip", []byte("OCTR1\n plain text"), -1, gzip.ErrHeader},
		{"empty", nil, -1, ErrTruncated},
		{"other magic", zip(t, []byte("OCTR2\nxxxx")), -1, ErrMagic},
		{"head cut", zip(t, good[:7]), -1, ErrTruncated},
		{"unknown flags", zip(t, flags), -1, ErrFlags},
		{"too many requests", zip(t, plain(1<<31, 2, nil, nil)), -1, ErrCount},
		{"too many objects", zip(t, plain(1<<27, 1<<27, nil, nil)), -1, ErrCount},
		{"more objects than requests", zip(t, plain(3, 4, nil, []int{0, 1, 2})), -1, ErrCount},
		{"sizes missing", zip(t, plain(1<<26, 1<<26, []int64{1}, nil)), -1, ErrTruncated},
		{"negative size", zip(t, plain(1, 1, []int64{-1}, []int{0})), -1, ErrSize},
		{"negative object", zip(t, plain(2, 1, nil, []int{0, -1})), 1, ErrObject},
		{"object too early", zip(t, plain(3, 3, nil, []int{0, 2, 1})), 1, ErrObject},
		{"object beyond the promise", zip(t, plain(3, 2, nil, []int{0, 1, 2})), 2, ErrObject},
		{"object that overflows", zip(t, plain(2, 2, nil, []int{0, math.MaxInt})), 1, ErrObject},
		{"fewer objects than promised", zip(t, plain(3, 3, nil, []int{0, 1, 0})), 3, ErrCount},
		{"fewer requests than promised", zip(t, plain(4, 2, nil, []int{0, 1, 0})), 3, ErrTruncated},
		{"more requests than promised", zip(t, plain(2, 2, nil, []int{0, 1, 0})), 2, ErrTrailing},
		{"file cut", zipped[:len(zipped)-9], 3, ErrTruncated},
		{"checksum", sum, 3, gzip.ErrChecksum},
	} {
		_, _, err := read(c.file)
		var at *Error
		if !errors.As(err, &at) || !errors.Is(err, c.want) || at.Request != c.request {
			t.Errorf("%s: got %v, want %v at request %d", c.name, err, c.want, c.request)
		}
	}
}

// TestSample looks at the trace in the repository. Where the collection is at
// hand it compares the two, and writes the sample again when told to.
func TestSample(t *testing.T) {
	if dir := os.Getenv("DISKCACHE_TRACES"); dir != "" {
		want := makeSample(t, filepath.Join(dir, "web07.octr.gz"))
		if *update {
			if err := os.WriteFile(samplePath, zip(t, want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, ids, err := readFile(t, samplePath)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(plain(sampleRequests, distinct(ids), nil, ids), want) {
			t.Error("the sample is not the beginning of web07")
		}
	}
	r, ids, err := readFile(t, samplePath)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != sampleRequests || r.Requests() != sampleRequests || distinct(ids) != uint64(r.Objects()) {
		t.Errorf("%d requests, %d promised; %d objects, %d promised", len(ids), r.Requests(), distinct(ids), r.Objects())
	}
}

func makeSample(t *testing.T, path string) []byte {
	_, ids, err := readFile(t, path)
	if err != nil {
		t.Fatal(err)
	}
	ids = ids[:sampleRequests]
	return plain(sampleRequests, distinct(ids), nil, ids)
}

func readFile(t *testing.T, path string) (*Reader, []int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return read(b)
}

func distinct(ids []int) uint64 {
	seen := map[int]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	return uint64(len(seen))
}

// FuzzReader feeds noise inside of an intact gzip stream, where it gets
// further than noise in gzip itself would. What is accepted must be what was
// promised, and must come out the same when it is written and read again.
func FuzzReader(f *testing.F) {
	f.Add(plain(7, 4, nil, []int{0, 1, 0, 2, 2, 1, 3}))
	f.Add(plain(3, 2, []int64{5, 1 << 50}, []int{0, 1, 0}))
	f.Add(plain(1<<26, 1<<26, []int64{1}, nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ids, err := read(zip(t, b))
		if err != nil {
			var at *Error
			if !errors.As(err, &at) {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		if len(ids) != r.Requests() || distinct(ids) != uint64(r.Objects()) {
			t.Fatalf("%d requests of %d objects, promised were %d of %d", len(ids), distinct(ids), r.Requests(), r.Objects())
		}
		_, again, err := read(zip(t, plain(uint64(r.Requests()), uint64(r.Objects()), r.Sizes(), ids)))
		if err != nil || !slices.Equal(again, ids) {
			t.Fatalf("read again: %v", err)
		}
	})
}

// FuzzFile feeds noise as the file itself: no panic, and each error has a place.
func FuzzFile(f *testing.F) {
	f.Add(zip(f, plain(3, 2, nil, []int{0, 1, 0})))
	f.Fuzz(func(t *testing.T, b []byte) {
		var at *Error
		if _, _, err := read(b); err != nil && !errors.As(err, &at) {
			t.Fatalf("error without a place: %v", err)
		}
	})
}

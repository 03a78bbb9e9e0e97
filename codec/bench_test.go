package codec

import (
	"fmt"
	"testing"
)

// benchRecord is the shape that the budget is stated for.
func benchRecord(valueLen int) *Record {
	r := &Record{Kind: KindPut, Hash: 1, Seq: 2, Key: []byte("user:0000001234"), Value: make([]byte, valueLen)}
	r.Digest()
	return r
}

func BenchmarkDigest(b *testing.B) {
	for _, n := range []int{128, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := benchRecord(n)
			for b.Loop() {
				r.Digest()
			}
		})
	}
}

func BenchmarkAppendRecord(b *testing.B) {
	for _, n := range []int{128, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := benchRecord(n)
			buf := make([]byte, 0, RecordSize(r))
			for b.Loop() {
				buf = AppendRecord(buf[:0], 7, 4096, r)
			}
		})
	}
}

func BenchmarkParseHead(b *testing.B) {
	buf := AppendRecord(nil, 7, 4096, benchRecord(128))
	for b.Loop() {
		if _, err := ParseHead(buf, 7, 4096); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRecord(b *testing.B) {
	for _, n := range []int{128, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			buf := AppendRecord(nil, 7, 4096, benchRecord(n))
			var r Record
			for b.Loop() {
				if _, err := ParseRecord(buf, 7, 4096, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFrameHeader(b *testing.B) {
	f := Frame{Length: 4096, Seq: 9, Prev: 8}
	buf := make([]byte, 0, FrameHeaderLen)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			buf = AppendFrameHeader(buf[:0], 7, 64, f)
		}
	})
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := ParseFrameHeader(buf, 7, 64); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParseHint is per entry: opening a million keys reads a million.
func BenchmarkParseHint(b *testing.B) {
	const n = 100_000
	h := Hint{SegmentID: 1, Length: MaxSegmentLen}
	for i := range n {
		h.Entries = append(h.Entries, HintEntry{Kind: KindPut, Off: 88 + int64(i)*200, Size: 200, Hash: Sum([]byte{byte(i)})})
	}
	buf := AppendHint(nil, &h)
	for b.Loop() {
		if err := ParseHintInto(buf, &h); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
}

func BenchmarkCompress(b *testing.B) {
	src := prose(1024)
	for _, c := range []Compression{LZ4, Zstd} {
		buf := make([]byte, 0, 2048)
		out, _ := Compress(nil, src, c)
		b.Run(fmt.Sprintf("%v/to %d", c, len(out)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compress(buf, src, c)
			}
		})
		b.Run(fmt.Sprintf("%v/back", c), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decompress(buf, out, c, len(src)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

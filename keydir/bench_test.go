package keydir

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// mix64 is a hash of i that is one-to-one, so benchmarks need no keys.
func mix64(i uint64) uint64 {
	i ^= i >> 33
	i *= 0xff51afd7ed558ccd
	i ^= i >> 33
	i *= 0xc4ceb9fe1a85ec53
	return i ^ i>>33
}

// A numberResolver stands for the key whose number is the place of its record.
type numberResolver uint64

func (r numberResolver) Same(e Entry) (bool, error) { return e.Place == uint64(r), nil }
func (r numberResolver) Key() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, uint64(r)), nil
}

func putNumber(tb testing.TB, x *Index, i uint64) {
	ref, err := x.Find(mix64(i), numberResolver(i))
	if err == nil {
		err = x.Put(mix64(i), ref, numberResolver(i), Entry{Place: i})
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// residentBytes returns the process's memory as the system sees it, 0 if unknown.
func residentBytes() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int
	fmt.Sscan(string(b), &size, &resident)
	return resident * os.Getpagesize()
}

var benchSizes = []uint64{10_000, 1_000_000, 10_000_000}

func eachSize(b *testing.B, f func(b *testing.B, x *Index, n uint64)) {
	for _, n := range benchSizes {
		if testing.Short() && n > 1_000_000 {
			continue
		}
		var x *Index
		b.Run(strconv.FormatUint(n, 10), func(b *testing.B) {
			if x == nil {
				x = New(Config{})
				for i := uint64(1); i <= n; i++ {
					putNumber(b, x, i)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			f(b, x, n)
		})
		if x != nil {
			x.Close()
		}
	}
}

func BenchmarkLookupHit(b *testing.B) {
	eachSize(b, func(b *testing.B, x *Index, n uint64) {
		for i := range uint64(b.N) {
			if _, st := x.Lookup(mix64(mix64(i)%n + 1)); st != Found {
				b.Fatal(st)
			}
		}
	})
}

func BenchmarkLookupMiss(b *testing.B) {
	eachSize(b, func(b *testing.B, x *Index, n uint64) {
		found := 0
		for i := range uint64(b.N) {
			h := mix64(i + n + 1)
			if _, st := x.Lookup(h); st == Found {
				found++
			} else if _, ok := x.LookupSide(h, nil); ok {
				b.Fatal("found")
			}
		}
		b.ReportMetric(100*float64(found)/float64(b.N), "%false")
	})
}

// BenchmarkTouch is what a Get does on top of Lookup while its key is not yet hot.
func BenchmarkTouch(b *testing.B) {
	eachSize(b, func(b *testing.B, x *Index, n uint64) {
		for i := range uint64(b.N) {
			h := mix64(mix64(i)%n + 1)
			if e, _ := x.Lookup(h); e.Hits < MaxHits {
				x.Touch(h, e.Place)
			}
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	eachSize(b, func(b *testing.B, x *Index, n uint64) {
		for i := range uint64(b.N) {
			putNumber(b, x, mix64(i)%n+1)
		}
	})
}

// BenchmarkChurn deletes the oldest entry for each new one.
func BenchmarkChurn(b *testing.B) {
	eachSize(b, func(b *testing.B, x *Index, n uint64) {
		oldest := uint64(1)
		for ; ; oldest++ { // of an earlier run
			if ref, _ := x.Find(mix64(oldest), numberResolver(oldest)); ref.Found() {
				break
			}
		}
		b.ResetTimer()
		for i := range uint64(b.N) {
			r := numberResolver(oldest + i)
			ref, _ := x.Find(mix64(oldest+i), r)
			if err := x.Delete(mix64(oldest+i), ref, r); err != nil {
				b.Fatal(err)
			}
			putNumber(b, x, oldest+i+n)
		}
		b.ReportMetric(float64(x.MemBytes())/float64(n), "B/entry")
	})
}

// BenchmarkInsert fills an index from empty, and tells what it takes then.
func BenchmarkInsert(b *testing.B) {
	for _, n := range []uint64{1000, 10_000, 100_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000} {
		if testing.Short() && n > 1_000_000 {
			continue
		}
		b.Run(strconv.FormatUint(n, 10), func(b *testing.B) {
			for range b.N {
				before := residentBytes()
				x := New(Config{})
				for i := uint64(1); i <= n; i++ {
					putNumber(b, x, i)
				}
				b.ReportMetric(float64(x.MemBytes())/float64(n), "B/entry")
				b.ReportMetric(float64(residentBytes()-before)/float64(n), "rssB/entry")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/float64(b.N), "ns/entry")
				b.ReportMetric(float64(x.SideLen()), "side")
				x.Close()
			}
		})
	}
}

// BenchmarkGrow measures the pause when one shard gets a larger table: the sizes
// are those of a shard at 1, 10, 30 and 100 million entries.
func BenchmarkGrow(b *testing.B) {
	for _, want := range []int{4_000, 40_000, 120_000, 400_000} {
		b.Run(strconv.Itoa(want), func(b *testing.B) {
			var m pool
			defer m.close()
			l := newLayout(minPlaceBits)
			var s shard
			n := l.minN
			for int(n)*bucketSlots*9/10 < want {
				n = nextSize(n)
			}
			s.resizeLocked(&l, &m, n)
			for i := uint64(1); s.table.Load().insert(&l, mix64(i)&l.xMask, i, 0, &s.version); i++ {
				s.used.Add(1)
			}
			old := s.table.Load()
			b.ResetTimer()
			for range b.N {
				t := m.table(nextSize(n))
				if !t.fill(&l, old) {
					b.Fatal("does not fit")
				}
				m.release(t)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(s.used.Load()), "ns/entry")
			b.ReportMetric(float64(s.used.Load())/float64(old.slots()), "load")
		})
	}
}

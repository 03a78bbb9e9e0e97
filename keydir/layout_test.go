package keydir

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func eachLayout(t *testing.T, f func(t *testing.T, l *layout)) {
	for p := uint8(minPlaceBits); p <= maxPlaceBits; p++ {
		l := newLayout(p)
		f(t, &l)
	}
}

func TestLayoutWidths(t *testing.T) {
	eachLayout(t, func(t *testing.T, l *layout) {
		tagBits := 63 - l.keyShift
		require.EqualValues(t, 64, tagBits+1+policyBits+classBits+l.placeBits)
		require.LessOrEqual(t, l.xBits, uint8(32), "the divider takes 32 bits")
		require.Equal(t, uint64(1)<<tagBits, l.xMask/l.minN+1, "the smallest table needs all tags")
		require.LessOrEqual(t, bits.Len64(maxN<<l.xBits), 63)
		require.GreaterOrEqual(t, shardBits+l.xBits, uint8(31), "identity")
	})
}

func TestEntryWords(t *testing.T) {
	eachLayout(t, func(t *testing.T, l *layout) {
		for _, e := range []Entry{{1, 0, 0, 0}, {1, 15, 3, 0}, {1<<l.placeBits - 1, 7, 2, 0}, {1<<l.placeBits - 1, 15, 1, 0}} {
			require.True(t, l.valid(e))
			require.Equal(t, e, l.entry(l.low(e)))
			require.Equal(t, e, l.entry(l.low(e)|^l.lowMask()))
			require.Equal(t, uint64(e.Hits)*l.hit(), l.low(e)&l.policyMask())
		}
		for _, e := range []Entry{{0, 0, 0, 0}, {0, 3, 0, 0}, {1 << l.placeBits, 0, 0, 0}, {1, 16, 0, 0}, {1, 0, 4, 0}} {
			require.False(t, l.valid(e), e)
		}
	})
}

func TestOtherIsOneToOne(t *testing.T) {
	eachLayout(t, func(t *testing.T, l *layout) {
		for range 10_000 {
			x := rand.Uint64() & l.xMask
			require.LessOrEqual(t, l.other(x), l.xMask)
			require.Equal(t, x, l.unother(l.other(x)))
			require.Equal(t, x, l.other(l.unother(x)))
		}
	})
}

func TestDivider(t *testing.T) {
	for range 100_000 {
		n := rand.Uint64N(1<<rand.Uint64N(31)) + 2
		a := rand.Uint64() >> (32 + rand.Uint64N(32))
		require.Equal(t, a/n, newDivider(n).divide(a), "%d/%d", a, n)
		a = a / n * n // where a wrong rounding shows
		require.Equal(t, a/n, newDivider(n).divide(a), "%d/%d", a, n)
		if a > 0 {
			require.Equal(t, (a-1)/n, newDivider(n).divide(a-1), "%d/%d", a-1, n)
		}
	}
}

// sizes are all sizes that growth can lead to, and some odd ones.
func sizes(l *layout) []uint64 {
	var all []uint64
	for n := l.minN; n <= maxN; n = nextSize(n) {
		all = append(all, n)
	}
	return append(all, l.minN+1, 2*l.minN-1, 99_991, maxN-1, maxN)
}

// A table only as far as its arithmetic goes.
func emptyTable(n uint64) *table { return &table{n: n, div: newDivider(n)} }

func TestRecoverX(t *testing.T) {
	eachLayout(t, func(t *testing.T, l *layout) {
		tags := uint64(1) << (63 - l.keyShift)
		for _, n := range sizes(l) {
			tb := emptyTable(n)
			check := func(x uint64) {
				b, tag := tb.at(l, x)
				if b >= n || tag >= tags || tb.first(l, b)+tag != x {
					t.Fatalf("place bits %d, n %d, x %#x: bucket %d, tag %#x, back %#x", l.placeBits, n, x, b, tag, tb.first(l, b)+tag)
				}
			}
			check(0)
			check(l.xMask)
			for range 2000 {
				x := rand.Uint64() & l.xMask
				check(x)
				first := tb.first(l, rand.Uint64N(n)) // the edges of buckets
				check(first)
				if first > 0 {
					check(first - 1)
				}
			}
			require.Zero(t, tb.first(l, 0))
			require.Equal(t, l.xMask+1, tb.first(l, n))
		}
	})
}

// Every x of the narrowest layout, in three sizes.
func TestRecoverEveryX(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	l := newLayout(maxPlaceBits)
	for _, n := range []uint64{l.minN, nextSize(l.minN), 77_777} {
		tb := emptyTable(n)
		for x := uint64(0); x <= l.xMask; x++ {
			if b, tag := tb.at(&l, x); tb.first(&l, b)+tag != x {
				t.Fatalf("n %d, x %#x", n, x)
			}
		}
	}
}

func TestClasses(t *testing.T) {
	for c := range uint8(16) {
		n := ClassSize(c)
		require.Equal(t, c, ClassOf(n))
		require.Zero(t, n%8)
		if c < 15 {
			require.Equal(t, c+1, ClassOf(n+1))
			require.InDelta(t, 1.7, float64(ClassSize(c+1))/float64(n), 0.04)
		}
	}
	require.Equal(t, uint8(0), ClassOf(0))
	require.Equal(t, uint8(15), ClassOf(1<<30))
}

//go:build (linux || darwin || freebsd || netbsd || openbsd || dragonfly) && !race

package keydir

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func allZero(b []bucket) bool {
	for i := range b {
		if b[i] != (bucket{}) {
			return false
		}
	}
	return true
}

func fillOnes(b []bucket) {
	for i := range b {
		for j := range b[i] {
			b[i][j] = ^uint64(0)
		}
	}
}

// Tables are zero, disjoint, aligned to cache lines, reused when of the same size,
// and readable, as zeros, after they were taken back.
func TestMemoryReuse(t *testing.T) {
	var m memory
	defer m.close()
	var all [][]bucket
	for _, n := range []int{64, 64, 128, 1000, 64, minMap + 64, 320, 5 * minMap, 64} {
		b := m.alloc(n)
		require.Len(t, b, n)
		require.Equal(t, n, cap(b))
		require.True(t, allZero(b))
		require.Zero(t, uintptr(unsafe.Pointer(&b[0]))%bucketBytes)
		fillOnes(b)
		all = append(all, b)
	}
	for i, b := range all {
		m.release(b)
		require.True(t, allZero(b))
		for _, other := range all[i+1:] {
			require.Equal(t, ^uint64(0), other[0][0], "neighbours stay")
			require.Equal(t, ^uint64(0), other[len(other)-1][7], "neighbours stay")
		}
	}
	size := m.size
	for _, b := range all {
		require.True(t, allZero(m.alloc(len(b))))
	}
	require.Equal(t, size, m.size)
}

// Parts that do not begin or end with a page are cleared, and only they.
func TestDiscardUnaligned(t *testing.T) {
	var m memory
	defer m.close()
	b := m.alloc(4096)
	for _, part := range [][2]int{{0, 4096}, {1, 63}, {1, 130}, {63, 65}, {100, 3000}, {64, 128}, {4095, 4096}, {7, 7}} {
		fillOnes(b)
		if part[0] == part[1] {
			continue
		}
		discard(b[part[0]:part[1]])
		for i := range b {
			want := ^uint64(0)
			if i >= part[0] && i < part[1] {
				want = 0
			}
			require.Equal(t, want, b[i][0], "%v: bucket %d", part, i)
			require.Equal(t, want, b[i][7], "%v: bucket %d", part, i)
		}
	}
}

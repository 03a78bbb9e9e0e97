//go:build !race

package diskcache

import (
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// mostGrowth is by how many bytes a process may grow as it streams a value of any length.
const mostGrowth = 8 << 20

// TestStreamMemory streams a value of 256 MiB, or of 1 GiB where the long tests were asked for,
// in and out, and looks at the memory of the process all the while.
func TestStreamMemory(t *testing.T) {
	size := int64(256 << 20)
	if os.Getenv("DISKCACHE_TORTURE") != "" {
		size = 1 << 30
	}
	c, err := Open(t.TempDir(), nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Set("other", nil)) // what any use takes does not count

	debug.FreeOSMemory()
	before := resident(t)
	m := &meter{t: t, before: before, sum: xxhash.New()}
	var seed [32]byte
	require.NoError(t, c.SetReader("k", io.TeeReader(io.LimitReader(rand.NewChaCha8(seed), size), m)))
	written := m.take()
	r, err := c.Reader("k")
	require.NoError(t, err)
	require.Equal(t, size, r.Size())
	n, err := io.CopyBuffer(struct{ io.Writer }{m}, struct{ io.Reader }{r}, make([]byte, 64<<10))
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, size, n)
	require.Equal(t, written, m.take())
	t.Logf("%d MiB: grown by %d KiB at the most", size>>20, m.most>>10)
	require.Less(t, m.most, int64(mostGrowth))
}

// meter looks at the memory of the process each time that some more of a value has passed.
type meter struct {
	t      *testing.T
	sum    hash.Hash64
	passed int64
	before int64
	most   int64 // by which it has grown
}

func (m *meter) Write(b []byte) (int, error) {
	const each = 4 << 20
	if before := m.passed; before/each != (before+int64(len(b)))/each {
		m.most = max(m.most, resident(m.t)-m.before)
	}
	m.passed += int64(len(b))
	return m.sum.Write(b)
}

// take returns the checksum of what has passed, and begins anew.
func (m *meter) take() uint64 {
	defer m.sum.Reset()
	return m.sum.Sum64()
}

// resident returns the memory of the process: all that is resident where Linux tells it, else
// what the heap has of the system.
func resident(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapInuse)
	}
	var total, pages int64
	_, err = fmt.Sscan(string(b), &total, &pages)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

package engine

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// aceOps are the steps of the exhaustive test, over two keys.
var aceOps = []struct {
	name string
	do   func(*driver)
}{
	{"set a", func(d *driver) { d.set("a", 600) }},
	{"set b", func(d *driver) { d.set("b", 90) }},
	{"del a", func(d *driver) { d.del("a") }},
	{"del b", func(d *driver) { d.del("b") }},
	{"sync", (*driver).sync},
	{"rotate", (*driver).rotate},
	{"reopen", (*driver).reopen},
	{"kill", (*driver).kill},
}

// TestCrashAllSequences runs every sequence of a few steps, and crashes at every
// point of the last one: those before it are the ends of shorter sequences.
func TestCrashAllSequences(t *testing.T) {
	t.Parallel()
	eff := efforts()
	var count atomic.Int64
	sequences := 0
	for n := 1; n <= eff.ace; n++ {
		forSequences(n, len(aceOps), func(seq []int) {
			sequences++
			aceSequence(t, eff, seq, &count)
		})
	}
	t.Logf("%d sequences of up to %d steps, %d crash images", sequences, eff.ace, count.Load())
}

// forSequences calls fn with every sequence of n numbers below base.
func forSequences(n, base int, fn func([]int)) {
	seq := make([]int, n)
	for {
		fn(seq)
		i := n - 1
		for ; i >= 0; i-- {
			if seq[i]++; seq[i] < base {
				break
			}
			seq[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

func aceSequence(t *testing.T, eff effort, seq []int, count *atomic.Int64) {
	t.Helper()
	var names []string
	for _, i := range seq {
		names = append(names, aceOps[i].name)
	}
	opt := Options{SegmentSize: 1 << 16}
	d := newDriver(vfs.NewMem(), opt, 0, 0)
	from := 0
	err := attempt(d, func(d *driver) {
		d.open()
		for n, i := range seq {
			if n == len(seq)-1 && n > 0 {
				from = d.disk.Events()
			}
			aceOps[i].do(d)
		}
		d.background()
	})
	require.NoError(t, err, strings.Join(names, ", "))
	disk := d.disk.Clone()
	require.NoError(t, d.e.Close())
	c := &crasher{effort: eff, opt: opt, seed: uint64(len(seq)), count: count, images: int(count.Load())}
	c.perPoint, c.deep, c.used = 4, 1000, 2
	err = c.points(disk, nil, from)
	require.NoError(t, err, fmt.Sprintf("sequence: %s", strings.Join(names, ", ")))
}

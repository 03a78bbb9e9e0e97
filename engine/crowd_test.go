package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// removeFS calls look before it removes a file.
type removeFS struct {
	vfs.FS
	look func()
}

func (f *removeFS) Remove(name string) error {
	f.look()
	return f.FS.Remove(name)
}

// TestCopiesWithinLimit: what is moved is there twice, and all together takes no more
// than is tolerated: also where a limit is a few segments only, all that is given up is
// in use and thus moved, and somebody reads what is dropped while room is made.
func TestCopiesWithinLimit(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	for _, c := range []struct {
		policy evict.Policy
		reads  bool
	}{{evict.S3FIFO, false}, {evict.S3FIFO, true}, {evict.LRU, false}, {evict.None, false}} {
		t.Run(fmt.Sprintf("%v, somebody reads %v", c.policy, c.reads), func(t *testing.T) {
			mem := vfs.NewMem()
			mem.NoTrace = true
			var most int64
			look := func() { most = max(most, onDisk(mem)) }
			e, err := Open(&removeFS{mem, look}, Options{SizeLimit: limit, SegmentSize: limit / leastSegments, Policy: c.policy})
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(0, 7))
			for i := range shorter(2000) {
				var set interface{ Release(uint64) } = nobodyElse{}
				if c.reads && i%20 == 0 {
					set = e.log.Acquire(0)
				}
				key := fmt.Sprint("k", r.IntN(300))
				err := e.Set(key, make([]byte, r.IntN(2000)), Attrs{})
				look()
				set.Release(0)
				if !errors.Is(err, ErrFull) {
					require.NoError(t, err)
					_, err = e.Get(key, nil)
				} else if _, err = e.Delete(key); err == nil {
					_, err = e.Delete(fmt.Sprint("k", r.IntN(300)))
				}
				require.NoError(t, err)
			}
			allowed := int64(limit + limit/tolerance)
			if c.reads { // fewer than ten segments fit, and one may wait for who reads
				allowed += e.opt.SegmentSize
			}
			require.LessOrEqual(t, most, allowed)
			require.NoError(t, e.Close())
		})
	}
}

type nobodyElse struct{}

func (nobodyElse) Release(uint64) {}

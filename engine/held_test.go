package engine

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestHeldIsNotGivenUpFor: what is dropped already, and goes when somebody has read it,
// is not made up for by giving up more, by nobody who can wait.
func TestHeldIsNotGivenUpFor(t *testing.T) {
	const limit, segment = 1 << 20, 64 << 10
	for _, p := range []evict.Policy{evict.S3FIFO, evict.FIFO} {
		t.Run(p.String(), func(t *testing.T) {
			mem := vfs.NewMem()
			mem.NoTrace = true
			e, err := Open(mem, Options{SizeLimit: limit, SegmentSize: segment, Policy: p, Compaction: true})
			require.NoError(t, err)
			e.reclaiming.stop() // who works is to be this test alone
			e.reclaiming.quit = make(chan struct{})
			n := 0
			fill := func(most int64) {
				for ; e.DiskUsage() < most; n++ {
					require.NoError(t, e.Set(fmt.Sprint("k", n), make([]byte, 1000), Attrs{}))
				}
			}
			fill(limit - e.slack(limit) - e.headroom(limit) - segment)
			require.Zero(t, e.stats.evicted.Load())
			set := e.log.Acquire(0) // somebody reads what is there
			fill(limit - e.headroom(limit) - segment)
			for range 3 {
				e.reclaiming.work(limitedShare)
			}
			require.Positive(t, e.stats.evicted.Load())
			require.Less(t, e.stats.evicted.Load(), int64(3*segment/1000))
			set.Release(0)
			e.reclaiming.start(e)
			require.NoError(t, e.Close())
		})
	}
}

// TestReadersAreAwaited: who wants room waits for the readers of what is dropped rather
// than give up more, but not again and again.
func TestReadersAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, segment = 1 << 20, 64 << 10
		mem := vfs.NewMem()
		mem.NoTrace = true
		e, err := Open(mem, Options{SizeLimit: limit, SegmentSize: segment, Policy: evict.FIFO})
		require.NoError(t, err)
		n := 0
		set := func() {
			n++
			require.NoError(t, e.Set(fmt.Sprint("k", n), make([]byte, 1000), Attrs{}))
		}
		for e.short(&want{bytes: 2000}).bytes <= 0 {
			set()
		}
		drop := func() { // one segment
			for e.graves.held() < segment/2 {
				did, err := e.reclaim(&want{bytes: limit, most: -1}, false)
				require.NoError(t, errors.Join(err, e.syncDropped(false)))
				require.True(t, did)
			}
		}
		reader := e.log.Acquire(0)
		drop()
		evicted := e.stats.evicted.Load()
		time.AfterFunc(patience/2, func() { reader.Release(0) })
		set()
		require.Equal(t, evicted, e.stats.evicted.Load())

		reader = e.log.Acquire(0)
		drop()
		require.False(t, e.graves.awaitReadersOnce())
		begin := time.Now()
		require.False(t, e.graves.awaitReadersOnce())
		require.Zero(t, time.Since(begin))
		reader.Release(0)
		require.False(t, e.graves.vain.Load())
		require.NoError(t, e.Close())
	})
}

package engine

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// returns fails the test when fn hangs.
func returns(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
}

// TestPickIsLed: what EvictTag deletes is committed by a writer that came before it, which
// tells it so.
func TestPickIsLed(t *testing.T) {
	e, err := Open(vfs.NewMem(), Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", nil, Attrs{Tag: "t"}))
	queued := func(n int) {
		for got := -1; got != n; runtime.Gosched() {
			e.queue.mu.Lock()
			got = len(e.queue.reqs)
			e.queue.mu.Unlock()
		}
	}
	returns(t, func() {
		var wg sync.WaitGroup
		var n int
		var setErr, evictErr error
		e.w.mu.Lock()
		wg.Go(func() { setErr = e.Set("new", nil, Attrs{}) })
		queued(1)
		wg.Go(func() { n, evictErr = e.EvictTag("t") })
		queued(2)
		e.w.mu.Unlock()
		wg.Wait()
		if n != 1 || setErr != nil || evictErr != nil {
			t.Errorf("evicted %d: %v, set: %v", n, evictErr, setErr)
		}
	})
	require.NoError(t, e.Close())
}

// movesAll judges for a compaction that finds nothing expired.
func movesAll(*segment.Segment, keydir.Entry, *codec.HintEntry) fate { return moves }

// TestSweepFollowsMoves: what compaction moves elsewhere while a sweep goes through the
// segments is swept as well.
func TestSweepFollowsMoves(t *testing.T) {
	const n = 90
	clock := &wallClock{time.Unix(1_700_000_000, 0)}
	attrs := clock.attrs(time.Minute)
	attrs.Tag = "t"
	for what, sweep := range map[string]func(e *Engine) (int, error){
		"tag":    func(e *Engine) (int, error) { return e.EvictTag("t") },
		"expiry": (*Engine).Expire,
	} {
		t.Run(what, func(t *testing.T) {
			var meanwhile func()
			hash := func(key string) uint64 {
				if fn := meanwhile; fn != nil {
					meanwhile = nil
					fn()
				}
				return fourBits(key)
			}
			clock.t = time.Unix(1_700_000_000, 0)
			d := newDriver(vfs.NewMem(), Options{Hash: hash, Now: clock.now, oneStream: true}, 0, 1)
			d.open()
			for i := range n {
				d.setWith(fmt.Sprint("k", i), 300, attrs)
				d.set(fmt.Sprint("stays", i), 20)
				if i%30 == 29 {
					d.rotateAll()
				}
			}
			ids := sealedIDs(d.e)
			require.Len(t, ids, 3)
			if what == "expiry" {
				clock.t = clock.t.Add(planLater)
			}
			meanwhile = func() {
				for _, id := range ids {
					require.NoError(t, d.e.clear(segmentByID(d.e, id), movesAll))
				}
			}
			got, err := sweep(d.e)
			require.NoError(t, err)
			require.Nil(t, meanwhile, "nothing was moved meanwhile")
			require.Equal(t, n, got)
			left, err := d.e.Len()
			require.NoError(t, err)
			require.Equal(t, n, left)
			d.close()
		})
	}
}

// TestClearBesideUpdate: both wait for segments that are being sealed, which a kill has
// left many of.
func TestClearBesideUpdate(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	mem := vfs.NewMem()
	o := Options{SizeLimit: 256 << 10, SegmentSize: 16 << 10}
	dead, err := Open(mem, o)
	require.NoError(t, err)
	for i := range 400 {
		require.NoError(t, dead.Set(fmt.Sprint("k", i), make([]byte, 700), Attrs{}))
	}
	killed := mem.Clone()
	require.NoError(t, dead.Close())
	for range rounds {
		e, err := Open(killed.Clone(), o)
		require.NoError(t, err)
		returns(t, func() {
			var wg sync.WaitGroup
			var clearErr, updateErr error
			wg.Go(func() { _, clearErr = e.Clear() })
			wg.Go(func() {
				updateErr = e.Update(func(tx *Tx) error {
					for i := range 80 {
						if err := tx.Set(fmt.Sprint("n", i), make([]byte, 2000), Attrs{}); err != nil {
							return err
						}
					}
					return nil
				})
			})
			wg.Wait()
			if clearErr != nil || updateErr != nil && !errors.Is(updateErr, ErrFull) { // which it is until it is cleared
				t.Errorf("clear: %v, update: %v", clearErr, updateErr)
			}
		})
		left, err := e.Len()
		require.NoError(t, err)
		require.Contains(t, []int{0, 80}, left)
		require.NoError(t, e.Close())
	}
}

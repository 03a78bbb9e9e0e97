package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareConcurrent: goroutines of several processes count, write keys of their own, read
// those of all and compact, all at once. No count is lost, and what is read never goes back.
func TestShareConcurrent(t *testing.T) {
	t.Parallel()
	inModes(t, testShareConcurrent)
}

func testShareConcurrent(t *testing.T, newMem func() *vfs.Mem) {
	const processes, writers = 3, 2
	rounds := 300
	switch {
	case raceEnabled:
		rounds = 50
	case testing.Short():
		rounds = 100
	}
	mem := newMem()
	opt := Options{SegmentSize: 8192, FileThreshold: 2000, Compaction: true}
	var engines []*Engine
	var disks []*deadly
	for range processes {
		e, p := openIn(t, mem, opt)
		engines, disks = append(engines, e), append(disks, p)
	}
	var wg sync.WaitGroup
	for p, e := range engines {
		for w := range writers {
			wg.Go(func() { shareWrites(t, e, fmt.Sprint(p, w), rounds) })
		}
		wg.Go(func() { shareReads(t, e, processes, writers, rounds) })
	}
	wg.Go(func() {
		for range rounds / 10 {
			assert.NoError(t, engines[0].Compact())
		}
	})
	wg.Wait()
	for _, e := range engines {
		v, err := e.Get("count", nil)
		require.NoError(t, err)
		require.Equal(t, uint64(processes*writers*rounds), binary.LittleEndian.Uint64(v))
		n, err := e.Len()
		require.NoError(t, err)
		require.Equal(t, processes*writers+1, n)
	}
	problems, err := engines[1].Check(false)
	require.NoError(t, err)
	require.Empty(t, problems)
	for i, e := range engines {
		require.NoError(t, e.Close())
		require.Empty(t, disks[i].leaks())
	}
	e, err := Open(mem, opt)
	require.NoError(t, err)
	v, err := e.Get("count", nil)
	require.NoError(t, err)
	require.Equal(t, uint64(processes*writers*rounds), binary.LittleEndian.Uint64(v))
	require.NoError(t, e.Close())
}

func shareWrites(t *testing.T, e *Engine, mine string, rounds int) {
	for i := range rounds {
		size := 8 + i%100
		if i%50 == 7 {
			size = 2500
		}
		v := make([]byte, size)
		binary.LittleEndian.PutUint64(v, uint64(i))
		if !assert.NoError(t, e.Set(mine, v, Attrs{})) {
			return
		}
		err := e.Update(func(tx *Tx) error {
			var n [8]byte
			if _, err := tx.Get("count", n[:0]); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			binary.LittleEndian.PutUint64(n[:], binary.LittleEndian.Uint64(n[:])+1)
			return tx.Set("count", n[:], Attrs{})
		})
		if !assert.NoError(t, err) {
			return
		}
		v, err = e.Get(mine, nil)
		if !assert.NoError(t, err) || !assert.Equal(t, uint64(i), binary.LittleEndian.Uint64(v)) {
			return
		}
	}
}

func shareReads(t *testing.T, e *Engine, processes, writers, rounds int) {
	last := make(map[string]uint64)
	for range rounds {
		for p := range processes {
			for w := range writers {
				key := fmt.Sprint(p, w)
				v, err := e.Get(key, nil)
				if errors.Is(err, ErrNotFound) && last[key] == 0 {
					continue
				}
				if !assert.NoError(t, err, key) {
					return
				}
				if n := binary.LittleEndian.Uint64(v); assert.GreaterOrEqual(t, n, last[key], key) {
					last[key] = n
				}
			}
		}
		for _, err := range e.Items() {
			if !assert.NoError(t, err) {
				return
			}
		}
	}
}

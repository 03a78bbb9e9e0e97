package engine

import (
	"strconv"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestGetManyExpires: items whose time is over at once are all there or none, at whichever point of the
// call that is.
func TestGetManyExpires(t *testing.T) {
	over := crashClock.Add(time.Minute)
	keys := []string{"a", "b", "c"}
	for at := 1; ; at++ {
		now, calls := crashClock, 1<<30
		step := func() {
			if calls++; calls == at {
				now = over
			}
		}
		e := openMem(t, Options{
			Now:  func() time.Time { step(); return now },
			Hash: func(key string) uint64 { step(); return xxhash.Sum64String(key) },
		})
		for _, key := range keys {
			require.NoError(t, e.Set(key, []byte(key), Attrs{Expires: over.UnixNano()}))
		}
		calls = 0
		values, err := e.GetMany(keys)
		require.NoError(t, err)
		for _, v := range values {
			require.Equal(t, values[0] == nil, v == nil, "over at %d", at)
		}
		if calls < at {
			require.Greater(t, at, len(keys))
			return
		}
	}
}

// TestGetManyReadOnly: who reads only sees items as they were at one moment, though another process
// changes them each time that it looks, and nobody can keep it from that.
func TestGetManyReadOnly(t *testing.T) {
	mem := vfs.NewMem()
	w, err := openAs(mem, Options{})
	require.NoError(t, err)
	store := func(n int) {
		require.NoError(t, w.Update(func(tx *Tx) error {
			for _, key := range []string{"a", "b"} {
				if err := tx.Set(key, []byte(strconv.Itoa(n)), Attrs{}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	store(0)
	n, armed := 0, false
	r, err := openAs(mem, Options{ReadOnly: true, Freshness: -1, Hash: func(key string) uint64 {
		if armed && key == "b" {
			armed = false // reading what was stored looks it up, too
			n++
			store(n)
			armed = true
		}
		return xxhash.Sum64String(key)
	}})
	require.NoError(t, err)
	armed = true
	values, err := r.GetMany([]string{"a", "b"})
	require.NoError(t, err)
	armed = false
	require.NotNil(t, values[0])
	require.Equal(t, string(values[0]), string(values[1]))
	require.Greater(t, n, manyTries)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}

package diskcache

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// TestHolds: what was read is held exactly until something else is there, also where all keys
// have the same hash.
func TestHolds(t *testing.T) {
	for name, hash := range map[string]func(string) uint64{
		"xxhash": xxhash.Sum64String, "twins": func(string) uint64 { return 7 },
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			c, err := Open(t.TempDir(), &Options{hash: hash, Now: func() time.Time { return now }, Compression: LZ4})
			require.NoError(t, err)
			defer c.Close()
			type held struct {
				it Item
				p  Place
			}
			read := func(key string) held {
				t.Helper()
				it, p, err := c.ItemPlace(key)
				require.NoError(t, err)
				require.NotZero(t, p)
				same, err := c.Item(key)
				require.NoError(t, err)
				require.Equal(t, same, it)
				return held{it, p}
			}
			holds := func(h held, want bool, why string) {
				t.Helper()
				ok, err := c.Holds(&h.it, h.p)
				require.NoError(t, err)
				require.Equal(t, want, ok, why)
			}
			for what, change := range map[string]func() error{
				"set":    func() error { return c.Set("k", []byte("v")) },
				"touch":  func() error { _, err := c.Touch("k", TTL(time.Hour)); return err },
				"delete": func() error { _, err := c.Delete("k"); return err },
				"again":  func() error { _, err := c.Delete("k"); return join(c.Set("k", []byte("v")), err) },
				"clear":  func() error { _, err := c.Clear(); return err },
				"tag":    func() error { _, err := c.EvictTag("t"); return err },
				"expiry": func() error { now = now.Add(time.Hour); return nil },
				"transaction": func() error {
					return Transact(context.Background(), c, func(tx Txn) error { return tx.Set("k", []byte("v")) })
				},
			} {
				require.NoError(t, c.Set("twin", []byte("w")))
				require.NoError(t, c.Set("k", bytes.Repeat([]byte("v"), 1000), Tag("t"), Kind(3), TTL(time.Hour)))
				require.NoError(t, c.Set("other", []byte("o")))
				k, twin, other := read("k"), read("twin"), read("other")
				holds(k, true, what)
				holds(twin, true, what)
				holds(k, true, what)
				if name == "xxhash" {
					holds(held{k.it, twin.p}, false, "the place of another key")
				}
				require.NoError(t, c.Set("other", []byte("o2")))
				holds(k, true, what)
				holds(other, false, what)
				require.NoError(t, change(), what)
				holds(k, false, what)
				if what != "clear" {
					holds(twin, true, what)
				}
			}
			require.NoError(t, c.Set("k", []byte("v")))
			k := read("k")
			holds(held{k.it, Place{}}, false, "no place")
			_, _, err = c.ItemPlace("none")
			require.ErrorIs(t, err, ErrNotFound)
			require.NoError(t, c.Close())
			_, err = c.Holds(&k.it, k.p)
			require.ErrorIs(t, err, ErrClosed)
			_, _, err = c.ItemPlace("k")
			require.ErrorIs(t, err, ErrClosed)
		})
	}
}

// TestHoldsFollows: what another Cache stores under the same key, and what compaction moves.
func TestHoldsFollows(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir, &Options{SegmentSize: 4096, FileThreshold: 2000, ManualCompaction: true}) // else records move between two looks
	require.NoError(t, err)
	defer c.Close()
	items, places := make(map[string]Item), make(map[string]Place)
	for i := range 200 {
		k := fmt.Sprint(i)
		require.NoError(t, c.Set(k, bytes.Repeat([]byte(k), 100)))
		it, p, err := c.ItemPlace(k)
		require.NoError(t, err)
		items[k], places[k] = it, p
	}
	for i := range 200 {
		if i%3 > 0 {
			_, err := c.Delete(fmt.Sprint(i))
			require.NoError(t, err)
		}
	}
	require.NoError(t, c.Compact())
	for k, it := range items {
		ok, err := c.Holds(&it, places[k])
		require.NoError(t, err)
		is, err := c.Item(k)
		if err != nil {
			require.ErrorIs(t, err, ErrNotFound)
			require.False(t, ok, "key %s is gone", k)
			continue
		}
		is.OnDisk = it.OnDisk
		require.Equal(t, it, is)
		again, p, err := c.ItemPlace(k)
		require.NoError(t, err)
		ok, err = c.Holds(&again, p)
		require.NoError(t, err)
		require.True(t, ok)
	}
	require.NoError(t, c.Set("file", make([]byte, 3000)))
	it, p, err := c.ItemPlace("file")
	require.NoError(t, err)
	require.Len(t, it.Value, 3000)
	require.Zero(t, p)
}

package diskcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// both runs a test on a Cache and within a transaction. Values of 50 bytes have files.
func both(t *testing.T, test func(t *testing.T, c *Cache, o Ops, clock *time.Time)) {
	for _, inTx := range []bool{false, true} {
		t.Run(fmt.Sprintf("transaction %v", inTx), func(t *testing.T) {
			clock := time.Unix(1_700_000_000, 0)
			c := mustOpen(t, t.TempDir(), &Options{FileThreshold: 50, Now: func() time.Time { return clock }})
			if inTx {
				require.NoError(t, c.Update(func(tx *Tx) error { test(t, c, tx, &clock); return nil }))
			} else {
				test(t, c, c, &clock)
			}
			require.NoError(t, c.Close())
		})
	}
}

func long(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 50+n) }

func TestAddReplace(t *testing.T) {
	both(t, func(t *testing.T, _ *Cache, o Ops, clock *time.Time) {
		for _, v := range [][]byte{[]byte("short"), long(1)} {
			key := itoa(len(v))
			is := func(want bool) func(bool, error) {
				return func(ok bool, err error) {
					t.Helper()
					require.NoError(t, err)
					require.Equal(t, want, ok)
				}
			}
			is(false)(o.Replace(key, v))
			is(true)(o.Add(key, v, TTL(time.Minute), Tag("t")))
			is(false)(o.Add(key, []byte("other")))
			*clock = clock.Add(2 * time.Minute)
			is(false)(o.Replace(key, v))
			is(true)(o.Add(key, v)) // what has expired is not there
			is(true)(o.Replace(key, []byte("other")))
			got, err := o.Get(key)
			require.NoError(t, err)
			require.Equal(t, "other", string(got))
		}
	})
}

func TestCompareAndSwap(t *testing.T) {
	c := mustOpen(t, t.TempDir(), nil)
	swap := func(version uint64, v string) bool {
		ok, err := c.CompareAndSwap("k", version, []byte(v))
		require.NoError(t, err)
		return ok
	}
	require.False(t, swap(7, "a"))
	require.True(t, swap(0, "a"))
	require.False(t, swap(0, "b"))
	it, err := c.Item("k")
	require.NoError(t, err)
	require.True(t, swap(it.Version, "b"))
	require.False(t, swap(it.Version, "c"))
	it, err = c.Item("k")
	require.NoError(t, err)
	require.Equal(t, "b", string(it.Value))
	require.NoError(t, c.Compact())
	require.NoError(t, c.Update(func(tx *Tx) error {
		ok, err := tx.CompareAndSwap("k", it.Version, []byte("c"))
		require.True(t, ok)
		require.NoError(t, err)
		own, err := tx.Item("k")
		require.Zero(t, own.Version)
		require.True(t, own.Stored.IsZero())
		require.NoError(t, err)
		ok, err = tx.CompareAndSwap("k", own.Version, []byte("d")) // 0 is that there is none
		require.False(t, ok)
		return err
	}))
	require.NoError(t, c.Close())
}

func TestGetOrSet(t *testing.T) {
	both(t, func(t *testing.T, _ *Cache, o Ops, _ *time.Time) {
		given := []byte("first")
		v, loaded, err := o.GetOrSet("k", given)
		require.NoError(t, err)
		require.False(t, loaded)
		given[0], v[0] = 'x', 'y' // whose they are
		v, loaded, err = o.GetOrSet("k", long(3))
		require.NoError(t, err)
		require.True(t, loaded)
		require.Equal(t, "first", string(v))
		v, _, err = o.GetOrSet("empty", nil)
		require.NoError(t, err)
		require.NotNil(t, v)
	})
}

func TestIncr(t *testing.T) {
	both(t, func(t *testing.T, _ *Cache, o Ops, clock *time.Time) {
		n, err := o.Incr("n", 5, TTL(time.Hour), Tag("t"), Kind(3))
		require.NoError(t, err)
		require.EqualValues(t, 5, n)
		n, err = o.Decr("n", 12, TTL(time.Second), Tag("other"))
		require.NoError(t, err)
		require.EqualValues(t, -7, n)
		it, err := o.Item("n")
		require.NoError(t, err)
		require.Equal(t, "-7", string(it.Value))
		require.Equal(t, "t", it.Tag)
		require.EqualValues(t, 3, it.Kind)
		require.True(t, it.Expires.Equal(clock.Add(time.Hour)))

		f, err := o.IncrFloat("n", 0.5)
		require.NoError(t, err)
		require.Equal(t, -6.5, f)
		_, err = o.Incr("n", 1)
		require.ErrorIs(t, err, ErrNotNumber)
		*clock = clock.Add(2 * time.Hour)
		n, err = o.Incr("n", 1) // it begins anew
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// TestIncrRefused is told what it cannot count, and changes nothing then.
func TestIncrRefused(t *testing.T) {
	both(t, func(t *testing.T, _ *Cache, o Ops, _ *time.Time) {
		for _, v := range []string{"", "x", "1 ", "0x10", "1_000", "1e3", string(long(1)), string(bytes.Repeat([]byte("9"), 2000))} {
			require.NoError(t, o.Set("n", []byte(v)))
			_, err := o.Incr("n", 1)
			require.ErrorIs(t, err, ErrNotNumber, v)
			got, err := o.Get("n")
			require.NoError(t, err)
			require.Equal(t, v, string(got))
		}
		for _, v := range []string{"NaN", "-Inf", "text"} {
			require.NoError(t, o.Set("n", []byte(v)))
			_, err := o.IncrFloat("n", 1)
			require.ErrorIs(t, err, ErrNotNumber, v)
		}
		overflows := func(v string, delta int64, do func(string, int64, ...SetOption) (int64, error)) {
			t.Helper()
			require.NoError(t, o.Set("n", []byte(v)))
			_, err := do("n", delta)
			require.ErrorIs(t, err, ErrOverflow)
			got, err := o.Get("n")
			require.NoError(t, err)
			require.Equal(t, v, string(got))
		}
		overflows("9223372036854775807", 1, o.Incr)
		overflows("-9223372036854775808", 1, o.Decr)
		overflows("0", math.MinInt64, o.Decr)
		overflows("99999999999999999999", -1, o.Incr)
		n, err := o.Decr("none", math.MaxInt64)
		require.NoError(t, err)
		require.EqualValues(t, int64(-math.MaxInt64), n)
		n, err = o.Decr("none", 1)
		require.NoError(t, err)
		require.EqualValues(t, int64(math.MinInt64), n)
		n, err = o.Decr("none", math.MinInt64)
		require.NoError(t, err)
		require.Zero(t, n)
		for _, delta := range []float64{math.Inf(1), math.NaN(), math.MaxFloat64} {
			require.NoError(t, o.Set("n", []byte("1.7e308")))
			_, err = o.IncrFloat("n", delta)
			require.ErrorIs(t, err, ErrOverflow)
		}
	})
}

func TestTouch(t *testing.T) {
	both(t, func(t *testing.T, c *Cache, o Ops, clock *time.Time) {
		for _, v := range [][]byte{[]byte("short"), long(2)} {
			key := itoa(len(v))
			ok, err := o.Touch(key)
			require.NoError(t, err)
			require.False(t, ok)
			require.NoError(t, o.Set(key, v, TTL(time.Minute), Tag("t"), Kind(9)))
			before, err := o.Item(key)
			require.NoError(t, err)
			ok, err = o.Touch(key, TTL(time.Hour), Tag("not this"), Kind(1))
			require.NoError(t, err)
			require.True(t, ok)
			*clock = clock.Add(30 * time.Minute)
			it, err := o.Item(key)
			require.NoError(t, err)
			require.Equal(t, v, it.Value)
			require.Equal(t, before.Tag, it.Tag)
			require.Equal(t, before.Kind, it.Kind)
			require.True(t, before.Created.Equal(it.Created))
			if c, ok := o.(*Cache); ok {
				require.Greater(t, it.Version, before.Version)
				require.NoError(t, c.Sync()) // now its file would go
			}
			ok, err = o.Touch(key)
			require.NoError(t, err)
			require.True(t, ok)
			*clock = clock.Add(300 * time.Hour)
			got, err := o.Get(key)
			require.NoError(t, err)
			require.Equal(t, v, got)
			ok, err = o.Touch(key, TTL(0))
			require.NoError(t, err)
			require.True(t, ok)
			_, err = o.Get(key)
			require.ErrorIs(t, err, ErrExpired)
			ok, err = o.Touch(key)
			require.NoError(t, err)
			require.False(t, ok)
		}
	})
}

// TestTouchCopiesNothing looks at the file of a large value.
func TestTouchCopiesNothing(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir, &Options{FileThreshold: 50})
	files := func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "values", "*"))
		require.NoError(t, err)
		return names
	}
	require.NoError(t, c.Set("k", long(9)))
	one := files()
	for range 3 {
		_, err := c.Touch("k", TTL(time.Hour))
		require.NoError(t, err)
		require.NoError(t, c.Update(func(tx *Tx) error { _, err := tx.Touch("k"); return err }))
		require.NoError(t, c.Sync())
		require.NoError(t, c.Compact())
		require.Equal(t, one, files())
	}
	require.NoError(t, c.Close())
	c = mustOpen(t, dir, nil)
	it, err := c.Pop("k")
	require.NoError(t, err)
	require.Equal(t, long(9), it.Value)
	require.NoError(t, c.Close())
	require.Empty(t, files())
}

func TestPop(t *testing.T) {
	both(t, func(t *testing.T, _ *Cache, o Ops, clock *time.Time) {
		for _, v := range [][]byte{{}, []byte("short"), long(2)} {
			_, err := o.Pop("k")
			require.ErrorIs(t, err, ErrNotFound)
			require.NoError(t, o.Set("k", v, Tag("t"), Compress(Zstd)))
			it, err := o.Pop("k")
			require.NoError(t, err)
			require.Equal(t, v, it.Value)
			require.Equal(t, "t", it.Tag)
			_, err = o.Get("k")
			require.ErrorIs(t, err, ErrNotFound)
			require.NoError(t, o.Set("k", v, TTL(time.Minute)))
			*clock = clock.Add(time.Hour)
			_, err = o.Pop("k")
			require.ErrorIs(t, err, ErrNotFound)
		}
	})
}

func TestMany(t *testing.T) {
	c := mustOpen(t, t.TempDir(), &Options{FileThreshold: 50})
	require.NoError(t, c.SetMany([]KeyValue{{Key: "a", Value: []byte("1")}, {Key: "b", Value: long(1)}, {Key: "a", Value: []byte("2")}, {Key: "e"}}, Tag("t")))
	values, err := c.GetMany([]string{"b", "a", "none", "e", "a"})
	require.NoError(t, err)
	require.Equal(t, [][]byte{long(1), []byte("2"), nil, {}, []byte("2")}, values)
	it, err := c.Item("b")
	require.NoError(t, err)
	require.Equal(t, "t", it.Tag)
	n, err := c.DeleteMany([]string{"a", "a", "none", "b"})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	for _, none := range []func() error{
		func() error { return c.SetMany(nil) },
		func() error { _, err := c.DeleteMany(nil); return err },
		func() error { _, err := c.GetMany(nil); return err },
	} {
		require.NoError(t, none())
	}
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.SetMany(nil), ErrClosed)
	_, err = c.GetMany([]string{"a"})
	require.ErrorIs(t, err, ErrClosed)
}

// TestManyAtOnce reads keys that are always set together, and are always the same.
func TestManyAtOnce(t *testing.T) {
	c := mustOpen(t, t.TempDir(), &Options{SegmentSize: 1 << 16})
	keys := []string{"a", "b", "c", "d"}
	items := make([]KeyValue, len(keys))
	set := func(i int) error {
		for j, key := range keys {
			items[j] = KeyValue{Key: key, Value: []byte(itoa(i))}
		}
		return c.SetMany(items)
	}
	require.NoError(t, set(0))
	var wg sync.WaitGroup
	done := make(chan struct{})
	var failed error
	wg.Go(func() {
		defer close(done)
		for i := range 3000 {
			failed = errors.Join(failed, set(i))
		}
	})
	for open := true; open; {
		select {
		case <-done:
			open = false
		default:
		}
		values, err := c.GetMany(keys)
		require.NoError(t, err)
		for _, v := range values {
			require.Equal(t, string(values[0]), string(v))
		}
	}
	wg.Wait()
	require.NoError(t, failed)
	require.NoError(t, c.Close())
}

func init() { children["count"] = countInChild }

const (
	countProcs  = 3
	countRounds = 300
)

// countInChild counts up, and is the first to add some of the keys.
func countInChild(dir string) int {
	c, err := Open(dir, &Options{Network: Network(len(os.Args) - 2)})
	for i := 0; err == nil && i < countRounds; i++ {
		var ok bool
		if ok, err = c.Add("key"+itoa(i), []byte("x")); ok && err == nil {
			_, err = c.Incr("added", 1)
		}
		if err == nil {
			_, err = c.Incr("n", 1)
		}
		if err == nil {
			err = c.UpdateContext(context.Background(), func(tx *Tx) error { _, err := tx.Decr("m", 2); return err })
		}
	}
	if err != nil || c.Close() != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestProcessesCount has several processes add and count: each key is added once, and each
// count counts.
func TestProcessesCount(t *testing.T) {
	for _, network := range []Network{NetworkNever, NetworkYes} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			dir := t.TempDir()
			c := mustOpen(t, dir, &Options{Network: network, Freshness: -1})
			var procs []*exec.Cmd
			for range countProcs {
				p := exec.Command(os.Args[0], append([]string{dir}, make([]string, network)...)...)
				p.Env = append(os.Environ(), childEnv+"=count")
				p.Stderr = os.Stderr
				require.NoError(t, p.Start())
				procs = append(procs, p)
			}
			for _, p := range procs {
				require.NoError(t, p.Wait())
			}
			for key, want := range map[string]int{"added": countRounds, "n": countProcs * countRounds, "m": -2 * countProcs * countRounds} {
				v, err := c.Get(key)
				require.NoError(t, err)
				require.Equal(t, itoa(want), string(v), key)
			}
			require.NoError(t, c.Close())
		})
	}
}

package hybrid

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/storetest"
	"github.com/stretchr/testify/require"
)

// TestStore runs the suite of the contract with a memory that takes all that it can, one that
// takes what is stored, and one that is so small that it is always full.
func TestStore(t *testing.T) {
	for name, o := range map[string]Options{
		"reject first": {}, "admit first": {AdmitFirst: true, MaxValue: 1 << 20},
		"write through": {WriteThrough: true, AdmitFirst: true}, "small": {AdmitFirst: true, MemoryLimit: 2000, MaxValue: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Env {
				clock, dir := storetest.NewClock(), t.TempDir()
				s := open(t, dir, diskcache.Options{Now: clock.Now}, o)
				return storetest.Env{Store: s, Clock: clock, Reopen: func() diskcache.Store {
					require.NoError(t, s.Close())
					s = open(t, dir, diskcache.Options{Now: clock.Now}, o)
					return s
				}}
			})
		})
	}
}

// TestStoreProcesses runs what is atomic on a directory that processes have open at once, each with a
// memory.
func TestStoreProcesses(t *testing.T) {
	storetest.RunProcesses(t, func(dir string) (diskcache.Store, error) {
		c, err := diskcache.Open(dir, nil)
		if err != nil {
			return nil, err
		}
		return New(c, &Options{AdmitFirst: true, WriteThrough: true})
	})
}

func open(t *testing.T, dir string, of diskcache.Options, o Options) *Store {
	t.Helper()
	c, err := diskcache.Open(dir, &of)
	require.NoError(t, err)
	s, err := New(c, &o)
	require.NoError(t, err)
	return s
}

func (s *Store) inMemory(key string) bool {
	_, ok := s.memory.GetEntryQuietly(key)
	return ok
}

func read(t *testing.T, s *Store, key string, want []byte) {
	t.Helper()
	v, err := s.Get(key)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, v))
}

func TestAdmission(t *testing.T) {
	v := bytes.Repeat([]byte("v"), 1000)
	t.Run("reject first", func(t *testing.T) {
		s := open(t, t.TempDir(), diskcache.Options{}, Options{})
		defer s.Close()
		require.NoError(t, s.Set("k", v))
		require.False(t, s.inMemory("k"))
		read(t, s, "k", v)
		require.False(t, s.inMemory("k"))
		read(t, s, "k", v)
		require.True(t, s.inMemory("k"))
		// What has a copy gets a new one when it is read.
		require.NoError(t, s.Set("k", v[1:]))
		read(t, s, "k", v[1:])
		c, _ := s.memory.GetIfPresent("k")
		require.Equal(t, v[1:], c.item.Value)
		// What is gone takes no memory once it was asked for.
		_, err := s.Delete("k")
		require.NoError(t, err)
		_, err = s.Get("k")
		require.ErrorIs(t, err, diskcache.ErrNotFound)
		require.False(t, s.inMemory("k"))
	})
	t.Run("admit first", func(t *testing.T) {
		s := open(t, t.TempDir(), diskcache.Options{FileThreshold: 3000}, Options{AdmitFirst: true, MaxValue: 4000})
		defer s.Close()
		require.NoError(t, s.Set("k", v))
		require.False(t, s.inMemory("k"))
		read(t, s, "k", v)
		require.True(t, s.inMemory("k"))
		for _, size := range []int{3000, 5000} { // in a file of its own; larger than MaxValue
			require.NoError(t, s.Set("k", make([]byte, size)))
			read(t, s, "k", make([]byte, size))
			require.False(t, s.inMemory("k"))
		}
	})
	t.Run("write through", func(t *testing.T) {
		s := open(t, t.TempDir(), diskcache.Options{}, Options{WriteThrough: true, MaxValue: 4000})
		defer s.Close()
		require.NoError(t, s.Set("k", v))
		require.True(t, s.inMemory("k"))
		require.NoError(t, s.Set("big", make([]byte, 5000)))
		require.False(t, s.inMemory("big"))
	})
}

// TestReadsMemory: a value that is in memory is not read from the disk: it is returned also
// when the copy in memory is made another, which only this test can do.
func TestReadsMemory(t *testing.T) {
	s := open(t, t.TempDir(), diskcache.Options{}, Options{AdmitFirst: true})
	defer s.Close()
	require.NoError(t, s.Set("k", []byte("disk"), diskcache.TTL(time.Hour)))
	read(t, s, "k", []byte("disk"))
	c, _ := s.memory.GetIfPresent("k")
	copy(c.item.Value, "mem!")
	read(t, s, "k", []byte("mem!"))
	st, err := s.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 2, st.Hits, "one of the disk and one of memory")
	// Any change, by any way, and it is not used.
	_, err = s.Cache.Touch("k", diskcache.TTL(time.Minute))
	require.NoError(t, err)
	read(t, s, "k", []byte("disk"))
	it, err := s.Item("k")
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Minute), it.Expires, 30*time.Second)
}

func TestMemoryLimit(t *testing.T) {
	const limit = 100_000
	s := open(t, t.TempDir(), diskcache.Options{}, Options{AdmitFirst: true, MemoryLimit: limit, MaxValue: 10_000})
	defer s.Close()
	for i := range 500 {
		k := fmt.Sprint(i)
		require.NoError(t, s.Set(k, make([]byte, 1000)))
		read(t, s, k, make([]byte, 1000))
	}
	s.memory.CleanUp()
	n, bytes := s.Memory()
	require.LessOrEqual(t, bytes, int64(limit))
	require.Positive(t, n)
}

// TestCoherent: two who have the directory open, each with a memory, and writers in both: a
// reader never sees a number go back.
func TestCoherent(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{
		open(t, dir, diskcache.Options{SegmentSize: 1 << 14}, Options{AdmitFirst: true}),
		open(t, dir, diskcache.Options{}, Options{AdmitFirst: true, MemoryLimit: 3000, MaxValue: 100}),
	}
	keys := []string{"a", "b", "c"}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for i, s := range stores {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for n := range 2000 {
				if _, err := s.Incr(keys[r.IntN(len(keys))], 1); err != nil {
					t.Error(err)
					return
				}
				if n%500 == 0 {
					if err := s.Compact(); err != nil {
						t.Error(err)
					}
				}
			}
		})
		readers.Go(func() {
			last := make(map[string]int)
			for {
				for _, k := range keys {
					n := 0
					v, err := s.Get(k)
					if err != nil && !errors.Is(err, diskcache.ErrNotFound) {
						t.Error(err)
						return
					}
					_, _ = fmt.Sscan(string(v), &n)
					if n < last[k] {
						t.Errorf("%s was %d and is %d", k, last[k], n)
						return
					}
					last[k] = n
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	sum := int64(0)
	for _, k := range keys {
		n, err := stores[0].Incr(k, 0)
		require.NoError(t, err)
		sum += n
		read(t, stores[1], k, fmt.Append(nil, n))
	}
	require.EqualValues(t, 4000, sum)
	require.NoError(t, stores[0].Close())
	require.NoError(t, stores[1].Close())
}

func TestOptions(t *testing.T) {
	c, err := diskcache.Open(t.TempDir(), nil)
	require.NoError(t, err)
	defer c.Close()
	for _, o := range []Options{{MemoryLimit: -1}, {MaxValue: -1}} {
		_, err := New(c, &o)
		require.ErrorIs(t, err, diskcache.ErrOption)
	}
}

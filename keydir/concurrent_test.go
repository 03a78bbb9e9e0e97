package keydir

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadersAndWriter lets readers look for keys that are always there while a
// writer makes all tables grow, shrink and reuse each other's memory around them.
// Number i is a stable key when it is small; its record is always at a place that is
// i modulo 1<<20, so a reader can tell a wrong entry.
func TestReadersAndWriter(t *testing.T) {
	for name, narrow := range map[string]bool{"good hash": false, "few shards": true} {
		t.Run(name, func(t *testing.T) { readersAndWriter(t, narrow) })
	}
}

const stableKeys = 2000

func readersAndWriter(t *testing.T, narrow bool) {
	hash := func(i uint64) uint64 {
		if narrow {
			return mix64(i) &^ (0b111111 << 58) // four shards
		}
		return mix64(i)
	}
	x := New(Config{PlaceBits: 40})
	defer x.Close()
	put := func(i, version uint64) {
		r := moduloResolver(i)
		ref, err := x.Find(hash(i), r)
		if err == nil {
			err = x.Put(hash(i), ref, r, Entry{Place: version<<20 | i, Class: uint8(i % 16)})
		}
		if err != nil {
			t.Error(err)
		}
	}
	for i := uint64(1); i <= stableKeys; i++ {
		put(i, 0)
	}
	var stop atomic.Bool
	var readers sync.WaitGroup
	var lookups atomic.Int64
	for range 3 {
		readers.Go(func() {
			for n := 0; !stop.Load(); n++ {
				i := rand.Uint64N(stableKeys) + 1
				if !lookUp(x, hash(i), i) {
					t.Errorf("key %d is not found", i)
					return
				}
				lookUp(x, hash(i+1<<19), i+1<<19) // sometimes there
				lookups.Add(1)
			}
		})
	}
	rounds, crowd := 6, uint64(150_000)
	if raceEnabled || testing.Short() {
		rounds, crowd = 3, 20_000
	}
	comeAndGo(t, x, hash, put, rounds, crowd)
	stop.Store(true)
	readers.Wait()
	require.Equal(t, stableKeys, x.Len())
	t.Log(lookups.Load(), "lookups")
}

// comeAndGo has a crowd of keys put and deleted, again and again, and some of the stable
// ones put anew meanwhile.
func comeAndGo(t *testing.T, x *Index, hash func(uint64) uint64, put func(i, round uint64), rounds int, crowd uint64) {
	for round := range rounds {
		for i := uint64(1); i <= crowd && !t.Failed(); i++ {
			put(stableKeys+i, uint64(round))
			if i%16 == 0 {
				put(i/16%stableKeys+1, uint64(round))
			}
		}
		for i := uint64(1); i <= crowd && !t.Failed(); i++ {
			r := moduloResolver(stableKeys + i)
			ref, err := x.Find(hash(uint64(r)), r)
			require.NoError(t, err)
			require.True(t, ref.Found())
			require.NoError(t, x.Delete(hash(uint64(r)), ref, r))
		}
	}
}

// moduloResolver stands for the key whose number is the low 20 bits of a place.
type moduloResolver uint64

func (r moduloResolver) Same(e Entry) (bool, error) { return e.Place&(1<<20-1) == uint64(r), nil }
func (r moduloResolver) Key() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, uint64(r)), nil
}

// lookUp reads as an engine does, and tells whether key i was found.
func lookUp(x *Index, hash, i uint64) bool {
	e, status := x.Lookup(hash)
	if status == Found && e.Place&(1<<20-1) == i {
		return e.Class == uint8(i%16)
	}
	key, _ := moduloResolver(i).Key()
	e, ok := x.LookupSide(hash, key)
	return ok && e.Place&(1<<20-1) == i
}

package keydir

import (
	"bytes"
	"errors"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"
)

// testingT is what *testing.T and *rapid.T have in common.
type testingT interface {
	require.TestingT
	Helper()
}

// A world is an index with the records that it points to and a map to compare it with.
type world struct {
	tb    testingT
	x     *Index
	place uint8
	ranks bool
	hash  func(key string) uint64
	disk  map[uint64]string // the key of the record at each place
	model map[string]Entry
	next  uint64
}

// Hashes from the good to the useless.
var hashes = map[string]func(key string) uint64{
	"good":      xxhash.Sum64String,
	"one shard": func(key string) uint64 { return xxhash.Sum64String(key) >> shardBits },
	"4 bits":    func(key string) uint64 { return xxhash.Sum64String(key) >> 60 << 60 },
	"4 low":     func(key string) uint64 { return xxhash.Sum64String(key) >> 60 },
	"10 bits":   func(key string) uint64 { return xxhash.Sum64String(key) >> 54 << 44 },
	"0 bits":    func(string) uint64 { return 0 },
	"all ones":  func(string) uint64 { return ^uint64(0) },
}

func newWorld(tb testingT, placeBits uint8, hash func(string) uint64) *world {
	return newRankedWorld(tb, placeBits, false, hash)
}

func newRankedWorld(tb testingT, placeBits uint8, ranks bool, hash func(string) uint64) *world {
	w := &world{
		tb: tb, x: New(Config{PlaceBits: placeBits, Ranks: ranks}), place: placeBits, ranks: ranks, hash: hash,
		disk: make(map[uint64]string), model: make(map[string]Entry),
	}
	return w
}

// A keyResolver answers for a key. A place that nothing was ever written to is an error.
type keyResolver struct {
	w   *world
	key string
}

var errNoRecord = errors.New("no record there")

func (r keyResolver) Same(e Entry) (bool, error) {
	// No lock may be held here: TryLock would be false.
	s := r.w.x.shard(r.w.hash(r.key))
	if !s.mu.TryLock() {
		return false, errors.New("asked with a lock held")
	}
	s.mu.Unlock()
	key, ok := r.w.disk[e.Place]
	if !ok {
		return false, errNoRecord
	}
	return key == r.key, nil
}

func (r keyResolver) Key() ([]byte, error) { return []byte(r.key), nil }

// entry makes a record for key, at a new place. It has a rank whether the index
// keeps it or not.
func (w *world) entry(key string) Entry {
	w.next++
	place := w.next
	if w.next%3 == 0 { // the far end of what a place can be
		place = 1<<w.place - w.next
	}
	w.disk[place] = key
	return Entry{Place: place, Class: uint8(w.next * 7 % 16), Hits: uint8(w.next / 2 % 4), Rank: w.next << 40}
}

// kept is what the index keeps of e.
func (w *world) kept(e Entry) Entry {
	if !w.ranks {
		e.Rank = 0
	}
	return e
}

func (w *world) find(key string) Ref {
	w.tb.Helper()
	ref, err := w.x.Find(w.hash(key), keyResolver{w, key})
	require.NoError(w.tb, err)
	want, there := w.model[key]
	require.Equal(w.tb, there, ref.Found(), "Found %q", key)
	require.Equal(w.tb, want, ref.Entry(), "Entry %q", key)
	return ref
}

func (w *world) put(key string) {
	w.tb.Helper()
	ref := w.find(key)
	e := w.entry(key)
	require.NoError(w.tb, w.x.Put(w.hash(key), ref, keyResolver{w, key}, e))
	w.erase(key)
	w.model[key] = w.kept(e)
}

func (w *world) delete(key string) {
	w.tb.Helper()
	ref := w.find(key)
	require.NoError(w.tb, w.x.Delete(w.hash(key), ref, keyResolver{w, key}))
	w.erase(key)
	delete(w.model, key)
}

// erase takes the record of key off the disk, so that a stale place shows.
func (w *world) erase(key string) {
	if e, ok := w.model[key]; ok {
		delete(w.disk, e.Place)
	}
}

func (w *world) move(key string) {
	w.tb.Helper()
	from, there := w.model[key]
	if !there {
		from = Entry{Place: 1<<w.place - 1}
	}
	to := w.entry(key)
	moved, err := w.x.Move(w.hash(key), from, to)
	require.NoError(w.tb, err)
	require.Equal(w.tb, there, moved, "Move %q", key)
	if !moved {
		delete(w.disk, to.Place)
		return
	}
	w.erase(key)
	to.Rank = from.Rank
	w.model[key] = to
}

func (w *world) touch(key string) {
	w.tb.Helper()
	h := w.hash(key)
	w.requireGet(key)          // as readers do first
	w.x.Touch(h, 1<<w.place-1) // nothing lies there
	if e, there := w.model[key]; there {
		w.x.Touch(h, e.Place)
		e.Hits = min(e.Hits+1, MaxHits)
		w.model[key] = e
	}
	w.requireGet(key)
}

func (w *world) setRank(key string) {
	w.tb.Helper()
	h := w.hash(key)
	w.next++
	require.False(w.tb, w.x.SetRank(h, 1<<w.place-1, 0, w.next), "nothing lies there")
	if e, there := w.model[key]; there {
		require.False(w.tb, w.x.SetRank(h, e.Place, e.Rank+1, w.next), "it has another one")
		require.Equal(w.tb, w.ranks, w.x.SetRank(h, e.Place, e.Rank, w.next))
		e.Rank = w.next
		w.model[key] = w.kept(e)
	}
	w.requireRank(h, key)
}

func (w *world) requireRank(h uint64, key string) {
	w.tb.Helper()
	e, there := w.model[key]
	rank, ok := w.x.Rank(h, e.Place)
	require.Equal(w.tb, w.ranks && there, ok, "Rank %q", key)
	require.Equal(w.tb, e.Rank, rank, "Rank %q", key)
}

// get looks a key up as a reader does.
func (w *world) get(key string) (Entry, bool) {
	w.tb.Helper()
	h := w.hash(key)
	e, status := w.x.Lookup(h)
	require.NotEqual(w.tb, Damaged, status)
	if status == Found {
		other, ok := w.disk[e.Place]
		require.True(w.tb, ok, "no record at %d, found for %q", e.Place, key)
		if other == key {
			return e, true
		}
	}
	return w.x.LookupSide(h, []byte(key))
}

func (w *world) requireGet(key string) {
	w.tb.Helper()
	want, there := w.model[key]
	e, ok := w.get(key)
	require.Equal(w.tb, there, ok, "get %q", key)
	w.requireRank(w.hash(key), key)
	want.Rank = 0 // a reader is not told
	require.Equal(w.tb, want, e, "get %q", key)
}

// requireAll compares the whole index with the model.
func (w *world) requireAll() {
	w.tb.Helper()
	require.Equal(w.tb, len(w.model), w.x.Len())
	for key := range w.model {
		w.requireGet(key)
	}
	seen := make(map[string]Entry)
	for i := range w.x.Shards() {
		entries, err := w.x.Shard(i, nil)
		require.NoError(w.tb, err)
		for _, e := range entries {
			seen[w.disk[e.Place]] = e
		}
	}
	require.Equal(w.tb, w.model, seen)
	w.requireScan()
	w.requireCollides()
}

// requireScan checks that Scan gives all entries, and that each is found by its id.
func (w *world) requireScan() {
	w.tb.Helper()
	seen := make(map[string]Entry)
	ids := make(map[string]uint64)
	for i := range w.x.Shards() {
		require.NoError(w.tb, w.x.Scan(i, func(id uint64, e Entry) {
			if key := w.disk[e.Place]; i == int(id>>(64-shardBits)) {
				seen[key], ids[key] = e, id
			}
		}))
	}
	require.Equal(w.tb, w.model, seen)
	for key, id := range ids {
		h := w.hash(key)
		require.Equal(w.tb, w.x.layout.identity(h), w.x.layout.identity(id))
		w.requireRank(id, key)
		e, status := w.x.Lookup(h)
		byID, same := w.x.Lookup(id)
		require.Equal(w.tb, status, same)
		require.Equal(w.tb, e, byID)
		if _, side := w.x.LookupSide(h, []byte(key)); !side {
			require.Equal(w.tb, w.model[key].Place, byID.Place)
		}
	}
}

// requireCollides checks Ref.Collides for all keys.
func (w *world) requireCollides() {
	w.tb.Helper()
	same := make(map[uint64]int)
	for key := range w.model {
		same[w.x.layout.identity(w.hash(key))]++
	}
	check := func(key string, there int) {
		ref := w.find(key)
		require.Equal(w.tb, same[w.x.layout.identity(w.hash(key))] > there, ref.Collides(), "Collides %q", key)
	}
	for key := range w.model {
		check(key, 1)
		check(key+" absent", 0)
	}
}

// reload replaces the index by one that is loaded from its images.
func (w *world) reload() {
	w.tb.Helper()
	file, src := snapshot(w.tb, w.x)
	src.Reader = bytes.NewReader(file)
	x, err := Load(Config{PlaceBits: w.place, Ranks: w.ranks}, src)
	require.NoError(w.tb, err)
	w.x.Close()
	w.x = x
}

// snapshot returns all images of an index as one file, and where they are in it.
func snapshot(tb testingT, x *Index) (file []byte, src Source) {
	tb.Helper()
	file = append(file, "head of the file"...)
	region := func(from, count int) Region {
		return Region{Offset: int64(from), Length: int64(len(file) - from), Sum: xxhash.Sum64(file[from:]), Count: count}
	}
	for i := range x.Shards() {
		from := len(file)
		var err error
		file, err = x.Image(i, file)
		require.NoError(tb, err)
		n, err := x.ImageLen(i)
		require.NoError(tb, err)
		require.Equal(tb, n, len(file)-from)
		count, err := x.ImageCount(i)
		require.NoError(tb, err)
		src.Shards = append(src.Shards, region(from, count))
		if x.memory.ranked {
			from := len(file)
			file, err = x.RankImage(i, file)
			require.NoError(tb, err)
			src.Ranks = append(src.Ranks, region(from, 0))
		}
	}
	from := len(file)
	file = x.SideImage(file)
	src.Side = region(from, x.SideLen())
	src.Reader = bytes.NewReader(file)
	return file, src
}

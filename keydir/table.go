package keydir

import (
	"math/bits"
	"sync/atomic"
)

// A bucket is one cache line of slots.
type bucket [bucketSlots]uint64

const (
	bucketSlots = 8
	bucketBytes = bucketSlots * 8

	// maxN bounds the buckets of a table: 64 MiB of memory, and with all
	// shards two thousand million entries.
	maxN = 1 << 20
)

// A table is a shard's slots. Its size never changes.
type table struct {
	buckets []bucket
	ranks   []bucket // the rank of each slot's entry; nil without Config.Ranks
	n       uint64
	div     divider
}

// newTable makes a table of zeroed memory.
func newTable(buckets, ranks []bucket) *table {
	n := uint64(len(buckets))
	return &table{buckets: buckets, ranks: ranks, n: n, div: newDivider(n)}
}

func (t *table) slots() int { return len(t.buckets) * bucketSlots }

// at returns the bucket of y, which is x or other(x), and the tag that tells
// y from all others of that bucket.
//
// y*n is bucket<<k + rest. The values of a bucket have rests that lie n apart
// and begin under n, so rest/n numbers them from 0.
func (t *table) at(l *layout, y uint64) (b, tag uint64) {
	p := y * t.n
	return p >> (l.xBits & 63), t.div.divide(p & l.xMask)
}

// first returns the smallest y of bucket b: b<<k / n, rounded up. The y of a
// slot is that plus its tag.
func (t *table) first(l *layout, b uint64) uint64 { return (b<<l.xBits + t.n - 1) / t.n }

// A home is the two buckets where an x can be, and the key that its slot has in
// each: tag and "which".
type home struct {
	i, j       uint64
	key1, key2 uint64
}

func (t *table) home(l *layout, x uint64) home {
	i, tag1 := t.at(l, x)
	j, tag2 := t.at(l, l.other(x))
	return home{i, j, tag1 << 1, tag2<<1 | 1}
}

// find returns the word of x, or 0. It looks at all slots, without a branch that
// depends on what is in them: the cache lines of both buckets are then fetched
// at the same time, and no branch is mispredicted where the entry is found.
//
// It is findIn(home(x)) in one, for readers: the calls would be a tenth of it.
func (t *table) find(l *layout, x uint64) uint64 {
	i, tag1 := t.at(l, x)
	j, tag2 := t.at(l, l.other(x))
	b1, b2 := &t.buckets[i], &t.buckets[j]
	return b1.find(l.keyShift, tag1<<1) | b2.find(l.keyShift, tag2<<1|1)
}

func (t *table) findIn(l *layout, h home) uint64 {
	b1, b2 := &t.buckets[h.i], &t.buckets[h.j]
	return b1.find(l.keyShift, h.key1) | b2.find(l.keyShift, h.key2)
}

func (b *bucket) find(shift uint8, key uint64) (found uint64) {
	shift &= 63
	one := ^key & 1
	if w := atomic.LoadUint64(&b[0]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[1]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[2]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[3]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[4]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[5]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[6]); (w-one)>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[7]); (w-one)>>shift == key {
		found = w
	}
	return found
}

// A pos is the number of a slot in a table.
type pos uint32

func (t *table) slot(p pos) *uint64 { return &t.buckets[p/bucketSlots][p%bucketSlots] }
func (t *table) rank(p pos) *uint64 { return &t.ranks[p/bucketSlots][p%bucketSlots] }

// position returns the slot of x, whose word also satisfies word&mask == want.
func (t *table) position(l *layout, h home, mask, want uint64) (p pos, word uint64, ok bool) {
	b1, b2 := &t.buckets[h.i], &t.buckets[h.j]
	for s := range b1 {
		if w := atomic.LoadUint64(&b1[s]); w>>l.keyShift == h.key1 && w&mask == want && w != 0 {
			return pos(h.i*bucketSlots) + pos(s), w, true
		}
		if w := atomic.LoadUint64(&b2[s]); w>>l.keyShift == h.key2 && w&mask == want {
			return pos(h.j*bucketSlots) + pos(s), w, true
		}
	}
	return 0, 0, false
}

// set makes the entry of a slot another one. The rank comes first: who sees the
// new word in what was an empty slot sees its rank.
func (t *table) set(p pos, word, rank uint64) {
	if t.ranks != nil {
		atomic.StoreUint64(t.rank(p), rank)
	}
	atomic.StoreUint64(t.slot(p), word)
}

// rankAt returns the rank in a slot, 0 if the table has none.
func (t *table) rankAt(p pos) uint64 {
	if t.ranks == nil {
		return 0
	}
	return atomic.LoadUint64(t.rank(p))
}

// free returns the empty slots of b, a bit for each. Like find it does without
// branches: which slots are empty is chance.
func (b *bucket) free() uint8 {
	m := atEmpty(0, &b[7])
	m = atEmpty(m, &b[6])
	m = atEmpty(m, &b[5])
	m = atEmpty(m, &b[4])
	m = atEmpty(m, &b[3])
	m = atEmpty(m, &b[2])
	m = atEmpty(m, &b[1])
	return uint8(atEmpty(m, &b[0]))
}

// atEmpty returns 2*m, and one more if a slot is empty: the carry of word-1 is
// added, which are two instructions.
func atEmpty(m uint64, slot *uint64) uint64 {
	_, empty := bits.Sub64(atomic.LoadUint64(slot), 1, 0)
	m, _ = bits.Add64(m, m, empty)
	return m
}

// choose returns the free slot that an entry at home in h is to take, and its key there.
//
// The first bucket is preferred, because readers then need one line only, but
// not when that fills it while the second stays empty.
func (t *table) choose(h home) (p pos, key uint64, ok bool) {
	m1, m2 := t.buckets[h.i].free(), t.buckets[h.j].free()
	n1, n2 := bits.OnesCount8(m1), bits.OnesCount8(m2)
	switch {
	case n1 > 0 && n2 <= n1+2:
		return pos(h.i*bucketSlots) + pos(bits.TrailingZeros8(m1)), h.key1, true
	case n2 > 0:
		return pos(h.j*bucketSlots) + pos(bits.TrailingZeros8(m2)), h.key2, true
	}
	return 0, 0, false
}

// insert writes an entry of x that is not in the table. low is its word
// without tag and "which". It reports false when there is no room. The version
// is raised when another entry had to change its bucket.
func (t *table) insert(l *layout, x, low, rank uint64, version *atomic.Uint64) bool {
	h := t.home(l, x)
	if p, key, ok := t.choose(h); ok {
		t.set(p, key<<l.keyShift|low, rank)
		return true
	}
	return t.displace(l, h.i, h.key1<<l.keyShift|low, rank, version) ||
		t.displace(l, h.j, h.key2<<l.keyShift|low, rank, version)
}

// displace moves one entry of the full bucket b to its other bucket and writes
// word in its stead. To go on from there, should all those be full too, would fill
// tables by 0.97 in place of 0.94, and take a third of an insert's time.
func (t *table) displace(l *layout, b, word, rank uint64, version *atomic.Uint64) bool {
	first := t.first(l, b)
	slots := &t.buckets[b]
	for s := range slots {
		w := atomic.LoadUint64(&slots[s])
		o, moved := t.elsewhere(l, first, w)
		if m := t.buckets[o].free(); m != 0 {
			from := pos(b*bucketSlots) + pos(s)
			t.set(pos(o*bucketSlots)+pos(bits.TrailingZeros8(m)), moved, t.rankAt(from))
			version.Add(versionMove)
			t.set(from, word, rank)
			return true
		}
	}
	return false
}

// elsewhere returns the other bucket of an entry, and its word there. The entry
// is that of word w in the bucket whose smallest y is first.
func (t *table) elsewhere(l *layout, first, w uint64) (b, word uint64) {
	key := w >> l.keyShift
	y := l.partner(first+key>>1, key)
	b, tag := t.at(l, y)
	return b, (tag<<1|key&1^1)<<l.keyShift | w&l.lowMask()
}

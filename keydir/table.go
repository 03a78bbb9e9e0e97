package keydir

import "sync/atomic"

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
	n       uint64
	div     divider
}

func newTable(buckets []bucket) *table {
	n := uint64(len(buckets))
	return &table{buckets: buckets, n: n, div: newDivider(n)}
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

// find returns the word of x, or 0. It looks at all slots, without a branch that
// depends on what is in them: the cache lines of both buckets are then fetched
// at the same time, and no branch is mispredicted where the entry is found.
func (t *table) find(l *layout, x uint64) uint64 {
	i, tag1 := t.at(l, x)
	j, tag2 := t.at(l, l.other(x))
	b1, b2 := &t.buckets[i], &t.buckets[j]
	return b1.find(l.keyShift, tag1<<1) | b2.find(l.keyShift, tag2<<1|1)
}

func (b *bucket) find(shift uint8, key uint64) (found uint64) {
	shift &= 63
	if w := atomic.LoadUint64(&b[0]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[1]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[2]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[3]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[4]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[5]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[6]); w>>shift == key {
		found = w
	}
	if w := atomic.LoadUint64(&b[7]); w>>shift == key {
		found = w
	}
	return found
}

// slot returns the slot of x, or nil.
func (t *table) slot(l *layout, x uint64) *uint64 {
	i, tag1 := t.at(l, x)
	j, tag2 := t.at(l, l.other(x))
	b1, b2 := &t.buckets[i], &t.buckets[j]
	for s := range b1 {
		if w := atomic.LoadUint64(&b1[s]); w>>l.keyShift == tag1<<1 && w != 0 {
			return &b1[s]
		}
		if w := atomic.LoadUint64(&b2[s]); w>>l.keyShift == tag2<<1|1 {
			return &b2[s]
		}
	}
	return nil
}

// free returns how many slots of b are empty and the first one of them.
func (b *bucket) free() (n int, slot *uint64) {
	for s := bucketSlots - 1; s >= 0; s-- {
		if atomic.LoadUint64(&b[s]) == 0 {
			n++
			slot = &b[s]
		}
	}
	return n, slot
}

// insert writes an entry of x that is not in the table. low is its word
// without tag and "which". It reports false when there is no room. The version
// is raised when another entry had to change its bucket.
//
// The first bucket is preferred, because readers then need one line only, but
// not when that fills it while the second stays empty.
func (t *table) insert(l *layout, x, low uint64, version *atomic.Uint64) bool {
	i, tag1 := t.at(l, x)
	j, tag2 := t.at(l, l.other(x))
	word1 := tag1<<1<<l.keyShift | low
	word2 := (tag2<<1|1)<<l.keyShift | low
	n1, slot1 := t.buckets[i].free()
	n2, slot2 := t.buckets[j].free()
	switch {
	case n1 > 0 && n2 <= n1+2:
		atomic.StoreUint64(slot1, word1)
	case n2 > 0:
		atomic.StoreUint64(slot2, word2)
	case t.displace(l, i, word1, version), t.displace(l, j, word2, version):
	default:
		return false
	}
	return true
}

// displace moves one entry of the full bucket b to its other bucket and writes
// word in its stead. It reports false when all those other buckets are full.
func (t *table) displace(l *layout, b, word uint64, version *atomic.Uint64) bool {
	first := t.first(l, b)
	slots := &t.buckets[b]
	for s := range slots {
		w := atomic.LoadUint64(&slots[s])
		key := w >> l.keyShift
		y := first + key>>1
		if key&1 == 0 {
			y = l.other(y)
		} else {
			y = l.unother(y)
		}
		o, tag := t.at(l, y)
		n, slot := t.buckets[o].free()
		if n == 0 {
			continue
		}
		atomic.StoreUint64(slot, (tag<<1|key&1^1)<<l.keyShift|w&l.lowMask())
		version.Add(versionMove)
		atomic.StoreUint64(&slots[s], word)
		return true
	}
	return false
}

// fill writes all entries of old into t, which is empty and still unknown to
// readers. It reports false when one does not fit.
//
// Buckets are in the order of x, whatever their number: an entry stays in the
// same part of the table, so this runs through both tables from front to back.
func (t *table) fill(l *layout, old *table) bool {
	var unseen atomic.Uint64
	for b := range old.buckets {
		first := old.first(l, uint64(b))
		slots := &old.buckets[b]
		for s := range slots {
			w := atomic.LoadUint64(&slots[s])
			if w == 0 {
				continue
			}
			key, low := w>>l.keyShift, w&l.lowMask()
			y := first + key>>1
			nb, tag := t.at(l, y)
			if t.buckets[nb].add((tag<<1|key&1)<<l.keyShift | low) {
				continue
			}
			if key&1 == 1 {
				y = l.unother(y)
			}
			if !t.insert(l, y, low, &unseen) {
				return false
			}
		}
	}
	return true
}

// add writes word to an empty slot, if there is one. The bucket is not yet known
// to readers, so a plain store will do.
func (b *bucket) add(word uint64) bool {
	for s := range b {
		if b[s] == 0 {
			b[s] = word
			return true
		}
	}
	return false
}

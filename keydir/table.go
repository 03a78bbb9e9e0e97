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
// word in its stead. To go on from there, should all those be full too, would fill
// tables by 0.97 in place of 0.94, and take a third of an insert's time.
func (t *table) displace(l *layout, b, word uint64, version *atomic.Uint64) bool {
	first := t.first(l, b)
	slots := &t.buckets[b]
	for s := range slots {
		w := atomic.LoadUint64(&slots[s])
		o, moved := t.elsewhere(l, first, w)
		if n, slot := t.buckets[o].free(); n > 0 {
			atomic.StoreUint64(slot, moved)
			version.Add(versionMove)
			atomic.StoreUint64(&slots[s], word)
			return true
		}
	}
	return false
}

// elsewhere returns the other bucket of an entry, and its word there. The entry
// is that of word w in the bucket whose smallest y is first.
func (t *table) elsewhere(l *layout, first, w uint64) (b, word uint64) {
	key := w >> l.keyShift
	y := first + key>>1
	if key&1 == 0 {
		y = l.other(y)
	} else {
		y = l.unother(y)
	}
	b, tag := t.at(l, y)
	return b, (tag<<1|key&1^1)<<l.keyShift | w&l.lowMask()
}

// fill writes all entries of old into t, which is empty and still unknown to
// readers. It reports false when one does not fit. Writers wait for it.
//
// Buckets are in the order of y, whatever their number. So an entry keeps its
// place relative to the whole table, and this runs through both tables from
// front to back. Entries that find their new bucket full come last: by then it
// is known which buckets stay empty enough.
func (t *table) fill(l *layout, old *table) bool {
	type entry struct{ x, low uint64 }
	var late []entry
	// An old bucket's entries go to few neighbours, for which the slots in use
	// are counted. A bucket that comes into reach for the first time is empty.
	var used [8]uint8
	reach := uint64(0) // first bucket that was not yet in reach
	end := uint64(0)
	for b := range old.buckets {
		first := end
		end = old.first(l, uint64(b)+1)
		for last, _ := t.at(l, end-1); reach <= last; reach++ {
			used[reach%8] = 0
		}
		slots := &old.buckets[b]
		for s := range slots {
			w := atomic.LoadUint64(&slots[s])
			if w == 0 {
				continue
			}
			key, low := w>>l.keyShift, w&l.lowMask()
			y := first + key>>1
			nb, tag := t.at(l, y)
			if n := used[nb%8]; n < bucketSlots {
				t.buckets[nb][n%bucketSlots] = (tag<<1|key&1)<<l.keyShift | low
				used[nb%8] = n + 1
				continue
			}
			if key&1 == 1 {
				y = l.unother(y)
			}
			late = append(late, entry{y, low})
		}
	}
	var unseen atomic.Uint64
	for _, e := range late {
		if !t.insert(l, e.x, e.low, &unseen) {
			return false
		}
	}
	return true
}

package keydir

import "sync/atomic"

// A filler writes the entries of a table into one of another size.
//
// Buckets are in the order of y, whatever their number. So an entry keeps its
// place relative to the whole table, and this runs through both tables from
// front to back: no bucket is looked for. Entries that find their new bucket
// full come last: by then it is known which buckets stay empty enough.
type filler struct {
	l    *layout
	t    *table
	b    uint64    // the first bucket of t that old entries still go to
	head border    // the smallest y of bucket b+reach
	from [4]uint64 // the smallest y of bucket b, b+1 and so on
	used [4]uint8  // slots in use of bucket b, at b%4, and so on
	late []lateEntry
}

// reach is in how many buckets of the new table those of one old bucket can be,
// if the new one has at most twice as many.
const reach = 3

type lateEntry struct{ x, low, rank uint64 }

// fill writes all entries of old into t, which is empty and still unknown to
// readers. It reports false when one does not fit. Writers wait for it.
func (t *table) fill(l *layout, old *table) bool {
	f := newFiller(l, t)
	f.run(old)
	return f.finish()
}

func newFiller(l *layout, t *table) *filler {
	f := &filler{l: l, t: t, head: newBorder(l, t.n)}
	for i := range f.from {
		f.from[i] = f.head.next()
	}
	return f
}

func (f *filler) run(old *table) {
	end := newBorder(f.l, old.n)
	end.next()
	first := uint64(0)
	for b := range old.buckets {
		next := end.next()
		if f.t.n <= 2*old.n {
			f.bucket(old, b, first)
		} else {
			f.delay(old, b, first)
		}
		first = next
	}
}

// bucket writes the entries of one old bucket, whose smallest y is first.
func (f *filler) bucket(old *table, b int, first uint64) {
	for f.from[1] <= first {
		f.b++
		f.from[0], f.from[1], f.from[2] = f.from[1], f.from[2], f.from[3]
		f.from[3] = f.head.next()
		f.used[(f.b+reach-1)%4] = 0
	}
	t, shift, low := f.t, f.l.keyShift&63, f.l.lowMask()
	slots := &old.buckets[b]
	for s := range slots {
		w := atomic.LoadUint64(&slots[s])
		if w == 0 {
			continue
		}
		key := w >> shift
		y := first + key>>1
		c := uint64(0)
		if y >= f.from[1] {
			c = 1
		}
		if y >= f.from[2] {
			c = 2
		}
		used := &f.used[(f.b+c)%4]
		n := *used
		if n == bucketSlots {
			f.late = append(f.late, lateEntry{f.l.base(y, key), w & low, old.rankAt(pos(b*bucketSlots + s))})
			continue
		}
		*used = n + 1
		t.buckets[f.b+c][n%bucketSlots] = ((y-f.from[c])<<1|key&1)<<shift | w&low
		if t.ranks != nil {
			t.ranks[f.b+c][n%bucketSlots] = old.rankAt(pos(b*bucketSlots + s))
		}
	}
}

// delay leaves all entries of an old bucket for later. That is slow, and only done
// when the new table is larger than what growth asks for.
func (f *filler) delay(old *table, b int, first uint64) {
	for s := range old.buckets[b] {
		p := pos(b*bucketSlots + s)
		if w := atomic.LoadUint64(old.slot(p)); w != 0 {
			key := w >> f.l.keyShift
			f.late = append(f.late, lateEntry{f.l.base(first+key>>1, key), w & f.l.lowMask(), old.rankAt(p)})
		}
	}
}

func (f *filler) finish() bool {
	var unseen atomic.Uint64
	for _, e := range f.late {
		if !f.t.insert(f.l, e.x, e.low, e.rank, &unseen) {
			return false
		}
	}
	return true
}

// A border goes through the smallest y of all buckets of a table, as table.first
// gives them, without a division for each. After the last bucket it stays at 2^k
// or more.
type border struct {
	n, whole, part uint64 // 2^k is n*whole + part
	y, rest        uint64 // y is rounded down, rest/n is missing
}

func newBorder(l *layout, n uint64) border {
	return border{n: n, whole: (l.xMask + 1) / n, part: (l.xMask + 1) % n}
}

// next returns the smallest y of the next bucket, from bucket 0 on.
func (b *border) next() uint64 {
	y := b.y
	if b.rest > 0 {
		y++
	}
	b.y += b.whole
	if b.rest += b.part; b.rest >= b.n {
		b.rest -= b.n
		b.y++
	}
	return y
}

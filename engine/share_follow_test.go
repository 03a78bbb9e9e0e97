package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareGravesEnd: what one process drops no other waits for longer than it must: a grave
// that stays keeps tombstones and drop records for ever.
func TestShareGravesEnd(t *testing.T) {
	t.Parallel()
	inModes(t, testShareGravesEnd)
}

func testShareGravesEnd(t *testing.T, newMem func() *vfs.Mem) {
	for name, drop := range map[string]func(e *Engine) error{
		"compact": (*Engine).Compact,
		"clear":   func(e *Engine) error { _, err := e.Clear(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			mem := newMem()
			opt := Options{SegmentSize: 2048, FileThreshold: 1000}
			a, ap := openIn(t, mem, opt)
			b, bp := openIn(t, mem, opt)
			ap.onRemove = func() { assert.NoError(t, b.catchUp()) } // it follows while all is there
			for i := range 60 {
				for _, e := range []*Engine{a, b} {
					require.NoError(t, e.Set(fmt.Sprint(i%5), make([]byte, 300), Attrs{}))
					require.NoError(t, e.Set("large", make([]byte, 1500+i), Attrs{}))
				}
				if i%10 == 9 {
					require.NoError(t, drop(a))
				}
			}
			require.NoError(t, drop(a))
			require.NoError(t, a.Set("last", nil, Attrs{}))
			for range 2 { // what one lets go the other can remove
				for _, e := range []*Engine{a, b} {
					require.NoError(t, e.catchUp())
					require.NoError(t, e.Sync())
					require.NoError(t, e.syncDropped(false))
				}
			}
			for _, e := range []*Engine{a, b} {
				require.Empty(t, e.graves.ids())
				require.Zero(t, e.values.deadBytes.Load())
			}
			large := 0
			if name == "compact" {
				large = 1
			}
			require.Equal(t, large, valueFiles(mem))
			countsAll(t, mem, a, b)
			ap.onRemove = nil
			require.NoError(t, b.Close())
			require.NoError(t, a.Close())
			require.Empty(t, ap.leaks())
			require.Empty(t, bp.leaks())
		})
	}
}

// TestShareSlotUsedAgain: a reader may have segments from before the slot of one was given to
// another, and find its place in an index from after that: what stands there in the old
// segment is not what it looks for.
func TestShareSlotUsedAgain(t *testing.T) {
	mem := vfs.NewMem()
	e, err := Open(mem, Options{oneStream: true})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("old"), Attrs{}))
	set := e.log.Acquire(0)
	_, err = e.Clear()
	require.NoError(t, err)
	e.w.mu.Lock()
	for _, w := range e.w.actives() { // the next one begins like the first, in its slot
		e.bg.seal(w)
	}
	e.w.active = [streams]*segment.Writer{}
	e.w.mu.Unlock()
	require.NoError(t, e.Set("k", []byte("new"), Attrs{}))
	var rec codec.Record
	v, _, err := e.findIn(set, e.opt.Hash("k"), "k", nil, &rec, peeks)
	require.ErrorIs(t, err, errGone, "%s", v)
	set.Release(0)
	require.NoError(t, e.Close())
}

// TestShareSync: Sync puts on the disk what other processes have committed before.
func TestShareSync(t *testing.T) { inModes(t, testShareSync) }

func testShareSync(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	require.NoError(t, b.Sync())
	mem.Note("synced")
	n := 0
	mem.Crashes(vfs.CrashOptions{}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		if len(c.Notes) == 0 {
			return true
		}
		e, err := Open(img, Options{})
		require.NoError(t, err)
		v, err := e.Get("k", nil)
		require.NoError(t, err, c)
		require.Equal(t, "1", string(v))
		require.NoError(t, e.Close())
		n++
		return true
	})
	require.Positive(t, n)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// TestShareCompactsBesideWrites: what another process commits while a segment is read to be
// compacted is not undone by the copies.
func TestShareCompactsBesideWrites(t *testing.T) { inModes(t, testShareCompactsBesideWrites) }

func testShareCompactsBesideWrites(t *testing.T, newMem func() *vfs.Mem) {
	for name, change := range map[string]func(t *testing.T, e *Engine){
		"set":     func(t *testing.T, e *Engine) { require.NoError(t, e.Set("k7", []byte("new"), Attrs{})) },
		"delete":  func(t *testing.T, e *Engine) { _, err := e.Delete("k7"); require.NoError(t, err) },
		"clear":   func(t *testing.T, e *Engine) { _, err := e.Clear(); require.NoError(t, err) },
		"compact": func(t *testing.T, e *Engine) { require.NoError(t, e.Compact()) },
	} {
		t.Run(name, func(t *testing.T) {
			mem := newMem()
			opt := Options{SegmentSize: 4096}
			a, _ := openIn(t, mem, opt)
			b, bp := openIn(t, mem, opt)
			want := make(map[string]string)
			for i := range 40 {
				key := fmt.Sprintf("k%d", i%10)
				want[key] = strings.Repeat(fmt.Sprint(i), 100)
				require.NoError(t, a.Set(key, []byte(want[key]), Attrs{}))
			}
			require.NoError(t, a.sealRest())
			agreeOnCounts(t, a, b) // and on what is sealed
			var once sync.Once
			bp.onOpen = func(name string) {
				if strings.HasSuffix(name, ".hint") || strings.HasSuffix(name, ".seg") {
					once.Do(func() { change(t, a) })
				}
			}
			require.NoError(t, b.Compact())
			switch name {
			case "set":
				want["k7"] = "new"
			case "delete":
				delete(want, "k7")
			case "clear":
				clear(want)
			}
			for _, e := range []*Engine{a, b} {
				got := make(map[string]string)
				for kv, err := range e.Items() {
					require.NoError(t, err)
					got[kv.Key] = string(kv.Value)
				}
				require.Equal(t, want, got)
			}
			require.NoError(t, a.Close())
			require.NoError(t, b.Close())
		})
	}
}

// TestShareFollowsDrops: who follows forgets what another process has dropped, so that its
// segments are the same.
func TestShareFollowsDrops(t *testing.T) { inModes(t, testShareFollowsDrops) }

func testShareFollowsDrops(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	opt := Options{SegmentSize: 2048}
	a, _ := openIn(t, mem, opt)
	b, _ := openIn(t, mem, opt)
	for i := range 60 {
		require.NoError(t, a.Set(fmt.Sprint(i%5), make([]byte, 300), Attrs{}))
		require.NoError(t, b.catchUp())
	}
	require.NoError(t, a.Compact())
	require.NoError(t, b.catchUp())
	require.Equal(t, segmentsOf(a), segmentsOf(b))
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

func segmentsOf(e *Engine) (ids []uint64) {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	for _, s := range e.w.bySlot {
		if s != nil {
			ids = append(ids, s.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestShareMissingCommit: a commit is not applied before the one that it names as the one
// before it, wherever that may be: here in a segment that has left the board.
func TestShareMissingCommit(t *testing.T) { inModes(t, testShareMissingCommit) }

func testShareMissingCommit(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	opt := Options{SegmentSize: 1024}
	a, _ := openIn(t, mem, opt)
	b, _ := openIn(t, mem, opt)
	c, _ := openIn(t, mem, opt)
	for i := range 30 { // of a the segments begin and end before c looks; b has one all the time
		require.NoError(t, a.Set(fmt.Sprint("a", i), make([]byte, 400), Attrs{}))
		require.NoError(t, a.sealRest())
		require.NoError(t, b.Set(fmt.Sprint("b", i/10), fmt.Append(nil, i), Attrs{}))
	}
	n, err := c.Len()
	require.NoError(t, err)
	require.Equal(t, 33, n)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
}

// TestShareDropsInParts: a process that follows while another drops segments in many small
// parts does not read all of a segment for each of them.
func TestShareDropsInParts(t *testing.T) {
	mem := vfs.NewMem()
	opt := Options{SegmentSize: 64 << 10, Policy: evict.FIFO, CountLimit: 400}
	a, _ := openIn(t, mem, opt)
	b, bp := openIn(t, mem, opt)
	before := bp.read.Load()
	for i := range 3000 {
		require.NoError(t, a.Set(fmt.Sprint(i), make([]byte, 200), Attrs{}))
		if i%10 == 0 {
			require.NoError(t, b.catchUp())
		}
	}
	agreeOnCounts(t, a, b)
	require.Greater(t, b.follower.drops.Load(), int64(100))
	s, err := a.Stats()
	require.NoError(t, err)
	require.Less(t, bp.read.Load()-before, 5*s.WrittenBytes)
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareFollowsSome: who waits for the writer lock applies a few commits at a time, for its
// holder waits for it only a little while when it gives the lock up.
func TestShareFollowsSome(t *testing.T) {
	const most, sets = 100, 350
	mem := vfs.NewMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	b.w.mu.Lock()
	for i := range sets {
		require.NoError(t, a.Set(fmt.Sprint(i), nil, Attrs{}))
	}
	for n := 0; n < sets; {
		require.NoError(t, b.lookAtBoard())
		require.NoError(t, b.applyTails(b.board.seq(), most))
		n = min(n+most, sets)
		require.Equal(t, n, b.index.Load().Len())
	}
	b.w.mu.Unlock()
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareIdleFollows: a process that nobody asks applies a part at a time, and all of it where
// another waits for room.
func TestShareIdleFollows(t *testing.T) {
	const sets = 2*followAtOnce + 1
	mem := vfs.NewMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	b.reclaiming.stop()
	write := func(version string) {
		for i := range sets {
			require.NoError(t, a.Set(fmt.Sprint(version, i), nil, Attrs{}))
		}
	}
	write("a")
	for _, n := range []int{followAtOnce, 2 * followAtOnce, sets, sets} {
		require.NoError(t, b.reclaiming.follow())
		require.Equal(t, n, b.index.Load().Len())
	}
	write("b")
	b.board.w[wordRoom].Add(1)
	require.NoError(t, b.reclaiming.follow())
	require.Equal(t, 2*sets, b.index.Load().Len())
	b.reclaiming.start(b)
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareEntryUsedAgain: an entry of the board that was of one segment tells nothing of it
// any more once it is another's.
func TestShareEntryUsedAgain(t *testing.T) {
	mem := vfs.NewMem()
	opt := Options{SegmentSize: 2048}
	a, _ := openIn(t, mem, opt)
	b, _ := openIn(t, mem, opt)
	require.NoError(t, a.Set("k", nil, Attrs{}))
	require.NoError(t, b.catchUp())
	b.w.mu.Lock()
	require.Len(t, b.follower.tails, 1)
	none := func(*tail, int64) {}
	require.True(t, b.board.lengths(b.follower.tails, none))
	for _, tail := range b.follower.tails {
		was := tail.seg.ID
		for i := 0; b.board.entries()[tail.entry*fileWords+fileID].Load() != 0; i++ {
			require.NoError(t, a.Set(fmt.Sprint(i), make([]byte, 500), Attrs{}))
			require.NoError(t, a.sealRest())
		}
		b.board.entries()[tail.entry*fileWords+fileID].Store(was + 1)
		require.False(t, b.board.lengths(b.follower.tails, none))
		b.board.entries()[tail.entry*fileWords+fileID].Store(0)
	}
	b.w.mu.Unlock()
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareGoneStaysGone: a segment that was just dropped may be on the board still. It does not
// come back to those who follow, or come.
func TestShareGoneStaysGone(t *testing.T) {
	mem := vfs.NewMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	require.NoError(t, a.Set("a", nil, Attrs{}))
	require.NoError(t, b.catchUp())
	own := a.ownSegments()
	require.Len(t, own, 1)
	reads := a.log.Acquire(0) // so that its file stays
	b.w.mu.Lock()
	_, err := a.Clear()
	require.NoError(t, err)
	a.board.add(own[0].ID, own[0].Length()) // as before a went on
	b.w.mu.Unlock()
	for range 2 {
		require.NoError(t, a.Set("again", nil, Attrs{}))
		require.NoError(t, b.catchUp())
		require.Nil(t, b.segmentOf(own[0].ID))
		d, _ := openIn(t, mem, Options{})
		require.NoError(t, a.Set("again", nil, Attrs{}))
		require.NoError(t, d.catchUp())
		require.Nil(t, d.segmentOf(own[0].ID))
		require.NoError(t, d.Close())
	}
	a.board.remove(own[0].ID)
	require.NoError(t, a.Set("again", nil, Attrs{}))
	require.NoError(t, b.catchUp())
	require.Empty(t, b.follower.gone)
	reads.Release(0)
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareJoinsAsFilesGo: what a process that comes has read of a segment whose file goes before
// it has read all does not count: what dropped it may be gone, too.
func TestShareJoinsAsFilesGo(t *testing.T) {
	mem := vfs.NewMem()
	a, _ := openIn(t, mem, Options{SegmentSize: 2048})
	require.NoError(t, a.Set("k", []byte("old"), Attrs{}))
	name := a.ownSegments()[0].Name()
	f, err := mem.Process().Open(name)
	require.NoError(t, err)
	held := make([]byte, a.ownSegments()[0].Length())
	_, err = f.ReadAt(held, 0)
	require.NoError(t, errors.Join(err, f.Close()))
	_, err = a.Delete("k")
	require.NoError(t, err)
	for i := range 20 {
		require.NoError(t, a.Set(fmt.Sprint(i%5), make([]byte, 300), Attrs{}))
		require.NoError(t, a.Compact())
	}
	_, err = a.fsys.Stat(name)
	require.ErrorIs(t, err, fs.ErrNotExist)

	p := newDeadly(t, mem)
	f, err = p.MemProcess.Create(name) // as if it were still there
	require.NoError(t, err)
	_, err = f.WriteAt(held, 0)
	require.NoError(t, errors.Join(err, f.Close()))
	removed := false
	p.onOpen = func(opened string) {
		if opened != name && strings.HasSuffix(opened, ".seg") && !removed {
			removed = true
			assert.NoError(t, p.MemProcess.Remove(name))
		}
	}
	b, err := Open(p, Options{SegmentSize: 2048})
	require.NoError(t, err)
	require.True(t, removed)
	_, err = b.Get("k", nil)
	require.ErrorIs(t, err, ErrNotFound)
	agreeOnCounts(t, a, b)
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareIndexInTheMaking: an index that was built from files of which some went lacks what
// others have moved meanwhile. Nobody looks at it before that is applied.
func TestShareIndexInTheMaking(t *testing.T) {
	mem := vfs.NewMem()
	opt := Options{SegmentSize: 2048}
	a, _ := openIn(t, mem, opt)
	b, bp := openIn(t, mem, opt)
	require.NoError(t, a.Set("k", []byte("v"), Attrs{}))
	first := a.ownSegments()[0]
	for i := range 12 {
		require.NoError(t, a.Set(fmt.Sprint(i%3), make([]byte, 300), Attrs{}))
	}
	require.NoError(t, a.sealRest())
	require.NoError(t, b.catchUp())
	b.w.mu.Lock()
	read := true // the first segment, which it has open
	bp.onOpen = func(string) {
		if read {
			read = false
			assert.NoError(t, a.Compact())
		}
	}
	require.NoError(t, b.reindex())
	bp.onOpen = nil
	_, err := mem.Process().Stat(first.Name())
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, status := b.index.Load().Lookup(b.opt.Hash("k"))
	require.NotEqual(t, keydir.Found, status)

	look := func() error {
		set := b.log.Acquire(0)
		defer set.Release(0)
		_, _, err := b.findIn(set, b.opt.Hash("k"), "k", nil, new(codec.Record), peeks)
		return err
	}
	require.Equal(t, errPartial, look())
	for _, s := range b.w.bySlot {
		if s != nil {
			_, err := b.liveOf(s)
			require.Equal(t, errStale, err)
		}
	}
	require.NoError(t, b.follow())
	require.NoError(t, look())
	b.w.mu.Unlock()
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareEmptySegmentOfOwn: a segment that a process has begun in vain, and that waits to be
// removed, is in nobody's way when the index is built anew.
func TestShareEmptySegmentOfOwn(t *testing.T) {
	mem := vfs.NewMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	b.bg.sealing.begin() // so that it waits
	for i := range 5 {
		require.NoError(t, b.Set(fmt.Sprint(i), make([]byte, 300), Attrs{}))
		require.NoError(t, a.Set(fmt.Sprint(i, "a"), make([]byte, 300), Attrs{}))
	}
	require.NoError(t, b.enter(b.life))
	for range 8 {
		require.NoError(t, b.rotate(hot))
	}
	b.leave()
	require.NoError(t, b.catchUp())
	b.w.mu.Lock()
	require.NoError(t, b.reindex())
	require.NoError(t, b.follow())
	for _, s := range b.ownSegments() {
		require.True(t, b.w.has(s))
	}
	b.w.mu.Unlock()
	b.bg.sealing.end()
	require.NoError(t, b.sealRest())
	agreeOnCounts(t, a, b)
	problems, err := b.Check(false)
	require.NoError(t, err)
	require.Empty(t, problems)
	for i := range 5 {
		_, err := b.Get(fmt.Sprint(i), nil)
		require.NoError(t, err)
	}
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareDroppedAsItIsSealed: a segment that another process drops while its own one seals it
// does not come back with a new index.
func TestShareDroppedAsItIsSealed(t *testing.T) {
	mem := vfs.NewMem()
	a, _ := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	b.bg.sealing.begin()
	require.NoError(t, b.Set("k", nil, Attrs{}))
	require.NoError(t, b.enter(b.life))
	require.NoError(t, b.rotate(fresh))
	require.Len(t, b.bg.rotated, 1)
	w := b.bg.rotated[0]
	require.True(t, b.bg.begin(w))
	b.leave()
	_, err := a.Clear()
	require.NoError(t, err)
	require.NoError(t, b.catchUp())
	b.w.mu.Lock()
	require.False(t, b.w.has(w.Segment))
	require.NoError(t, b.reindex())
	require.NoError(t, b.follow())
	require.False(t, b.w.has(w.Segment))
	b.w.mu.Unlock()
	b.bg.begin(nil)
	b.bg.sealing.end()
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// TestShareDropsGoneFiles: of a segment that another process gave up with its large values, whose
// files are gone by now, nothing stays in the index.
func TestShareDropsGoneFiles(t *testing.T) { inModes(t, testShareDropsGoneFiles) }

func testShareDropsGoneFiles(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	var now atomic.Int64
	now.Store(1e18)
	opt := Options{SegmentSize: 2048, FileThreshold: 1000, Now: func() time.Time { return time.Unix(0, now.Load()) }}
	a, _ := openIn(t, mem, opt)
	b, _ := openIn(t, mem, opt)
	a.reclaiming.stop()
	b.reclaiming.stop()
	for i := range 6 {
		require.NoError(t, a.Set(fmt.Sprint("large", i), make([]byte, 3000), Attrs{Expires: 1e18 + 1e9}))
		require.NoError(t, a.Set(fmt.Sprint("small", i), make([]byte, 900), Attrs{}))
	}
	for i := range 6 {
		require.NoError(t, a.Set(fmt.Sprint("small", i), make([]byte, 900), Attrs{})) // garbage, to be compacted
	}
	require.NoError(t, b.catchUp())
	now.Store(1e18 + 1e12)
	require.NoError(t, a.Sync()) // all is sealed
	require.NoError(t, a.Compact())
	require.NoError(t, a.Sync())
	require.NoError(t, a.values.removeDead())
	require.Zero(t, valueFiles(mem))
	before := b.index.Load()
	require.NoError(t, b.catchUp())
	require.Same(t, before, b.index.Load(), "the index was built anew")
	require.Equal(t, segmentsOf(a), segmentsOf(b))
	require.Equal(t, 6, a.index.Load().Len())
	require.Equal(t, 6, b.index.Load().Len())
	a.reclaiming.start(a)
	b.reclaiming.start(b)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// TestShareDropsOrphan: what a process that died has left, and another one has taken over, may be
// dropped by a third before that is sealed.
func TestShareDropsOrphan(t *testing.T) {
	mem := vfs.NewMem()
	opt := Options{SegmentSize: 2048, MaxOpenFiles: 1, NoMap: true}
	a, ap := openIn(t, mem, opt)
	b, _ := openIn(t, mem, opt)
	c, _ := openIn(t, mem, opt)
	b.reclaiming.stop()
	require.NoError(t, a.Set("k", make([]byte, 900), Attrs{}))
	require.NoError(t, c.Set("other", nil, Attrs{}))
	require.NoError(t, b.catchUp())
	ap.kill(a)
	b.bg.sealing.begin()
	require.NoError(t, b.enter(b.life))
	require.NoError(t, b.inherit())
	b.leave()
	require.Len(t, b.bg.orphans, 1)
	_, err := b.Get("other", nil) // its file is closed for this one
	require.NoError(t, err)
	_, err = c.Clear()
	require.NoError(t, err)
	require.NoError(t, c.syncDropped(false))
	_, err = mem.Stat(codec.SegmentName(b.bg.orphans[0].h.seg.ID))
	require.ErrorIs(t, err, fs.ErrNotExist)
	done, err := b.sealOrphan(b.bg.orphans[0], true, false)
	require.NoError(t, err)
	require.True(t, done)
	b.bg.sealing.end()
	b.reclaiming.start(b)
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
}

// TestShareLeavesBegun: a segment that a process had only begun when it died is in the log of who
// looked for segments just then, and its file is removed by a third that never heard of it.
func TestShareLeavesBegun(t *testing.T) {
	const torn = "a record that came to nothing"
	heirs := []string{"", "", torn, torn, torn}
	for i, last := range heirs {
		mem := vfs.NewMem()
		opt := Options{SegmentSize: 2048, MaxOpenFiles: 1, NoMap: true}
		a, ap := openIn(t, mem, opt)
		b, _ := openIn(t, mem, opt)
		c, _ := openIn(t, mem, opt)
		for _, e := range []*Engine{b, c} { // c is to be the heir
			e.reclaiming.stop()
		}
		require.NoError(t, c.Set("k", []byte("v"), Attrs{}))
		require.NoError(t, a.enter(a.life))
		require.NoError(t, a.rotate(fresh))
		id := a.w.active[fresh].Segment.ID
		f, err := mem.OpenWrite(codec.SegmentName(id))
		require.NoError(t, err)
		_, err = f.WriteAt(append([]byte(last), make([]byte, 512)...), codec.SegmentHeaderLen)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		a.leave()
		handOn(a)
		require.NoError(t, b.catchUp())
		b.w.mu.Lock()
		require.NoError(t, b.lookForSegments())
		require.NotNil(t, b.segmentOf(id))
		b.w.mu.Unlock()
		if i == len(heirs)-1 { // the heir has heard of it, too
			require.NoError(t, c.followNow())
			c.w.mu.Lock()
			require.NoError(t, c.lookForSegments())
			c.w.mu.Unlock()
		}
		ap.kill(a)

		require.NoError(t, c.enter(c.life))
		require.NoError(t, c.inherit())
		c.leave()
		left, err := mem.Stat(codec.SegmentName(id))
		require.ErrorIs(t, err, fs.ErrNotExist, "%+v", left)
		if i%2 == 0 { // else nothing is committed that b would follow
			require.NoError(t, c.Set("k", []byte("w"), Attrs{}))
			require.NoError(t, c.Set("l", nil, Attrs{Expires: 1}))
			_, err = b.Expire()
			require.NoError(t, err)
		}
		_, err = b.Get("k", nil) // for which the file of the other is closed
		require.NoError(t, err)
		b.w.mu.Lock()
		_, err = b.planLocked(&want{bytes: 1 << 20, most: 1})
		b.w.mu.Unlock()
		require.NoError(t, err)
		require.NoError(t, b.Compact())
		require.Nil(t, b.segmentOf(id), "its file is gone")
		for _, e := range []*Engine{b, c} {
			e.reclaiming.start(e)
			require.NoError(t, e.Close())
		}
	}
}

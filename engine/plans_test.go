package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// Whichever segments are cleared by compaction, in whichever order: what the store
// shows stays the same, and so does what it shows after it is opened again.

// clearSegment clears the segment with an id, if it is there.
func clearSegment(e *Engine, id uint64) error {
	e.w.mu.Lock()
	s := segmentByID(e, id)
	e.w.mu.Unlock()
	if s == nil {
		return nil
	}
	return e.clear(s, e.compacts)
}

func segmentByID(e *Engine, id uint64) *segment.Segment {
	for _, s := range e.w.bySlot {
		if s != nil && s.ID == id {
			return s
		}
	}
	return nil
}

// sealedIDs returns the segments that nothing is added to, oldest first.
func sealedIDs(e *Engine) []uint64 {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	var ids []uint64
	for _, s := range e.w.bySlot {
		if s != nil && !e.w.writes(s) {
			ids = append(ids, s.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// ordered calls fn with every subset of ids in every order.
func ordered(ids []uint64, fn func(plan []uint64)) {
	var next func(plan, left []uint64)
	next = func(plan, left []uint64) {
		fn(plan)
		for i, id := range left {
			next(append(slices.Clip(plan), id), slices.Delete(slices.Clone(left), i, i+1))
		}
	}
	next(nil, ids)
}

// planStore is a store that is the same before each plan.
type planStore struct {
	opt  Options
	disk *vfs.Mem
	ids  []uint64 // its segments
	want planState
}

// planState is what a store shows, and what it knows of its items.
type planState struct {
	shown shown
	items map[string]Item
}

const (
	planSoon  = time.Minute // when some of its items expire
	planLater = time.Hour   // when the plans are carried out
)

// newPlanStore builds a store of n segments, which ends by a clean close or by a kill.
// Its segments know of one another in all ways that there are: records replace, and
// tombstones delete, what stands in other segments; tombstones were moved, some whose
// keys were set again, some whose keys were not; keys have equal hashes; values have
// files; items have expired, with older records below them and without.
func newPlanStore(t *testing.T, n int, killed bool, hash func(string) uint64) *planStore {
	var late atomic.Bool
	now := func() time.Time {
		if late.Load() {
			return crashClock.Add(planLater)
		}
		return crashClock
	}
	p := &planStore{opt: Options{oneStream: true, FileThreshold: 700, Hash: hash, Now: now}}
	d := newDriver(vfs.NewMem(), p.opt, 0, 1)
	soon := Attrs{Expires: crashClock.Add(planSoon).UnixNano(), Tag: "soon"}
	later := Attrs{Expires: crashClock.Add(2 * planLater).UnixNano(), User: 7}

	d.open()
	for i := range 12 { // to be replaced, deleted, or left alone
		d.set(fmt.Sprint("k", i), 20+i*9)
	}
	d.set("file", 900)
	d.set("file-replaced", 800)
	d.setWith("soon-file", 1000, soon)
	d.setWith("soon", 60, soon)
	d.set("under", 30)
	d.setWith("later", 30, later)
	d.rotate()

	d.del("k0")                  // guards one segment
	d.set("k1", 90)              // replaces
	d.del("k2")                  //
	d.set("k2", 50)              // set again: its tombstone still guards
	d.del("file-replaced")       //
	d.setWith("under", 40, soon) // expires, and what it replaced must not come back
	d.setWith("k3", 40, soon)    //
	d.tx(put{"k4", 0}, put{"k5", 70}, put{"new", 20})
	d.set("twice", 30)
	d.rotate()

	d.del("k1") // replaced another: guards more than one segment
	d.set("k5", 80)
	d.del("k5")
	d.set("k3", 33) // lives again
	d.del("twice")
	d.set("twice", 31)
	d.set("file", 750)
	d.set("file-replaced", 701)
	d.rotate()

	d.del("k6")
	d.set("twice", 32)
	d.del("twice")
	d.set("k0", 77) // after its tombstone
	d.set("k1", 78)
	d.setWith("k7", 30, later)
	d.del("new")
	d.set("soon-2", 30)
	d.setWith("soon-2", 31, soon)
	if n > 4 {
		// The second segment's tombstones move, with what is live there.
		ids := func() []uint64 { d.rotate(); return sealedIDs(d.e) }()
		d.must(clearSegment(d.e, ids[1]))
		d.must(d.e.syncDropped(false))
		d.del("k0") // and again, behind a tombstone that was moved
		d.set("k4", 44)
		d.del("k2")
		d.set("k8", 88)
		d.set("last", 10)
		d.rotate()
		d.rotateAll()
	}
	if n > 5 {
		d.del("k8")
		d.set("k9", 99)
		d.del("last")
		d.set("last", 11)
		d.set("k6", 66)
	}
	if killed {
		disk := d.disk.Clone()
		d.close()
		d.disk = disk
	} else {
		d.close()
	}
	late.Store(true)
	d.disk.Checkpoint()
	p.disk = d.disk
	p.disk.NoTrace = true

	e, err := Open(p.disk.Clone(), p.opt)
	require.NoError(t, err)
	p.ids = sealedIDs(e)
	require.Len(t, p.ids, n)
	p.want, err = stateOf(e)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	return p
}

// rotateAll ends the active segments of all streams.
func (d *driver) rotateAll() {
	d.e.w.mu.Lock()
	defer d.e.w.mu.Unlock()
	for i, w := range d.e.w.active {
		if w != nil && !w.Empty() {
			d.e.bg.seal(w)
			d.e.w.active[i] = nil
		}
	}
}

// planKeys are all keys of a planStore, and one that it does not have.
var planKeys = append(strings.Fields("file file-replaced soon-file soon soon-2 under later new twice last never"),
	"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "k10", "k11")

// stateOf returns what a store shows. All that it says of itself has to be true.
func stateOf(e *Engine) (planState, error) {
	var s planState
	var err error
	if s.shown, err = observe(e, planKeys); err != nil {
		return s, err
	}
	s.items = make(map[string]Item)
	for key := range s.shown {
		it, err := e.Item(key)
		if err != nil {
			return s, err
		}
		it.OnDisk = 0 // a record that was moved says when it was stored
		s.items[key] = it
	}
	return s, accounted(e)
}

// accounted compares what an engine believes of its segments with what these hold.
func accounted(e *Engine) error {
	problems, err := e.Check(false)
	if err != nil {
		return err
	}
	for _, p := range problems {
		if p.Err != errOrphan { // a kill leaves these
			return fmt.Errorf("check: %v", p)
		}
	}
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	live, err := liveRecords(e.fsys)
	if err != nil {
		return err
	}
	n := 0
	for _, s := range e.w.bySlot {
		if s == nil {
			continue
		}
		want := live[s.ID]
		delete(live, s.ID)
		if got := (liveIn{s.LiveCount.Load(), s.LiveBytes.Load(), s.FileBytes.Load()}); got != want {
			return fmt.Errorf("segment %d has items, bytes and file bytes %v, is said to have %v", s.ID, want, got)
		}
		n += int(want.count)
	}
	if len(live) > 0 {
		return fmt.Errorf("live records in segments that are not there: %v", live)
	}
	if l := e.index.Load().Len(); l != n {
		return fmt.Errorf("the log has %d items, the index %d", n, l)
	}
	return nil
}

// liveIn is what of a segment is live.
type liveIn struct{ count, bytes, files int64 }

// liveRecords reads all segments, and returns what of each is live, by a rule of its
// own: what a drop names is gone; of the rest, what was stored last is what a key has.
func liveRecords(fsys vfs.FS) (map[uint64]liveIn, error) {
	type record struct {
		seg    uint64
		stored uint64
		put    bool
		in     liveIn
	}
	type place struct {
		off int64
		key string
		record
	}
	var all []place
	drops := make(map[uint64]int64)
	list, err := fsys.List(".")
	if err != nil {
		return nil, err
	}
	for _, info := range list {
		kind, id, ok := codec.ParseName(info.Name)
		if !ok || kind != codec.NameSegment {
			continue
		}
		err := eachRecord(fsys, id, func(r *segment.Record) error {
			if r.Kind == codec.KindDrop {
				upTo := r.Expires
				if upTo == 0 {
					upTo = math.MaxInt64
				}
				drops[r.Hash] = max(drops[r.Hash], upTo)
				return nil
			}
			in := liveIn{1, r.Size, 0}
			if r.Flags&codec.FlagFile != 0 {
				ref, err := codec.ParseFileRef(r.Value)
				if err != nil {
					return err
				}
				in.files = ref.Size
			}
			all = append(all, place{r.Off, string(r.Key), record{id, r.Stored, r.Kind == codec.KindPut, in}})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	last := make(map[string]record)
	for _, p := range all {
		if p.off >= drops[p.seg] && p.stored >= last[p.key].stored {
			last[p.key] = p.record
		}
	}
	live := make(map[uint64]liveIn)
	for _, r := range last {
		if r.put {
			s := live[r.seg]
			live[r.seg] = liveIn{s.count + r.in.count, s.bytes + r.in.bytes, s.files + r.in.files}
		}
	}
	return live, nil
}

func eachRecord(fsys vfs.FS, id uint64, fn func(*segment.Record) error) error {
	f, err := fsys.Open(codec.SegmentName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped, and removed since it was listed: its last reader was late
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	c, err := segment.NewCursor(f, id, size, 0)
	if err != nil {
		return err
	}
	for c.Next() {
		for i := range c.Commit().Records {
			if r := &c.Commit().Records[i]; r.Kind == codec.KindPut || r.Kind == codec.KindTombstone || r.Kind == codec.KindDrop {
				if err := fn(r); err != nil {
					return err
				}
			}
		}
	}
	return c.Err()
}

// sameState compares.
func sameState(got, want planState) error {
	if !maps.Equal(got.shown, want.shown) {
		return fmt.Errorf("shows %v, had %v", got.shown, want.shown)
	}
	for key, it := range want.items {
		if it != got.items[key] {
			return fmt.Errorf("item %q is %+v, was %+v", key, got.items[key], it)
		}
	}
	return nil
}

// carryOut clears the segments of a plan, and compares. synced: what was cleared goes
// before the next segment is.
func (p *planStore) carryOut(plan []uint64, synced bool) error {
	disk := p.disk.Clone()
	e, err := Open(disk, p.opt)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // a second time where all is well
	if err := e.sealRest(); err != nil {
		return err
	}
	for _, id := range plan {
		if err := clearSegment(e, id); err != nil {
			return fmt.Errorf("clear %d: %w", id, err)
		}
		if synced {
			if err := e.syncDropped(false); err != nil {
				return err
			}
		}
	}
	now, err := stateOf(e)
	if err == nil {
		err = sameState(now, p.want)
	}
	if err != nil {
		return fmt.Errorf("afterwards: %w", err)
	}
	if err := p.opens(disk.Clone(), "killed"); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	for _, lost := range []string{"none", ".snap", ".hint"} {
		for _, name := range disk.Names() {
			if strings.HasSuffix(name, lost) {
				if err := disk.Remove(name); err != nil {
					return err
				}
			}
		}
		if err := p.opens(disk.Clone(), "closed, without "+lost); err != nil {
			return err
		}
	}
	return nil
}

func (p *planStore) opens(disk *vfs.Mem, what string) error {
	e, err := Open(disk, p.opt)
	if err != nil {
		return fmt.Errorf("open, %s: %w", what, err)
	}
	s, err := stateOf(e)
	if err == nil {
		err = sameState(s, p.want)
	}
	if err := errors.Join(err, e.Close()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// TestPlans carries out every plan: every subset of the segments, in every order.
func TestPlans(t *testing.T) {
	t.Parallel()
	n, stride := 5, 1
	switch {
	case torture():
		n = 6
	case raceEnabled || testing.Short():
		stride = 23
	}
	for _, c := range []struct {
		name   string
		killed bool
		hash   func(string) uint64
	}{
		{"closed", false, nil},
		{"killed", true, nil},
		{"closed, 4-bit hash", false, fourBits},
		{"killed, 4-bit hash", true, fourBits},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlanStore(t, n, c.killed, c.hash)
			from := sampleFrom(t, stride)
			i, done := 0, 0
			ordered(p.ids, func(plan []uint64) {
				if i++; (i-1)%stride != from {
					return
				}
				for _, synced := range []bool{false, true} {
					require.NoError(t, p.carryOut(plan, synced), "plan %v of %v, synced: %v", plan, p.ids, synced)
					done++
				}
			})
			t.Logf("%d plans, each with and without syncs between: %d", i, done)
		})
	}
}

// TestPlansExpire: what has expired is gone when its segment was cleared, and is
// counted as that.
func TestPlansExpire(t *testing.T) {
	p := newPlanStore(t, 5, false, nil)
	e, err := Open(p.disk.Clone(), p.opt)
	require.NoError(t, err)
	before, err := e.Len()
	require.NoError(t, err)
	require.Greater(t, before, len(p.want.shown))
	for _, id := range p.ids {
		require.NoError(t, clearSegment(e, id))
	}
	after, err := e.Len()
	require.NoError(t, err)
	require.Len(t, p.want.shown, after)
	require.EqualValues(t, before-after, e.stats.expired.Load())
	require.NoError(t, e.Close())
}

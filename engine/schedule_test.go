package engine

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// A merge pauses at each of its points, one after the other, and something else happens
// there: then the process dies, or the machine does, or the merge goes on. Whatever the
// point and whatever happened, nothing that is gone comes back, and nothing else is lost.

// pausing is a disk that a schedule looks at before and after each change.
type pausing struct {
	*vfs.Mem
	at func(point string)
}

func (p *pausing) around(what, name string, do func() error) error {
	kind := "file"
	if k, _, ok := codec.ParseName(name); ok {
		kind = map[codec.NameKind]string{codec.NameSegment: "segment", codec.NameHint: "hint"}[k]
	} else if name == "." {
		kind = "directory"
	}
	p.at("before " + what + " of " + kind)
	err := do()
	p.at("after " + what + " of " + kind)
	return err
}

func (p *pausing) Create(name string) (f vfs.File, err error) {
	err = p.around("creation", name, func() error { f, err = p.Mem.Create(name); return err })
	if err != nil {
		return nil, err
	}
	return &pausingFile{f, p, name}, nil
}

func (p *pausing) Remove(name string) error {
	return p.around("removal", name, func() error { return p.Mem.Remove(name) })
}

func (p *pausing) SyncDir(name string) error {
	return p.around("sync", name, func() error { return p.Mem.SyncDir(name) })
}

type pausingFile struct {
	vfs.File
	p    *pausing
	name string
}

func (f *pausingFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.p.around("write", f.name, func() error { n, err = f.File.WriteAt(b, off); return err })
	return n, err
}

func (f *pausingFile) Sync() error { return f.p.around("sync", f.name, f.File.Sync) }

// schedule is one merge with one thing that happens at one of its points.
type schedule struct {
	*driver
	merge merge
	now   atomic.Int64
	base  shown // what keys have shown at first
	want  shown // what keys have to show; evicting merges may have taken any of them

	mu     sync.Mutex
	armed  bool
	pauses int      // so far
	point  int      // at which it happens; < 0: at none
	points []string // their names
	happen happening
	others sync.WaitGroup // what waits for a lock that the merge holds
	errs   []error

	event  int      // of the disk, at the point
	killed *vfs.Mem // what the death of the process leaves there
	before shown    // what had to be shown there
}

// happening is what happens at a point. Those that are slow take locks that are held
// while the disk is at work.
type happening struct {
	name string
	do   func(s *schedule) error
	slow bool
}

// merge is what a schedule pauses.
type merge struct {
	name   string
	opt    Options
	evicts bool
	run    func(s *schedule) error
}

// pause is a point of the merge at which it holds no lock.
func (s *schedule) pause(name string) { s.pauseAt(name, true) }

// pauseAt is a point of the merge. At one where it may hold locks, what may want them
// happens beside it, and is begun at the point.
func (s *schedule) pauseAt(name string, free bool) {
	s.mu.Lock()
	if !s.armed {
		s.mu.Unlock()
		return
	}
	at := s.pauses
	s.pauses++
	s.points = append(s.points, name)
	s.mu.Unlock()
	if at != s.point {
		return
	}
	s.event, s.killed, s.before = s.disk.Events(), s.disk.Clone(), maps.Clone(s.want)
	do := func() {
		if err := s.happen.do(s); err != nil && !errors.Is(err, ErrClosed) {
			s.mu.Lock()
			s.errs = append(s.errs, fmt.Errorf("%s: %w", s.happen.name, err))
			s.mu.Unlock()
		}
	}
	if free {
		do()
		return
	}
	if !s.happen.slow && s.e.w.mu.TryLock() {
		s.e.w.mu.Unlock()
		do()
		return
	}
	s.others.Go(do)
	for range 10 {
		runtime.Gosched()
	}
}

func happenings() []happening {
	set := func(keys ...string) func(s *schedule) error {
		return func(s *schedule) error {
			for _, key := range keys {
				if err := s.change(write{key: key}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	del := func(keys ...string) func(s *schedule) error {
		return func(s *schedule) error {
			for _, key := range keys {
				if err := s.change(write{key: key, del: true}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []happening{
		{"nothing", func(*schedule) error { return nil }, false},
		{"set of what is moved", set("m0", "m3", "m4"), false},
		{"set of what is elsewhere", set("other", "fresh"), false},
		{"set of what a tombstone deletes", set("g0", "g2"), false},
		{"delete of what is moved", del("m0", "m3", "file"), false},
		{"delete of what is elsewhere", del("other", "again"), false},
		{"delete and set", func(s *schedule) error { return errors.Join(del("m0", "m3")(s), set("m0")(s), del("m0")(s)) }, false},
		{"time", (*schedule).timePasses, false},
		{"expire", func(s *schedule) error {
			_ = s.timePasses()
			_, err := s.e.Expire()
			return err
		}, true},
		{"sync", func(s *schedule) error { return s.e.Sync() }, true},
		{"compact", func(s *schedule) error { return s.e.Compact() }, true},
		{"clear", (*schedule).clearAll, true},
		{"close", func(s *schedule) error { return s.e.Close() }, true},
	}
}

// change sets or deletes a key.
func (s *schedule) change(w write) error {
	s.attempt(w)
	var err error
	if w.del {
		_, err = s.e.Delete(w.key)
	} else {
		err = s.e.Set(w.key, oracleValue(w.key, s.n, 40), Attrs{})
	}
	if err != nil {
		return err
	}
	if delete(s.want, w.key); !w.del {
		s.want[w.key] = s.n
	}
	s.disk.Note(acked(s.n))
	return nil
}

func (s *schedule) timePasses() error {
	s.now.Add(int64(planLater))
	delete(s.want, "soon")
	delete(s.want, "soon-over")
	return nil
}

func (s *schedule) clearAll() error {
	var writes []write
	for _, key := range scheduleKeys {
		writes = append(writes, write{key: key, del: true})
	}
	s.attempt(writes...)
	n := s.n
	// It holds the writer lock up to its commit: what happens meanwhile comes later.
	s.want = make(shown)
	_, err := s.e.Clear()
	if err == nil {
		s.disk.Note(acked(n))
	}
	return err
}

var scheduleKeys = []string{
	"g0", "g1", "g2", "m0", "m1", "m2", "m3", "m4", "r0", "file", "soon", "soon-over", "over", "over-alone", "again", "other", "fresh",
}

// newScheduleDisk builds a store of three segments: something old, what is merged, and
// something newer. The second has all that a walk may meet.
func newScheduleDisk(t *testing.T, o Options) *vfs.Mem {
	d := newDriver(vfs.NewMem(), o, 0, 1)
	now := crashClock.Add(-planLater)
	d.opt.Now = func() time.Time { return now }
	over := Attrs{Expires: now.Add(planSoon).UnixNano()}
	soon := Attrs{Expires: crashClock.Add(planSoon).UnixNano()}
	require.NoError(t, attempt(d, func(d *driver) {
		d.open()
		for _, key := range []string{"g0", "g1", "g2", "r0", "over", "soon-over"} {
			d.set(key, 50)
		}
		d.rotate()
		d.set("m0", 60)
		d.del("g0") // stays deleted
		d.del("g1") // is set again in the next segment
		d.del("g2")
		d.set("g2", 30)
		d.del("g2") // guards more than one
		d.set("m1", 90)
		d.set("r0", 50)             // replaces
		d.setWith("over", 40, over) // has expired, and hides something
		d.setWith("over-alone", 40, over)
		d.setWith("soon-over", 40, soon)
		d.set("file", 900)
		d.set("m2", 20)
		d.set("again", 20) // is replaced in the next
		d.setWith("soon", 44, soon)
		d.set("m3", 20)
		d.set("m4", 20)
		d.rotate()
		d.set("g1", 33)
		d.set("again", 25)
		d.set("other", 44)
		d.close()
	}))
	d.disk.Checkpoint()
	return d.disk
}

// newSchedule opens a copy of a disk, and stops before the merge.
func newSchedule(disk *vfs.Mem, m merge, point int, h happening) (*schedule, error) {
	s := &schedule{driver: newDriver(disk.Clone(), m.opt, 100, 1), merge: m, point: point, happen: h}
	s.now.Store(crashClock.UnixNano())
	s.opt.Now = func() time.Time { return time.Unix(0, s.now.Load()) }
	e, err := Open(&pausing{s.disk, func(point string) { s.pauseAt(point, false) }}, s.opt)
	if err != nil {
		return nil, err
	}
	s.e = e
	if err := e.Sync(); err != nil {
		return s, err
	}
	s.base, err = observe(e, scheduleKeys)
	s.want = maps.Clone(s.base)
	return s, err
}

// target is the segment that is merged.
func (s *schedule) target() uint64 { return sealedIDs(s.e)[1] }

// maxSteps bounds a merge that is overtaken again and again.
const maxSteps = 50

// walks commits one batch after the other until plan has no more.
func (s *schedule) walks(plan func() *batch, most int) error {
	for range maxSteps {
		s.pause("before planning")
		s.e.w.mu.Lock()
		if s.e.w.closed {
			s.e.w.mu.Unlock()
			return ErrClosed
		}
		b := plan()
		s.e.w.mu.Unlock()
		if b == nil {
			return s.drops()
		}
		s.pause("planned")
		var err error
		if b.w == nil {
			err = s.e.scanRanks(false)
		} else {
			err = b.read(s.e, most)
		}
		s.pause("read")
		if err == nil && b.sync {
			err = s.e.syncWriters(false, false)
			s.pause("synced, before the commit")
		}
		if err == nil {
			err = s.e.commitBatch(b, most, false)
			s.pause("committed")
		}
		if err != nil && err != errStale && err != errNothing {
			return err
		}
		s.pause("between batches")
	}
	return fmt.Errorf("the merge has no end")
}

// drops lets go what is cleared, as syncDropped does.
func (s *schedule) drops() error {
	e := s.e
	err := e.syncWriters(false, false)
	s.pause("synced, before retiring")
	err = errors.Join(err, e.retireDropped())
	s.pause("retired")
	err = errors.Join(err, e.values.removeDead())
	s.pause("before the directory is synced")
	err = errors.Join(err, e.forgetRemoved())
	s.pause("done")
	return err
}

// compacts walks through the target, in two parts or more.
func (s *schedule) compacts(part int) error {
	id := s.target()
	return s.walks(func() *batch {
		seg := segmentByID(s.e, id)
		if seg == nil {
			return nil
		}
		b := s.e.batchOf(seg, s.e.compacts)
		if b.begin == 0 && b.w.entries == nil {
			if entries, err := s.e.entriesOf(seg); err == nil && len(entries) > part {
				b.w.entries, b.w.closed = entries[:part], false
			}
		}
		return b
	}, math.MaxInt)
}

func merges() []merge {
	files := Options{FileThreshold: 700}
	collide := files
	collide.Hash = fourBits
	limited := files
	limited.SizeLimit = 64 << 20
	ranked := limited
	ranked.Policy = evict.LRU
	collideRanked := ranked
	collideRanked.Hash = fourBits
	batches := func(n int, plan func(s *schedule) *batch) func(s *schedule) error {
		return func(s *schedule) error {
			for _, key := range []string{"m0", "r0", "g1"} {
				if _, err := s.e.Get(key, nil); err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
			}
			left := n
			return s.walks(func() *batch {
				if left--; left < 0 {
					return nil
				}
				return plan(s)
			}, 2)
		}
	}
	fifo := batches(9, func(s *schedule) *batch {
		segs, _ := s.e.usages(false)
		return s.e.evictFirst(&want{}, segs)
	})
	lru := batches(4, func(*schedule) *batch { return &batch{to: fresh} })
	return []merge{
		{"compaction", files, false, func(s *schedule) error { return s.compacts(5) }},
		{"compaction, 4-bit hash", collide, false, func(s *schedule) error { return s.compacts(9) }},
		{"compaction, in one", files, false, func(s *schedule) error { return s.compacts(1000) }},
		{"eviction, S3FIFO", limited, true, fifo},
		{"eviction, LRU", ranked, true, lru},
		{"eviction, LRU, 4-bit hash", collideRanked, true, lru},
		{"compact", files, false, func(s *schedule) error { return s.e.Compact() }},
		{"expire", files, false, func(s *schedule) error { _, err := s.e.Expire(); return err }},
		{"clear", files, false, (*schedule).clearAll},
	}
}

// run carries the schedule out, and looks at all that may come of it. It reports
// whether there was such a point.
func (s *schedule) run() (bool, error) {
	defer func() { _ = s.e.Close() }() // a second time where all is well
	s.mu.Lock()
	s.armed = true
	s.mu.Unlock()
	err := s.merge.run(s)
	s.others.Wait()
	s.mu.Lock()
	s.armed = false
	s.mu.Unlock()
	if errors.Is(err, ErrClosed) && s.happen.name == "close" {
		err = nil
	}
	if err := errors.Join(append(s.errs, err)...); err != nil {
		return true, err
	}
	if s.killed == nil && s.point >= 0 {
		return false, nil
	}
	if s.e.log.Closed() {
		if s.e, err = Open(s.disk, s.opt); err != nil {
			return true, err
		}
	}
	found, err := s.sound(s.e, "afterwards", s.want)
	if err != nil {
		return true, err
	}
	if err := s.e.syncDropped(false); err != nil {
		return true, err
	}
	if _, err := s.opens(s.disk.Clone(), "killed afterwards", found, false); err != nil {
		return true, err
	}
	end := s.disk.Events()
	if err := s.e.Close(); err != nil {
		return true, err
	}
	if _, err := s.opens(s.disk.Clone(), "closed afterwards", found, false); err != nil {
		return true, err
	}
	return true, s.crashes(end, found)
}

// sound compares what an engine shows.
func (s *schedule) sound(e *Engine, what string, want shown) (shown, error) {
	found, err := observe(e, scheduleKeys)
	if err == nil {
		err = accounted(e)
	}
	if err == nil && !maps.Equal(s.evictable(found, want), want) {
		err = fmt.Errorf("shows %v, is to show %v", found, want)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return found, nil
}

// evictable fills in what a merge that evicts may have taken.
func (s *schedule) evictable(found, want shown) shown {
	if !s.merge.evicts {
		return found
	}
	found = maps.Clone(found)
	for key, n := range want {
		if found[key] == 0 {
			found[key] = n
		}
	}
	return found
}

// opens opens a disk, compares exactly, and does so again when all has been compacted.
func (s *schedule) opens(disk *vfs.Mem, what string, want shown, again bool) (shown, error) {
	e, err := Open(disk, s.opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = e.Close() }()
	found, err := observe(e, scheduleKeys)
	if err == nil && want != nil && !maps.Equal(found, want) {
		err = fmt.Errorf("shows %v, had %v", found, want)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if again {
		ids := sealedIDs(e)
		slices.Reverse(ids)
		if s.point%2 == 1 { // what says how far the old ones are dropped, and not these
			ids = ids[:max(0, len(ids)-2)]
		}
		for _, id := range ids {
			if err := clearSegment(e, id); err != nil {
				return nil, fmt.Errorf("%s, cleared: %w", what, err)
			}
		}
		if err := e.syncDropped(false); err != nil {
			return nil, err
		}
		if _, err := s.opens(disk.Clone(), what+", cleared", found, false); err != nil {
			return nil, err
		}
	}
	return found, e.Close()
}

// crashes judges what the end of the process, or of the machine, at the point leaves,
// and what it leaves when all is done.
func (s *schedule) crashes(end int, final shown) error {
	if s.killed == nil {
		return nil
	}
	judge := func(img *vfs.Mem, what string, base shown, notes []any) error {
		img.NoTrace = true
		found, err := s.opens(img, what, nil, true)
		if err != nil {
			return err
		}
		if s.now.Load() != crashClock.UnixNano() { // they are looked at when it is over
			base = maps.Clone(base)
			delete(base, "soon")
			delete(base, "soon-over")
		}
		o := newOracle(base, notes, true)
		patched := found
		if s.merge.evicts {
			patched = maps.Clone(found)
			for _, key := range o.keys() {
				if v := o.versions(key, s.now.Load()); patched[key] == 0 && v[len(v)-1].shows != 0 {
					patched[key] = v[len(v)-1].shows
				}
			}
		}
		if err := o.judge(patched, s.now.Load()); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	if s.merge.name != "clear" { // which is itself a step
		if err := judge(s.killed, "killed at the point", s.before, nil); err != nil {
			return err
		}
	}
	var err error
	stop := func(img *vfs.Mem, c vfs.CrashPoint) bool {
		err = judge(img, fmt.Sprintf("power cut after %d changes (the last: %s), variant %q", c.Index, c.Op, c.Variant), s.base, c.Notes)
		return err == nil
	}
	s.disk.Crashes(vfs.CrashOptions{From: s.event, To: s.event + 4, Stride: 2, PerPoint: 5, Seed: uint64(s.point)}, stop)
	if err != nil {
		return err
	}
	s.disk.Crashes(vfs.CrashOptions{From: end, To: end + 1, PerPoint: 2}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		img.NoTrace = true
		_, err = s.opens(img, "power cut afterwards", final, false)
		return err == nil
	})
	return err
}

// TestSchedule runs all schedules there are: each merge, paused at each of its points,
// with each thing that may happen there.
func TestSchedule(t *testing.T) {
	t.Parallel()
	stride := 3
	switch {
	case raceEnabled:
		stride = 67
	case testing.Short():
		stride = 23
	case torture():
		stride = 1
	}
	from := sampleFrom(t, stride)
	var mu sync.Mutex
	seen := make(map[string]bool)
	var total atomic.Int64
	t.Run("merges", func(t *testing.T) {
		for _, m := range merges() {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				disk := newScheduleDisk(t, m.opt)
				count := 0
				dry, err := newSchedule(disk, m, -1, happening{})
				require.NoError(t, err)
				_, err = dry.run()
				require.NoError(t, err)
				for i, h := range happenings() {
					for point := 0; ; point++ {
						if (from+point+i)%stride != 0 && (stride > 3 || nameOf(dry.points, point) != "read") {
							continue
						}
						s, err := newSchedule(disk, m, point, h)
						require.NoError(t, err)
						more, err := s.run()
						require.NoError(t, err, "%s at point %d (%s)", h.name, point, nameOf(s.points, point))
						if !more {
							break
						}
						count++
						mu.Lock()
						seen[s.points[point]] = true
						mu.Unlock()
					}
				}
				total.Add(int64(count))
				t.Logf("%d schedules", count)
			})
		}
	})
	t.Logf("%d schedules, at %d kinds of points", total.Load(), len(seen))
	if stride > 3 || t.Failed() {
		return
	}
	for _, name := range []string{
		"before planning", "planned", "read", "synced, before the commit", "before write of segment", "after write of segment", "committed",
		"between batches", "before sync of segment", "after sync of segment", "synced, before retiring", "before removal of segment",
		"after removal of segment", "before removal of hint", "after removal of hint", "retired", "before the directory is synced",
		"before sync of directory", "after sync of directory", "done",
	} {
		require.True(t, seen[name], "nothing paused at %q", name)
	}
}

func nameOf(points []string, i int) string {
	if i < len(points) {
		return points[i]
	}
	return "none"
}

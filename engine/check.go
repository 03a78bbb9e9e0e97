package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// Problem is something that Check found. Err matches ErrCorrupt where data is
// lost.
type Problem struct {
	File   string
	Offset int64
	Err    error
	Fixed  bool
}

func (p Problem) String() string {
	fixed := ""
	if p.Fixed {
		fixed = " (fixed)"
	}
	return fmt.Sprintf("%s: offset %d: %v%s", p.File, p.Offset, p.Err, fixed)
}

// recordAt is where a record stands.
type recordAt struct {
	seg *segment.Segment
	off int64
}

// checker reads everything there is.
type checker struct {
	e        *Engine
	fix      bool
	problems []Problem
	damaged  map[recordAt]string // keys of damaged records, where they are known
	seen     map[uint64]bool     // places that a segment has a sound record for
}

// Check reads every file, verifies every record, every hint and every value
// file, and compares the index with them. It returns what is wrong; an error
// means that it could not go on. With fix, hints are written again, orphaned
// value files removed, and items whose data is lost deleted as far as their
// keys are known. Writers wait while it runs.
func (e *Engine) Check(fix bool) ([]Problem, error) {
	if err := e.readsOnly(); err != nil {
		return nil, err
	}
	if err := e.sealRest(); err != nil {
		if fix {
			return nil, err
		}
		e.faults.add("seal", err)
	}
	if err := e.enter(e.life); err != nil {
		return nil, err
	}
	defer e.leave()
	if e.w.closed {
		return nil, ErrClosed
	}
	c := &checker{e: e, fix: fix, damaged: make(map[recordAt]string), seen: make(map[uint64]bool)}
	for _, s := range e.w.bySlot {
		if s != nil {
			if err := c.segment(s); err != nil {
				return c.problems, err
			}
		}
	}
	for _, name := range e.faults.strangers {
		c.found(name, 0, errOtherCache, false)
	}
	if err := c.index(); err != nil {
		return c.problems, err
	}
	if err := c.orphans(); err != nil {
		return c.problems, err
	}
	if err := c.settings(); err != nil {
		return c.problems, err
	}
	slices.SortFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	return c.problems, nil
}

func (c *checker) found(file string, off int64, err error, fixed bool) {
	c.problems = append(c.problems, Problem{file, off, err, fixed})
}

// settings looks at the settings that the directory keeps. Those that are in force are written
// where others cannot be read, once for each place.
func (c *checker) settings() error {
	_, _, err := readSettings(c.e.fsys)
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
		return err
	}
	damage := err
	for range 2 {
		if c.fix && errors.Is(err, ErrCorrupt) {
			if err := c.e.keepSettings(&c.e.settings().Settings); err != nil {
				return err
			}
			_, _, err = readSettings(c.e.fsys)
		}
	}
	at := int64(0)
	var where *CorruptError
	if errors.As(damage, &where) {
		at = where.Offset
	}
	c.found(codec.SettingsName, at, damage, err == nil)
	return nil
}

func corruptBy(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }

// segment reads one segment and compares its hint.
func (c *checker) segment(s *segment.Segment) error {
	e := c.e
	f, err := e.fsys.Open(s.Name())
	if errors.Is(err, fs.ErrNotExist) {
		c.found(s.Name(), 0, corruptBy(err), false)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < s.Length() {
		c.found(s.Name(), size, corruptBy(fmt.Errorf("file ends %d bytes early", s.Length()-size)), false)
	}
	// What was committed and is still here is held against the promise, synced
	// or not: no crash has come between.
	length := min(size, s.Length())
	cur, err := segment.NewCursor(f, s.ID, length, length)
	if err != nil {
		return versionError(err)
	}
	entries, err := c.records(s, cur)
	if err != nil {
		return err
	}
	damages := c.damages(s, cur)
	for _, d := range damages {
		err := fmt.Errorf("%d bytes: %w", d.Len, d.Err)
		if d.Off >= codec.SegmentHeaderLen { // no data is lost with the header
			err = corruptBy(err)
		}
		c.found(s.Name(), d.Off, err, false)
	}
	if len(cur.Damages()) == 0 && size >= s.Length() && s.Sealed() {
		return c.hint(s, entries, cur.Stated())
	}
	return nil
}

// damages returns what a cursor found damaged, but for what was so when the
// segment was recovered: the commits that a crash tore between others that it
// left whole. Where these lie the hint tells that was written then. What the log
// says was synced no crash has torn.
func (c *checker) damages(s *segment.Segment, cur *segment.Cursor) []segment.Damage {
	list := cur.Damages()
	if len(list) == 0 || !s.Sealed() {
		return list
	}
	hint, err := c.e.readHint(s.ID)
	if err != nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(d segment.Damage) bool {
		return d.Off >= cur.Stated() && tornBefore(&hint, d)
	})
}

// tornBefore reports whether a damage lies where the hint knows of no commit. What
// lies between two records of whole commits is at most a frame header and a mark.
func tornBefore(h *codec.Hint, d segment.Damage) bool {
	const most = codec.FrameHeaderLen + codec.MinRecordLen
	i, _ := slices.BinarySearchFunc(h.Entries, d.Off, func(e codec.HintEntry, off int64) int { return cmp.Compare(e.Off, off) })
	begin := int64(codec.SegmentHeaderLen)
	if i > 0 {
		begin = h.Entries[i-1].Off + h.Entries[i-1].Size
	}
	end := h.Length // behind the last one may be what is left out because of its file
	if i < len(h.Entries) {
		end = h.Entries[i].Off - codec.FrameHeaderLen
	}
	return end+codec.FrameHeaderLen-begin > most && begin <= d.Off && d.Off+d.Len <= end
}

func (c *checker) records(s *segment.Segment, cur *segment.Cursor) ([]codec.HintEntry, error) {
	var entries []codec.HintEntry
	for cur.Next() {
		for i := range cur.Commit().Records {
			r := &cur.Commit().Records[i]
			entries = append(entries, hintOf(&r.Record, r.Off, r.Size))
			place := c.e.layout.Place(s.Slot, r.Off)
			if !r.Damaged && r.Kind == codec.KindPut {
				c.seen[place] = true
				if err := c.value(s, r, place); err != nil {
					return nil, err
				}
			}
		}
	}
	return entries, cur.Err()
}

// value verifies the value file of a record that the index points to.
func (c *checker) value(s *segment.Segment, r *segment.Record, place uint64) error {
	if r.Flags&codec.FlagFile == 0 {
		return nil
	}
	entry, _ := c.e.index.Load().Lookup(r.Hash)
	if entry.Place != place {
		if side, ok := c.e.index.Load().LookupSide(r.Hash, r.Key); !ok || side.Place != place {
			return nil // superseded
		}
	}
	f, err := c.e.openFile(string(r.Key), r.Value)
	if err == nil {
		_, err = io.Copy(io.Discard, f)
		err = errors.Join(err, f.Close())
	}
	var bad *CorruptError
	if errors.As(err, &bad) {
		c.found(bad.File, bad.Offset, corruptBy(bad.Err), false)
		c.damaged[recordAt{s, r.Off}] = string(r.Key)
		delete(c.seen, place)
		return nil
	}
	return err
}

// hint compares a sealed segment's hint with what the segment holds. The log states that it
// was synced up to stated.
func (c *checker) hint(s *segment.Segment, entries []codec.HintEntry, stated int64) error {
	hint, err := c.e.readHint(s.ID)
	switch {
	case err == nil && hint.Length == s.Length() && hint.Stream == s.Stream && slices.Equal(hint.Entries, withoutTorn(entries, &hint)):
		return nil
	case err == nil:
		err = errors.New("the hint does not say what the segment holds")
	case errors.Is(err, fs.ErrNotExist):
		if c.e.waits(s) {
			return nil
		}
	case !errors.Is(err, segment.ErrHint):
		return err
	}
	fixed := false
	if c.fix && s.Synced() >= s.Length() {
		h := &history{seg: s, entries: entries, stated: stated}
		c.e.leaveTorn(h, math.MaxUint64)
		before, err := c.e.sizeOf(codec.HintName(s.ID))
		if err != nil {
			return err
		}
		n, err := segment.WriteHint(c.e.fsys, &codec.Hint{
			CacheID: c.e.id, SegmentID: s.ID, Stream: s.Stream, Length: s.Length(),
			FirstSeq: s.FirstSeq.Load(), LastSeq: s.LastSeq.Load(), Entries: h.entries,
		}, nil)
		if err != nil {
			return writeError(err)
		}
		c.e.stats.disk.Add(n - before)
		fixed = true
	}
	c.found(codec.HintName(s.ID), 0, err, fixed)
	return nil
}

// sizeOf returns the size of a file, 0 if there is none.
func (e *Engine) sizeOf(name string) (int64, error) {
	info, err := e.fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return info.Size, err
}

// waits reports whether a segment has no hint yet because it is still to be
// sealed.
func (e *Engine) waits(s *segment.Segment) bool {
	e.bg.mu.Lock()
	defer e.bg.mu.Unlock()
	for _, w := range e.bg.rotated {
		if w.Segment == s {
			return true
		}
	}
	for _, o := range e.bg.orphans {
		if o.h.seg == s {
			return true
		}
	}
	return false
}

// index looks for entries whose records were not found sound.
func (c *checker) index() error {
	x := c.e.index.Load()
	if err := x.LoadAll(); err != nil {
		c.found(codec.SnapshotName, 0, err, true)
		if x, err = c.e.rebuild(x); err != nil {
			return err
		}
	}
	var entries []keydir.Entry
	for i := range x.Shards() {
		var err error
		if entries, err = x.Shard(i, entries[:0]); err != nil {
			return err
		}
		for _, entry := range entries {
			if !c.seen[entry.Place] {
				if err := c.lost(entry); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lost reports an item whose record or value is damaged, and deletes it if that
// is asked for and its key can be made out.
func (c *checker) lost(entry keydir.Entry) error {
	e := c.e
	slot, off := e.layout.Split(entry.Place)
	seg := e.w.at(slot)
	if seg == nil {
		c.found(codec.SnapshotName, 0, corruptBy(fmt.Errorf("the index points to a segment %d that is not there", slot)), false)
		return nil
	}
	key, known := c.damaged[recordAt{seg, off}]
	if !known {
		h, k, err := seg.Head(off, nil)
		key, known = string(k), err == nil && e.opt.Hash(string(k)) == h.Hash
		if err != nil && !segment.IsDamage(err) {
			return err
		}
	}
	what := errors.New("an item whose key is lost too")
	if known {
		what = fmt.Errorf("item %s is lost", quote(key))
	}
	if !known || !c.fix {
		c.found(seg.Name(), off, corruptBy(what), false)
		return nil
	}
	r := &request{ops: make([]Op, 1)}
	if err := e.prepareDelete(&r.ops[0], key); err != nil {
		return err
	}
	e.commitGroup([]*request{r})
	c.found(seg.Name(), off, corruptBy(what), r.err == nil)
	return r.err
}

// orphans looks for value files that nothing names.
func (c *checker) orphans() error {
	orphans, err := c.e.values.orphans()
	if err != nil {
		return err
	}
	for _, o := range orphans {
		if c.fix {
			if err := c.e.fsys.Remove(o.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			c.e.values.uncount(o, true)
		}
		c.found(o.Name, 0, errOrphan, c.fix)
	}
	return nil
}

var errOrphan = errors.New("no item names this file")

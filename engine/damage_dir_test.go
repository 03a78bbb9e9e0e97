package engine

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// A directory to damage: about 64 KiB with everything in it that a cache can
// leave, and the truth about it. The truth is kept beside the engine as the
// operations are made, and their places are read from the undamaged files with a
// cursor, so that a test can tell which keys a given byte of a given file may
// cost.

// damageNow is the time of all opens of the damaged directory; what expires at
// damageStart+10s has then expired.
var (
	damageStart = time.Unix(1_700_000_000, 0)
	damageNow   = damageStart.Add(time.Hour)
)

// damageOptions keep segments small, and all keys in four shards of the index,
// so that the snapshot is not much longer than the data.
func damageOptions(now time.Time) Options {
	tick := now
	return Options{
		SegmentSize: 6 << 10, FileThreshold: 2 << 10, Compression: codec.LZ4, Hash: damageHash,
		Now: func() time.Time { tick = tick.Add(time.Microsecond); return tick },
	}
}

// damageHash keeps the hashes in four shards. The keys "twin…" have all the same.
func damageHash(key string) uint64 {
	if strings.HasPrefix(key, "twin") {
		key = "twin"
	}
	return xxhash.Sum64String(key) &^ (0xFC << 56)
}

// damageDir is the directory and the truth about it.
type damageDir struct {
	files    map[string]string   // name to content, as a kill leaves it
	copies   []map[string]string // at earlier moments
	versions map[string][]dirVersion
	hinted   map[string]bool // segments that have a hint
}

// dirVersion is a record of a key, in the order of the versions.
type dirVersion struct {
	part
	value   []byte // nil: the key has no item
	file    string // the value file, if it has one
	expired bool
	commit  part
	stated  part // the commit in which the log says that this had been synced
}

// part is a part of a file.
type part struct {
	file     string
	off, len int64
}

func (p part) overlaps(q part) bool {
	return p.file == q.file && p.off < q.off+q.len && q.off < p.off+p.len
}

// twins have the same hash. No bit makes one the other.
var twins = []string{"twin-00", "twin-03", "twin-05"}

// dirBuilder makes the directory through an engine, and writes down what it does.
type dirBuilder struct {
	t     *testing.T
	e     *Engine
	fault *vfs.Fault
	log   map[string][]dirVersion // of each key, in order
}

func (b *dirBuilder) value(key string, n int) []byte {
	v := fmt.Appendf(nil, "%s #%d ", key, len(b.log[key]))
	x := xxhash.Sum64(v)
	for len(v) < n { // half of it compresses
		x = x*0x9e3779b97f4a7c15 + 1
		v = append(v, byte(x>>56), '.')
	}
	return v
}

func (b *dirBuilder) set(key string, n int, a Attrs) {
	v := b.value(key, n)
	require.NoError(b.t, b.e.Set(key, v, a))
	b.note(key, v, a)
}

func (b *dirBuilder) note(key string, v []byte, a Attrs) {
	over := a.Expires != 0 && a.Expires <= damageNow.UnixNano()
	b.log[key] = append(b.log[key], dirVersion{value: v, expired: over})
}

func (b *dirBuilder) delete(key string) {
	ok, err := b.e.Delete(key)
	require.NoError(b.t, err)
	require.True(b.t, ok, key)
	b.log[key] = append(b.log[key], dirVersion{})
}

// tx sets some keys and deletes others in one commit.
func (b *dirBuilder) tx(set, del []string) {
	require.NoError(b.t, b.e.Update(func(tx *Tx) error {
		for i, key := range set {
			v := b.value(key, 60+30*i)
			if err := tx.Set(key, v, Attrs{}); err != nil {
				return err
			}
			b.note(key, v, Attrs{})
		}
		for _, key := range del {
			if _, err := tx.Delete(key); err != nil {
				return err
			}
			b.log[key] = append(b.log[key], dirVersion{})
		}
		return nil
	}))
}

func nth(prefix string, i int) string { return fmt.Sprintf("%s-%02d", prefix, i) }

// newDamageDir builds the directory: three runs of a cache, the last one killed.
func newDamageDir(t *testing.T) *damageDir {
	t.Helper()
	mem := vfs.NewMem()
	mem.NoTrace = true
	b := &dirBuilder{t: t, fault: vfs.NewFault(mem), log: make(map[string][]dirVersion)}
	d := &damageDir{versions: make(map[string][]dirVersion), hinted: make(map[string]bool)}
	open := func(at time.Duration) {
		var err error
		b.e, err = Open(b.fault, damageOptions(damageStart.Add(at)))
		require.NoError(t, err)
		require.NoError(t, b.e.sealRest())
	}
	moment := func() { d.copies = append(d.copies, mem.Files()) }

	open(0)
	b.first()
	moment()
	require.NoError(t, b.e.Sync())
	moment()
	require.NoError(t, b.e.Close())
	moment()
	open(time.Minute)
	b.second()
	moment()
	require.NoError(t, b.e.Close())
	moment()
	open(2 * time.Minute)
	b.third()
	d.files = mem.Clone().Files()
	require.NoError(t, b.e.Close())
	d.locate(t, b.log)
	return d
}

// first: puts of all kinds, some overwritten and deleted.
func (b *dirBuilder) first() {
	for i := range 24 {
		b.set(nth("plain", i), 40+11*i, Attrs{})
	}
	for i := range 6 {
		b.set(nth("tagged", i), 90, Attrs{Tag: "tag-" + nth("t", i), User: uint16(i)})
		b.set(nth("brief", i), 50, Attrs{Expires: damageStart.Add(10 * time.Second).UnixNano()})
		b.set(nth("lasting", i), 50, Attrs{Expires: damageNow.Add(time.Hour).UnixNano()})
	}
	b.set("", 30, Attrs{})
	for i := range 3 {
		b.set(twins[i], 45, Attrs{})
		b.set(nth("large", i), 2200+100*i, Attrs{})
	}
	for i := range 4 {
		b.delete(nth("plain", i))
	}
	b.tx([]string{"plain-04", "tx-a", "tx-b"}, []string{"plain-05", "tagged-00"})
}

// second: overwrites of what older segments hold, and a sync that fails.
func (b *dirBuilder) second() {
	for i := 6; i < 12; i++ {
		b.set(nth("plain", i), 70, Attrs{})
	}
	b.set("plain-00", 33, Attrs{}) // back after its delete
	for i := range 10 {
		b.set(nth("late", i), 120+17*i, Attrs{Tag: "late"})
	}
	b.set("large-01", 2600, Attrs{})
	b.delete("large-02")
	b.delete(twins[1])
	b.set("brief-00", 40, Attrs{})
	b.fault.Fail(vfs.Rule{Op: vfs.OpSync, Name: "*.seg", Nth: 1, Once: true, Err: syscall.EIO})
	require.ErrorIs(b.t, b.e.Sync(), ErrNotSynced)
	b.fault.Clear()
	require.NoError(b.t, b.e.Sync())
	for i := 12; i < 16; i++ {
		b.delete(nth("plain", i))
	}
	b.tx([]string{"tx-a", "tx-c"}, []string{"tx-b", "late-00"})
}

// third: a segment that is synced in part when the process is killed.
func (b *dirBuilder) third() {
	b.set("plain-16", 61, Attrs{})
	b.set("orphan-00", 200, Attrs{})
	b.delete("late-01")
	b.tx([]string{"orphan-01", "plain-17"}, []string{"lasting-00"})
	require.NoError(b.t, b.e.Sync())
	b.set("plain-18", 64, Attrs{}) // says that what is before it is synced
	b.set("orphan-02", 300, Attrs{})
	b.set(twins[2], 50, Attrs{})
	b.set("large-00", 2300, Attrs{})
	b.tx([]string{"orphan-03", "plain-19", "tagged-01"}, []string{"lasting-01"})
	b.delete("late-02")
}

// locate finds the records of the versions in the files.
func (d *damageDir) locate(t *testing.T, log map[string][]dirVersion) {
	type found struct {
		segment.Record
		commit, stated part
		file           string
	}
	var all []found
	for name, content := range d.files {
		kind, id, ok := codec.ParseName(name)
		if !ok || kind != codec.NameSegment {
			continue
		}
		d.hinted[name] = d.files[codec.HintName(id)] != ""
		marks := marksOf(t, name, content, id)
		c, err := segment.NewCursor(strings.NewReader(content), id, int64(len(content)), 0)
		require.NoError(t, err)
		for c.Next() {
			at := part{name, c.Commit().Off, c.Commit().End - c.Commit().Off}
			for _, r := range c.Commit().Records {
				r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
				all = append(all, found{r, at, statedBy(marks, at), name})
			}
		}
		require.NoError(t, c.Err())
		require.Empty(t, c.Damages())
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.Seq, b.Seq) })
	nth := make(map[string]map[uint64]int) // by the sequence of the first commit of a dirVersion
	for _, f := range all {
		key := string(f.Key)
		if nth[key] == nil {
			nth[key] = make(map[uint64]int)
		}
		if _, again := nth[key][f.Stored]; !again {
			nth[key][f.Stored] = len(nth[key])
		}
		n := nth[key][f.Stored]
		require.Less(t, n, len(log[key]), "a record of %q that nobody made", key)
		v := log[key][n]
		require.Equal(t, v.value != nil, f.Kind == codec.KindPut, key)
		v.part, v.commit, v.stated = part{f.file, f.Off, f.Size}, f.commit, f.stated
		if f.Flags&codec.FlagFile != 0 {
			ref, err := codec.ParseFileRef(f.Value)
			require.NoError(t, err)
			v.file = codec.ValueName(ref.ID)
		}
		d.versions[key] = append(d.versions[key], v)
	}
	for key := range log {
		require.Len(t, nth[key], len(log[key]), "versions of %q are missing", key)
	}
}

// mark is a commit in which a log says up to where it had been synced.
type mark struct {
	part
	synced int64
}

func statedBy(marks []mark, commit part) part {
	for _, m := range marks {
		if commit.off < m.synced {
			return m.part
		}
	}
	return part{}
}

func marksOf(t *testing.T, name, content string, id uint64) (marks []mark) {
	for off := int64(codec.SegmentHeaderLen); off < int64(len(content)); {
		f, n, err := codec.ParseFrameHeader([]byte(content[off:]), id, off)
		require.NoError(t, err)
		for at := off + int64(n); at < off+f.Length; {
			var r codec.Record
			size, err := codec.ParseRecord([]byte(content[at:]), id, at, &r)
			require.NoError(t, err)
			if r.Kind == codec.KindMark {
				marks = append(marks, mark{part{name, off, f.Length}, int64(r.Hash)})
			}
			at += int64(size)
		}
		off += f.Length
	}
	return marks
}

// mem returns the directory in memory.
func (d *damageDir) mem() *vfs.Mem {
	m := vfs.NewMem()
	m.NoTrace = true
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		m.WriteFile(name, []byte(d.files[name]))
	}
	return m
}

// size returns the bytes of all files.
func (d *damageDir) size() (n int) {
	for _, content := range d.files {
		n += len(content)
	}
	return n
}

// outcomes are what a read of a key may come to.
type outcomes struct {
	values [][]byte // nil in it: a miss
	lost   bool     // also an error that matches ErrCorrupt, and a miss
}

// allow says what a read of key may come to when the given parts of files, or
// all of a value file, are not what they were.
func (d *damageDir) allow(key string, hit []part) outcomes {
	var o outcomes
	all := d.versions[key]
	for i := len(all) - 1; i >= 0; i-- {
		v := &all[i]
		value := v.value
		if v.expired {
			value = nil
		}
		o.values = append(o.values, value)
		touched := d.touched(v, hit)
		if touched && v.value != nil {
			o.lost = true
		}
		// Where a hint says that the record was there, or the record's own head
		// does, what is older never counts again. Without either the record may
		// as well never have been written. Nor does the hint help where another
		// key has the same hash: whose the record was is told by the lost key.
		if !touched || d.hinted[v.part.file] && !strings.HasPrefix(key, "twin") {
			return o
		}
	}
	o.values = append(o.values, nil)
	return o
}

// touched reports whether damage may cost the version: in a part of an orphan
// that is not known to have been synced a commit counts as a whole or not at all.
func (d *damageDir) touched(v *dirVersion, hit []part) bool {
	whole := !d.synced(v, hit)
	return slices.ContainsFunc(hit, func(h part) bool {
		return h.overlaps(v.part) || h.file == v.file && v.file != "" || whole && h.overlaps(v.commit)
	})
}

// synced reports whether the version is known to have been synced: the hint says
// so, or what is left of the log does.
func (d *damageDir) synced(v *dirVersion, hit []part) bool {
	if d.hinted[v.part.file] {
		return true
	}
	return v.stated.file != "" && !slices.ContainsFunc(hit, v.stated.overlaps)
}

// verify reads all keys and returns what is not as it may be.
func (d *damageDir) verify(e *Engine, hit ...part) error {
	var errs []error
	var buf []byte
	for key := range d.versions {
		o := d.allow(key, hit)
		got, err := e.Get(key, buf[:0])
		switch {
		case err == nil:
			buf = got
			if !slices.ContainsFunc(o.values, func(v []byte) bool { return v != nil && bytes.Equal(v, got) }) {
				errs = append(errs, fmt.Errorf("%q: wrong value %.40q", key, got))
			}
		case errors.Is(err, ErrNotFound):
			if !o.lost && !slices.ContainsFunc(o.values, func(v []byte) bool { return v == nil }) {
				errs = append(errs, fmt.Errorf("%q: %w", key, err))
			}
		case !errors.Is(err, ErrCorrupt) || !o.lost && !d.twinLost(key, hit):
			errs = append(errs, fmt.Errorf("%q: %w", key, err))
		}
	}
	if _, err := e.Get("never set", nil); !errors.Is(err, ErrNotFound) {
		errs = append(errs, fmt.Errorf("a key that was never set: %w", err))
	}
	return errors.Join(append(errs, d.verifyKeys(e, hit))...)
}

// twinLost reports whether key has no item, and a record of a key with the same
// hash is damaged: whether that was one of key cannot be told.
func (d *damageDir) twinLost(key string, hit []part) bool {
	if !strings.HasPrefix(key, "twin") || d.newest(key).value != nil {
		return false
	}
	for twin := range d.versions {
		if strings.HasPrefix(twin, "twin") && d.allow(twin, hit).lost {
			return true
		}
	}
	return false
}

// verifyKeys walks over the keys: each that has to be there comes once, and none
// that must not be.
func (d *damageDir) verifyKeys(e *Engine, hit []part) error {
	var errs []error
	seen := make(map[string]int)
	for key, err := range e.Keys() {
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				errs = append(errs, fmt.Errorf("keys: %w", err))
			}
			continue
		}
		if seen[key]++; seen[key] > 1 {
			errs = append(errs, fmt.Errorf("keys: %q came twice", key))
		}
	}
	for key := range d.versions {
		o := d.allow(key, hit)
		some := slices.ContainsFunc(o.values, func(v []byte) bool { return v != nil })
		none := slices.ContainsFunc(o.values, func(v []byte) bool { return v == nil })
		if seen[key] == 0 && !o.lost && !none || seen[key] > 0 && !some {
			errs = append(errs, fmt.Errorf("keys: %q came %d times", key, seen[key]))
		}
		delete(seen, key)
	}
	for key := range seen {
		if strings.HasPrefix(key, "twin") {
			continue // that its key is damaged is told by the hash, which these have in common
		}
		errs = append(errs, fmt.Errorf("keys: %q was never set", key))
	}
	return errors.Join(errs...)
}

// kill stops an engine as the death of its process does: nothing is synced,
// sealed or written any more.
func kill(e *Engine) error {
	e.w.mu.Lock()
	e.w.closed = true
	e.w.mu.Unlock()
	e.stop()
	return errors.Join(e.closeSnapshot(), e.abandon(), e.fsys.Close())
}

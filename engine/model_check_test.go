package engine

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
	"github.com/go-diskcache/diskcache/vfs"
)

// compareValue compares the outcome of a read with the map.
func (m *model) compareValue(key string, v []byte, err error, what string) {
	m.Helper()
	if err != nil && !errors.Is(err, ErrNotFound) {
		m.Fatalf("%s: %q: %v", what, key, err)
	}
	if errors.Is(err, ErrExpired) && m.items[key] == nil {
		m.Fatalf("%s: %q has expired, and was never there", what, key)
	}
	m.saw(key, err == nil, what)
	if err == nil && !bytes.Equal(v, m.items[key].value) {
		m.Fatalf("%s: %q has %d bytes that are not the %d stored", what, key, len(v), len(m.items[key].value))
	}
}

// compare reads a key.
func (m *model) compare(key string) {
	m.Helper()
	v, err := m.e.Get(key, nil)
	m.compareValue(key, v, err, "get")
}

func (m *model) getAppend() {
	key := m.key()
	prefix := []byte("prefix")
	buf := append(make([]byte, 0, rapid.IntRange(6, 2000).Draw(m.T, "room")), prefix...)
	v, err := m.e.Get(key, buf)
	if !bytes.HasPrefix(v, prefix) {
		m.Fatalf("get: what was in the buffer is gone")
	}
	if err != nil && len(v) != len(prefix) {
		m.Fatalf("get: %d bytes and an error", len(v)-len(prefix))
	}
	m.compareValue(key, v[len(prefix):], err, "get and append")
}

func (m *model) has() {
	key := m.key()
	ok, err := m.e.Has(key)
	m.must(err, "has")
	m.saw(key, ok, "has")
}

// item compares what is known of an item besides its value.
func (m *model) item() {
	key := m.key()
	got, err := m.e.Item(key)
	m.compareItem(key, got, err)
	got, v, err := m.e.GetItem(key)
	m.compareItem(key, got, err)
	m.compareValue(key, v, err, "get item")
}

func (m *model) compareItem(key string, got Item, err error) {
	m.Helper()
	if err != nil && !errors.Is(err, ErrNotFound) {
		m.Fatalf("item %q: %v", key, err)
	}
	m.saw(key, err == nil, "item")
	if err != nil {
		return
	}
	it := m.items[key]
	var expires time.Time
	if it.attrs.Expires != 0 {
		expires = time.Unix(0, it.attrs.Expires)
	}
	if got.Key != key || got.Tag != it.attrs.Tag || got.User != it.attrs.User || got.Size != int64(len(it.value)) || !got.Expires.Equal(expires) {
		m.Fatalf("item %q: %+v, stored was %+v with %d bytes", key, got, it.attrs, len(it.value))
	}
	if got.First > got.Stored || it.first != 0 && got.First != it.first {
		m.Fatalf("item %q: first stored at %d, now at %d, before at %d", key, got.First, got.Stored, it.first)
	}
	it.first = got.First
}

// read goes through a value by a Reader, from several places.
func (m *model) read() {
	key := m.key()
	r, it, err := m.e.Reader(key)
	if err != nil {
		m.compareItem(key, it, err)
		return
	}
	defer func() { m.must(r.Close(), "close of a reader") }()
	m.compareItem(key, it, nil)
	want := m.items[key].value
	if r.Size() != int64(len(want)) {
		m.Fatalf("reader: size %d, want %d", r.Size(), len(want))
	}
	if rapid.Bool().Draw(m.T, "deleted meanwhile") {
		_, err := m.e.Delete(key)
		m.must(err, "delete")
		m.must(m.e.Sync(), "sync")
		delete(m.items, key)
	}
	for range 3 {
		off := rapid.IntRange(0, len(want)).Draw(m.T, "offset")
		n := rapid.IntRange(0, len(want)-off).Draw(m.T, "bytes")
		_, err := r.Seek(int64(off-len(want)), io.SeekEnd)
		m.must(err, "seek")
		b := make([]byte, n)
		_, err = io.ReadFull(r, b)
		m.must(err, "read")
		if !bytes.Equal(b, want[off:off+n]) {
			m.Fatalf("reader: wrong bytes at %d+%d", off, n)
		}
		if got, err := r.ReadAt(b, int64(off)); got < n || err != nil && err != io.EOF || !bytes.Equal(b, want[off:off+n]) {
			m.Fatalf("read at %d+%d: %d bytes, %v", off, n, got, err)
		}
	}
}

// everything compares all items, by walks, by their number, and by what their
// records take on the disk.
func (m *model) everything() {
	for _, key := range modelKeys {
		m.compare(key)
	}
	m.walk()
	n, err := m.e.Len()
	m.must(err, "len")
	least := 0 // what is dead may have been taken back
	for key := range m.items {
		if m.lifeOf(key) == alive {
			least++
		}
	}
	if n < least || n > len(m.items) {
		m.Fatalf("len: %d, want %d to %d", n, least, len(m.items))
	}
	m.check()
	m.account()
}

func (m *model) walk() {
	seen := make(map[string]bool)
	for kv, err := range m.e.Items() {
		m.must(err, "items")
		m.compareValue(kv.Key, kv.Value, nil, "items")
		seen[kv.Key] = true
	}
	keys := 0
	for key, err := range m.e.Keys() {
		m.must(err, "keys")
		if !seen[key] {
			m.Fatalf("keys: %q, which items has not", key)
		}
		keys++
	}
	if keys != len(seen) {
		m.Fatalf("keys: %d of the %d of items, or some twice", keys, len(seen))
	}
	for key := range m.items {
		m.saw(key, seen[key], "items")
	}
}

// check sees to it that nothing is damaged, whatever was lost of what may be.
func (m *model) check() {
	problems, err := m.e.Check(m.damaged)
	m.must(err, "check")
	for _, p := range problems {
		if errors.Is(p.Err, ErrCorrupt) || p.Err != errOrphan && !m.damaged { // a kill leaves orphans
			m.Fatalf("check: %v", p)
		}
	}
	s, err := m.e.Stats()
	m.must(err, "stats")
	if s.Corrupt != 0 || s.Torn != 0 {
		m.Fatalf("stats: %d corrupt, %d torn", s.Corrupt, s.Torn)
	}
}

// account compares the bytes that the engine believes to be in use with what a
// scan of all files finds.
func (m *model) account() {
	items, bytes := scanLive(m)
	s, err := m.e.Stats()
	m.must(err, "stats")
	if s.LiveBytes != bytes || int(s.Items) != items {
		m.Fatalf("%d bytes of %d items are said to be live, the files have %d of %d", s.LiveBytes, s.Items, bytes, items)
	}
}

// scanLive reads all segments, and returns how many items there are in the end,
// and how many bytes they take.
func scanLive(m *model) (items int, live int64) {
	type newest struct {
		seq  uint64
		put  bool
		size int64
	}
	all := make(map[string]newest)
	drops := make(map[uint64]int64)
	list, err := m.e.fsys.List(".")
	m.must(err, "list")
	var ids []uint64
	for _, info := range list {
		if kind, id, ok := codec.ParseName(info.Name); ok && kind == codec.NameSegment {
			ids = append(ids, id)
			forRecords(m, m.e.fsys, id, func(r *segment.Record) {
				if r.Kind == codec.KindDrop {
					upTo := r.Expires
					if upTo == 0 {
						upTo = math.MaxInt64
					}
					drops[r.Hash] = max(drops[r.Hash], upTo)
				}
			})
		}
	}
	for _, id := range ids {
		forRecords(m, m.e.fsys, id, func(r *segment.Record) {
			if r.Off < drops[id] || r.Kind == codec.KindDrop {
				return
			}
			n := newest{r.Stored, r.Kind == codec.KindPut, r.Size}
			if r.Flags&codec.FlagFile != 0 {
				ref, err := codec.ParseFileRef(r.Value)
				m.must(err, "file reference")
				n.size += ref.Size
			}
			if all[string(r.Key)].seq <= n.seq {
				all[string(r.Key)] = n
			}
		})
	}
	for _, n := range all {
		if n.put {
			items++
			live += n.size
		}
	}
	return items, live
}

func forRecords(m *model, fsys vfs.FS, id uint64, fn func(*segment.Record)) {
	f, err := fsys.Open(codec.SegmentName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return // dropped, and removed since it was listed
	}
	m.must(err, "open segment")
	defer f.Close()
	size, err := f.Size()
	m.must(err, "size of segment")
	c, err := segment.NewCursor(f, id, size, 0)
	m.must(err, "cursor")
	for c.Next() {
		for i := range c.Commit().Records {
			fn(&c.Commit().Records[i])
		}
	}
	m.must(c.Err(), "cursor")
}

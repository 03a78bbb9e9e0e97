package segment

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/go-diskcache/diskcache/codec"
)

// scratch is what a read by pread fills. Pooled, for a Get allocates nothing
// but the value that it returns.
type scratch struct{ b []byte }

var scratches = sync.Pool{New: func() any { return &scratch{make([]byte, 4096)} }}

// maxScratch bounds what the pool keeps.
const maxScratch = 1 << 20

func (b *scratch) free() {
	if cap(b.b) <= maxScratch {
		scratches.Put(b)
	}
}

func (b *scratch) grow(n int) []byte {
	if cap(b.b) < n {
		b.b = append(b.b[:cap(b.b)], make([]byte, n-cap(b.b))...)
	}
	return b.b[:n]
}

// Get reads the record at off, verifies it, and, if it is one of key, appends
// its stored value to dst. guess is how many bytes to read at first. The record
// that it fills in has neither key nor value, and its tag is a copy.
//
// A record that does not verify is a *DamageError.
func (s *Segment) Get(off int64, guess int, key string, dst []byte, rec *codec.Record) (out []byte, same bool, err error) {
	if m := s.mapping(); m != nil {
		return s.getMapped(m, off, guess, key, dst, rec)
	}
	buf := scratches.Get().(*scratch)
	defer buf.free()
	b, err := s.fetch(buf, off, guess)
	if err != nil {
		return dst, false, err
	}
	return s.take(b, off, key, dst, rec)
}

// getMapped is Get from the mapped file. A page that cannot be read (the file
// was truncated, the disk fails) faults; the fault becomes an error here.
func (s *Segment) getMapped(m []byte, off int64, guess int, key string, dst []byte, rec *codec.Record) (out []byte, same bool, err error) {
	if uint64(off) >= uint64(len(m)) {
		return dst, false, &DamageError{s.Name(), off, codec.ErrShort}
	}
	defer catchFault(debug.SetPanicOnFault(true), s, off, &err)
	m = m[off:]
	touch(m[:min(guess, len(m), maxTouch)])
	return s.take(m, off, key, dst, rec)
}

// maxTouch is as far as touch goes: the processor sees by itself that memory is
// read in sequence, after some lines.
const maxTouch = 512

// touch loads every cache line of b. Parsing waits for the head before it knows
// where the rest is; this way the lines come from memory all at once.
func touch(b []byte) {
	const line = 64
	x := byte(0)
	for i := 0; i < len(b); i += line {
		x |= b[i]
	}
	runtime.KeepAlive(x)
}

// catchFault is deferred around every access to mapped memory.
func catchFault(before bool, s *Segment, off int64, err *error) {
	debug.SetPanicOnFault(before)
	r := recover()
	if r == nil {
		return
	}
	if fault, ok := r.(interface {
		error
		Addr() uintptr
	}); ok {
		*err = &DamageError{s.Name(), off, fmt.Errorf("mapped file: %w", fault)}
		return
	}
	panic(r)
}

// take parses the record in b and copies out what the caller keeps.
func (s *Segment) take(b []byte, off int64, key string, dst []byte, rec *codec.Record) ([]byte, bool, error) {
	if _, err := codec.ParseRecord(b, s.ID, off, rec); err != nil {
		return dst, false, &DamageError{s.Name(), off, err}
	}
	if string(rec.Key) != key {
		return dst, false, nil
	}
	dst = append(dst, rec.Value...)
	rec.Key, rec.Value = nil, nil
	if len(rec.Tag) > 0 {
		rec.Tag = append([]byte(nil), rec.Tag...)
	}
	return dst, true, nil
}

// fetch reads the whole record at off into buf: guess bytes, and the rest where
// the head says that there is more.
func (s *Segment) fetch(buf *scratch, off int64, guess int) ([]byte, error) {
	b, h, err := s.fetchHead(buf, off, guess)
	if err != nil {
		return nil, err
	}
	have, size := len(b), h.Size()
	if size <= have {
		return b, nil
	}
	if off+int64(size) > s.Length() {
		return nil, &DamageError{s.Name(), off, codec.ErrShort}
	}
	b = buf.grow(size)
	return b, s.ReadAt(b[have:], off+int64(have))
}

func (s *Segment) fetchHead(buf *scratch, off int64, guess int) ([]byte, codec.Head, error) {
	if left := s.Length() - off; int64(guess) > left {
		guess = int(max(left, 0))
	}
	b := buf.grow(guess)
	n, err := s.readSome(b, off)
	if err != nil && !IsDamage(err) {
		return nil, codec.Head{}, err
	}
	b = b[:n] // a file that was cut short may still hold all of this record
	h, herr := codec.ParseHead(b, s.ID, off)
	if herr != nil {
		return nil, codec.Head{}, cmp.Or(err, error(&DamageError{s.Name(), off, herr}))
	}
	return b, h, nil
}

// headGuess is read to see a record's head and, mostly, its key.
const headGuess = 256

// Head reads the head of the record at off, and appends its key to key. The
// head is verified; the key is not, for its checksum is over the value too.
func (s *Segment) Head(off int64, key []byte) (codec.Head, []byte, error) {
	return s.head(off, key, nil)
}

// HeadAndTag is Head that also appends the tag to tag. It is not verified either.
func (s *Segment) HeadAndTag(off int64, key, tag []byte) (codec.Head, []byte, []byte, error) {
	h, key, err := s.head(off, key, &tag)
	return h, key, tag, err
}

// head is HeadAndTag, or Head where tag is nil.
func (s *Segment) head(off int64, key []byte, tag *[]byte) (codec.Head, []byte, error) {
	if m := s.mapping(); m != nil {
		return s.headMapped(m, off, key, tag)
	}
	buf := scratches.Get().(*scratch)
	defer buf.free()
	b, h, err := s.fetchHead(buf, off, headGuess)
	if err != nil {
		return h, key, err
	}
	k := h.KeyIn(b) // of a key without bytes, too, it says whether the tag before it is there
	if k == nil {
		if b, err = s.fetch(buf, off, h.Size()); err != nil {
			return h, key, err
		}
		k = h.KeyIn(b)
	}
	if tag != nil {
		*tag = append(*tag, h.TagIn(b)...)
	}
	return h, append(key, k...), nil
}

func (s *Segment) headMapped(m []byte, off int64, key []byte, tag *[]byte) (h codec.Head, k []byte, err error) {
	if uint64(off) >= uint64(len(m)) {
		return h, key, &DamageError{s.Name(), off, codec.ErrShort}
	}
	defer catchFault(debug.SetPanicOnFault(true), s, off, &err)
	if h, err = codec.ParseHead(m[off:], s.ID, off); err != nil {
		return h, key, &DamageError{s.Name(), off, err}
	}
	in := h.KeyIn(m[off:])
	if in == nil {
		return h, key, &DamageError{s.Name(), off, codec.ErrShort}
	}
	if tag != nil { // which stands before the key
		*tag = append(*tag, h.TagIn(m[off:])...)
	}
	return h, append(key, in...), nil
}

// Record reads the record at off whole and verifies it. What it returns is the
// caller's.
func (s *Segment) Record(off int64) (codec.Record, error) {
	var rec codec.Record
	b, err := s.copyOf(off)
	if err != nil {
		return rec, err
	}
	if _, err := codec.ParseRecord(b, s.ID, off, &rec); err != nil {
		return rec, &DamageError{s.Name(), off, err}
	}
	return rec, nil
}

// copyOf returns the bytes of the record at off, or as many as there are.
func (s *Segment) copyOf(off int64) (b []byte, err error) {
	m := s.mapping()
	if m == nil {
		return s.fetch(&scratch{}, off, headGuess)
	}
	if uint64(off) >= uint64(len(m)) {
		return nil, &DamageError{s.Name(), off, codec.ErrShort}
	}
	defer catchFault(debug.SetPanicOnFault(true), s, off, &err)
	h, err := codec.ParseHead(m[off:], s.ID, off)
	if err != nil {
		return nil, &DamageError{s.Name(), off, err}
	}
	return bytes.Clone(m[off:min(off+int64(h.Size()), int64(len(m)))]), nil
}

// IsDamage reports whether err says that bytes on disk are wrong, as opposed to
// that they could not be read.
func IsDamage(err error) bool {
	if err == nil {
		return false // before d is allocated
	}
	var d *DamageError
	return errors.As(err, &d)
}

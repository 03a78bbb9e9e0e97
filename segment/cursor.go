package segment

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-diskcache/diskcache/codec"
)

// Record is a record that a Cursor came to.
type Record struct {
	codec.Record       // its slices are good until the next call of Next
	Off          int64 // where it is in the file
	Size         int64 // how long it is there
	// Damaged is set when only the head of the record could be verified: it
	// tells that there was a newer version of some key, which is lost.
	Damaged bool
}

// Commit is one commit of a log.
type Commit struct {
	Seq, Prev uint64
	Off, End  int64
	Records   []Record
}

// Damage is a part of a file that is not what was written.
type Damage struct {
	Off, Len int64
	// Synced is set when the part was known to be on the disk, so that data
	// that had been promised is lost. Otherwise it is what a crash leaves.
	Synced bool
	Err    error
}

// Cursor reads a segment from its beginning to its end, commit by commit.
//
// A commit is handed out whole or, where a part of it is damaged, either not at
// all (it was never known to be synced: a crash tore it), or without the records
// that the damage touched (it was). Behind damage the Cursor goes on at the next
// header that verifies; since every checksum is bound to its place, no value
// that happens to look like a record can deceive it.
type Cursor struct {
	r    io.ReaderAt
	id   uint64
	size int64 // of the file
	off  int64 // of the next commit

	buf   []byte // a window of the file
	start int64  // offset of buf[0]

	synced int64 // known to be on the disk, as the caller or a mark said
	stated int64 // the same, as the marks alone say
	marked bool  // marks ahead were looked for

	commit  Commit
	end     int64 // behind the last whole commit
	lastSeq uint64
	header  codec.SegmentHeader
	damages []Damage
	err     error
}

// window is how much is read at a time.
const window = 1 << 20

// NewCursor returns a Cursor over the first size bytes of the segment id in r.
// synced says up to where they are known to have been on the disk (0: not known).
// A newer format version is an error that wraps codec.ErrVersion; a header that
// is damaged otherwise is noted as damage, for commits verify without it.
func NewCursor(r io.ReaderAt, id uint64, size, synced int64) (*Cursor, error) {
	c := &Cursor{r: r, id: id, size: size, synced: synced}
	b, err := c.bytes(0, codec.MaxHeaderLen)
	if err != nil {
		return nil, err
	}
	h, n, err := codec.ParseSegmentHeader(b)
	switch {
	case errors.Is(err, codec.ErrVersion):
		return nil, fmt.Errorf("%s: %w", codec.SegmentName(id), err)
	case err == nil && h.ID != id:
		err = fmt.Errorf("file of segment %016x", h.ID)
	}
	if err != nil {
		n = min(codec.SegmentHeaderLen, int(size))
		c.damage(0, int64(n), err)
	} else {
		c.header = h
	}
	c.off, c.end = int64(n), int64(n)
	return c, nil
}

// ResumeCursor returns a Cursor over what follows the offset off, where a commit ends or
// the header does, up to size. All of it is known to have been written whole.
func ResumeCursor(r io.ReaderAt, id uint64, off, size int64) *Cursor {
	return &Cursor{r: r, id: id, size: size, off: off, end: off, synced: size}
}

// Extend lets a Cursor that came to its end go on up to size, and reports whether it can: it
// stands right behind the last commit that it handed out. As with ResumeCursor, what comes is
// known to have been written whole.
func (c *Cursor) Extend(size int64) bool {
	if c.err != nil || c.off != c.end || size < c.size {
		return false
	}
	c.size, c.synced = size, size
	return true
}

// Buffered returns how many bytes the Cursor keeps to read into.
func (c *Cursor) Buffered() int { return cap(c.buf) }

// Header returns the segment's header; the zero value if it is damaged.
func (c *Cursor) Header() codec.SegmentHeader { return c.header }

// Commit returns the commit that Next came to. Its records and their slices are
// good until the next call of Next.
func (c *Cursor) Commit() *Commit { return &c.commit }

// End returns the offset behind the last commit that was handed out.
func (c *Cursor) End() int64 { return c.end }

// Damages returns what was found damaged so far.
func (c *Cursor) Damages() []Damage { return c.damages }

// Stated returns up to where the log itself, as far as it was read, says that it
// was synced.
func (c *Cursor) Stated() int64 { return c.stated }

// Err returns the error that stopped Next, nil at the end of the log.
func (c *Cursor) Err() error { return c.err }

// Next advances to the next commit and reports whether there is one.
func (c *Cursor) Next() bool {
	for c.err == nil && c.off < c.size {
		from := c.off
		if ok := c.whole(); ok {
			return true
		}
		if c.err != nil {
			break
		}
		end, blank := c.resync(from)
		c.off = end
		if c.err != nil || blank {
			break
		}
		if !c.lookAhead(end) {
			break
		}
		if c.salvage(from, end) {
			return true
		}
	}
	return false
}

// whole parses the commit at c.off and moves behind it if all of it verifies.
func (c *Cursor) whole() bool {
	b, err := c.bytes(c.off, codec.FrameHeaderLen)
	if err != nil {
		c.err = err
		return false
	}
	f, n, err := codec.ParseFrameHeader(b, c.id, c.off)
	if err != nil || f.Length > c.size-c.off || f.Seq <= c.lastSeq {
		return false
	}
	if b, err = c.bytes(c.off, int(f.Length)); err != nil {
		c.err = err
		return false
	}
	c.commit = Commit{Seq: f.Seq, Prev: f.Prev, Off: c.off, End: c.off + f.Length, Records: c.commit.Records[:0]}
	for at := n; at < len(b); {
		var r Record
		size, err := codec.ParseRecord(b[at:], c.id, c.off+int64(at), &r.Record)
		if errors.Is(err, codec.ErrKind) {
			c.err = fmt.Errorf("%s: offset %d: %w", codec.SegmentName(c.id), c.off+int64(at), err)
			return false
		}
		if err != nil || r.Seq != f.Seq {
			return false
		}
		r.Off, r.Size = c.off+int64(at), int64(size)
		c.add(r)
		at += size
	}
	c.off, c.end, c.lastSeq = c.commit.End, c.commit.End, f.Seq
	return true
}

// add keeps a record that verified, or learns from it what is synced.
func (c *Cursor) add(r Record) {
	if r.Kind == codec.KindMark {
		c.stated = max(c.stated, int64(r.Hash))
		c.synced = max(c.synced, c.stated)
		return
	}
	c.commit.Records = append(c.commit.Records, r)
}

// resync returns where the next commit with a header that verifies begins
// behind from, or the end of the file. blank is set when there is none, and
// nothing but zeros up to the end: space that was allocated and never written.
func (c *Cursor) resync(from int64) (end int64, blank bool) {
	blank = true
	for off := from; off < c.size; {
		b, err := c.bytes(off, int(min(window, c.size-off)))
		if err != nil {
			c.err = err
			return off, false
		}
		i := 0
		for ; i < len(b); i += codec.Align {
			if zeros(b[i:min(i+codec.Align, len(b))]) {
				continue // no header begins with zeros
			}
			blank = false
			if len(b)-i < codec.FrameHeaderLen {
				break
			}
			at := off + int64(i)
			if f, _, err := codec.ParseFrameHeader(b[i:], c.id, at); at > from && err == nil && f.Length <= c.size-at && f.Seq > c.lastSeq {
				return at, false
			}
		}
		if off+int64(len(b)) >= c.size {
			break
		}
		off += int64(i) // whole windows but for a header that straddles the end
	}
	return c.size, blank
}

func zeros(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// lookAhead reads the marks behind damage, once: they say whether what is
// damaged had been synced.
func (c *Cursor) lookAhead(from int64) bool {
	if c.marked {
		return true
	}
	c.marked = true
	ahead := Cursor{r: c.r, id: c.id, size: c.size, off: from, lastSeq: c.lastSeq, marked: true, synced: c.synced}
	for ahead.off < ahead.size && ahead.err == nil {
		if !ahead.whole() && ahead.err == nil {
			ahead.off, _ = ahead.resync(ahead.off)
		}
	}
	c.err = ahead.err
	c.stated = max(c.stated, ahead.stated)
	c.synced = max(c.synced, ahead.synced)
	return c.err == nil
}

// maxSalvage bounds the damaged part in which records are looked for: it is read
// into memory at once, and no commit is that long.
const maxSalvage = 1 << 30

// salvage makes a commit of the records that verify in a damaged part. The part
// between is noted as damage. In a part that was not known to be synced nothing
// is salvaged, for a commit is valid as a whole or not at all.
func (c *Cursor) salvage(from, end int64) bool {
	if from >= c.synced {
		c.damage(from, end-from, errTorn)
		return false
	}
	if end-from > maxSalvage {
		c.damage(from, end-from, codec.ErrChecksum)
		return false
	}
	b, err := c.bytes(from, int(end-from))
	if err != nil {
		c.err = err
		return false
	}
	c.commit = Commit{Off: from, End: end, Records: c.commit.Records[:0]}
	at := 0
	if _, n, err := codec.ParseFrameHeader(b, c.id, from); err == nil {
		at = n
	}
	bad := at // where the damage not yet noted begins
	for at < len(b) {
		off := from + int64(at)
		h, err := codec.ParseHead(b[at:], c.id, off)
		if err != nil || h.Size() > len(b)-at || h.Seq <= c.lastSeq {
			at += codec.Align
			continue
		}
		var r Record
		if _, err = codec.ParseRecord(b[at:], c.id, off, &r.Record); err != nil {
			r.Record = codec.Record{Kind: h.Kind, Flags: h.Flags, Hash: h.Hash, Seq: h.Seq, First: h.First, Stored: h.Stored, Expires: h.Expires}
			r.Damaged = true
		}
		r.Off, r.Size = off, int64(h.Size())
		c.noteDamage(from, bad, at)
		if r.Damaged {
			c.damage(off, r.Size, err)
		}
		c.add(r)
		c.commit.Seq = r.Seq
		at += h.Size()
		bad = at
	}
	c.noteDamage(from, bad, len(b))
	if len(c.commit.Records) == 0 {
		return false
	}
	c.end, c.lastSeq = end, max(c.lastSeq, c.commit.Seq)
	return true
}

func (c *Cursor) noteDamage(from int64, bad, at int) {
	if at > bad {
		c.damage(from+int64(bad), int64(at-bad), codec.ErrChecksum)
	}
}

var errTorn = errors.New("torn: never synced")

func (c *Cursor) damage(off, n int64, err error) {
	c.damages = append(c.damages, Damage{off, n, off < c.synced, err})
}

// bytes returns n bytes from off, fewer at the end of the file. They are good
// until the next call.
func (c *Cursor) bytes(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), c.size-off))
	if off >= c.start && off+int64(n) <= c.start+int64(len(c.buf)) {
		return c.buf[off-c.start:][:n], nil
	}
	want := int(min(int64(max(n, window)), c.size-off))
	if cap(c.buf) < want {
		c.buf = make([]byte, want)
	}
	c.buf, c.start = c.buf[:want], off
	got, err := c.r.ReadAt(c.buf, off)
	if got < want && !errors.Is(err, io.EOF) && err != nil {
		c.buf = c.buf[:0]
		return nil, err
	}
	if got < want { // the file shrank under us
		clear(c.buf[got:])
	}
	return c.buf[:n], nil
}

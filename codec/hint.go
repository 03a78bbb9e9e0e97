package codec

import "math"

// A hint (offsets in bytes, little endian):
//
//	 0  magic       8 bytes
//	 8  version     u32
//	12  headerLen   u32  88
//	16  cacheID     16 bytes
//	32  segmentID   u64
//	40  length      u64  how far the segment is valid
//	48  firstSeq    u64
//	56  lastSeq     u64
//	64  count       u32  of entries
//	68  stream      u32  as in the segment's header
//	72  entriesSum  u64  over all entries
//	80  sum         u64  over bytes 0 to 80
//	88  entries, 32 bytes each, to the end of the file:
//
//	 0  keyHash     u64
//	 8  seq         u64
//	16  offset      u32  in units of 8 bytes
//	20  size        u32  padded size of the record, in units of 8 bytes
//	24  kind        u8
//	25  flags       u8
//	26  zero        u16
//	28  expires     u32  seconds since 1970, rounded up, 0 = never; of a drop: the offset in units of 8

const (
	hintMagic     = "\x89DCHNT\r\n"
	hintHeaderLen = 88
	hintEntryLen  = 32
)

// HintEntryLen is the length of an entry in a hint.
const HintEntryLen = hintEntryLen

// A Hint says what records a sealed segment holds and how far it is valid, so
// that opening need not read it.
type Hint struct {
	CacheID   [16]byte
	SegmentID uint64
	Length    int64  // how far the segment is valid; what follows is not part of the log
	FirstSeq  uint64 // of the first and the last commit; 0 if there is none
	LastSeq   uint64
	Stream    uint32      // as in the segment's header
	Entries   []HintEntry // in the order of the file; marks are left out
}

// A HintEntry is the hint's word on one record.
type HintEntry struct {
	Hash    uint64
	Seq     uint64
	Off     int64 // where the record begins
	Size    int64 // its padded size
	Expires int64 // in seconds, as HintExpires makes it; what is too large for the field is cut to the largest
	Kind    Kind
	Flags   Flags
}

// HintExpires turns the expiry of a record, in nanoseconds, into that of its
// hint entry: whole seconds, rounded up, so that a hint never expires what is
// alive; 0 stays 0. What lies before 1970 becomes the first second. The last
// second that the field can state means then or later.
func HintExpires(ns int64) int64 {
	if ns == 0 {
		return 0
	}
	sec := ns / 1e9
	if ns%1e9 > 0 {
		sec++
	}
	return min(max(sec, 1), math.MaxUint32)
}

// ok reports whether an entry may follow one that ends at offset after, in a
// segment that is valid up to length.
func (e *HintEntry) ok(after, length int64) bool {
	return e.Off >= after && e.Off%Align == 0 && e.Off < MaxSegmentLen &&
		e.Size >= MinRecordLen && e.Size%Align == 0 && e.Size <= length-e.Off &&
		e.Expires >= 0 && e.Flags&flagReserved == 0 &&
		(e.Kind >= KindPut && e.Kind <= KindDrop || e.Kind.Skippable())
}

// HintLen returns the length of a hint with so many entries.
func HintLen(entries int) int { return hintHeaderLen + entries*hintEntryLen }

// firstRecordAt is the least offset that a record can have.
const firstRecordAt = SegmentHeaderLen + FrameHeaderLen

func hintLengthOK(length int64) bool {
	return length >= SegmentHeaderLen && length <= MaxSegmentLen && length%Align == 0
}

// AppendHint appends h. It panics if an entry cannot be one of such a segment.
func AppendHint(dst []byte, h *Hint) []byte {
	if !hintLengthOK(h.Length) || uint64(len(h.Entries)) > math.MaxUint32 {
		panic("codec: hint cannot be written")
	}
	at := len(dst)
	dst = grow(dst, hintHeaderLen+len(h.Entries)*hintEntryLen)[:at+hintHeaderLen]
	after := int64(firstRecordAt)
	for i := range h.Entries {
		e := &h.Entries[i]
		if !e.ok(after, h.Length) {
			panic("codec: hint entry cannot be written")
		}
		dst = AppendHintEntry(dst, e)
		after = e.Off + e.Size
	}
	h.putHeader(dst[at:], len(h.Entries))
	return dst
}

// AppendHintOf is AppendHint with entries that AppendHintEntry has made, in place of those of h.
func AppendHintOf(dst []byte, h *Hint, pieces [][]byte) []byte {
	if !hintLengthOK(h.Length) {
		panic("codec: hint cannot be written")
	}
	at, n := len(dst), 0
	for _, p := range pieces {
		n += len(p)
	}
	dst = grow(dst, hintHeaderLen+n)[:at+hintHeaderLen]
	for _, p := range pieces {
		dst = append(dst, p...)
	}
	h.putHeader(dst[at:], n/hintEntryLen)
	return dst
}

// putHeader writes the header in front of so many entries.
func (h *Hint) putHeader(hint []byte, count int) {
	entries := hint[hintHeaderLen:]
	b := appendHeader(hint[:0], hintMagic, hintHeaderLen, h.CacheID)
	b = le.AppendUint64(b, h.SegmentID)
	b = le.AppendUint64(b, uint64(h.Length))
	b = le.AppendUint64(b, h.FirstSeq)
	b = le.AppendUint64(b, h.LastSeq)
	b = le.AppendUint32(b, uint32(count))
	b = le.AppendUint32(b, h.Stream)
	b = le.AppendUint64(b, Sum(entries))
	appendHeaderSum(b, 0)
}

// AppendHintEntry appends an entry as it stands in a hint. That it may follow the one before it
// its maker answers for.
func AppendHintEntry(dst []byte, e *HintEntry) []byte {
	at := len(dst)
	dst = grow(dst, hintEntryLen)
	b := dst[at : at+hintEntryLen]
	le.PutUint64(b, e.Hash)
	le.PutUint64(b[8:], e.Seq)
	le.PutUint32(b[16:], uint32(e.Off/Align))
	le.PutUint32(b[20:], uint32(e.Size/Align))
	le.PutUint32(b[24:], uint32(e.Kind)|uint32(e.Flags)<<8)
	le.PutUint32(b[28:], uint32(min(e.Expires, math.MaxUint32)))
	return dst
}

// DecodeHintEntries appends the entries that AppendHintEntry has made.
func DecodeHintEntries(dst []HintEntry, b []byte) []HintEntry {
	for ; len(b) >= hintEntryLen; b = b[hintEntryLen:] {
		var e HintEntry
		parseHintEntry(b, &e)
		dst = append(dst, e)
	}
	return dst
}

// ParseHint verifies a whole hint file.
func ParseHint(b []byte) (Hint, error) {
	var h Hint
	if err := ParseHintInto(b, &h); err != nil {
		return Hint{}, err
	}
	return h, nil
}

// ParseHintInto is ParseHint for one who reads many: it takes the room of
// h.Entries for the new entries. After an error *h holds nothing of use but
// that room.
func ParseHintInto(b []byte, h *Hint) error {
	if err := checkHeader(b, hintMagic, hintHeaderLen); err != nil {
		return err
	}
	count, entries := le.Uint32(b[64:]), b[hintHeaderLen:]
	if need := uint64(count) * hintEntryLen; uint64(len(entries)) < need {
		return ErrShort
	} else if uint64(len(entries)) > need {
		return ErrLength
	}
	if Sum(entries) != le.Uint64(b[72:]) {
		return ErrChecksum
	}
	h.CacheID = [16]byte(b[cacheIDAt:])
	h.SegmentID = le.Uint64(b[32:])
	h.Length = int64(le.Uint64(b[40:]))
	h.FirstSeq = le.Uint64(b[48:])
	h.LastSeq = le.Uint64(b[56:])
	h.Stream = le.Uint32(b[68:])
	if !hintLengthOK(h.Length) {
		return ErrLength
	}
	return h.parseEntries(entries, int(count))
}

func (h *Hint) parseEntries(b []byte, count int) error {
	if cap(h.Entries) < count {
		h.Entries = make([]HintEntry, count)
	}
	h.Entries = h.Entries[:count]
	after := int64(firstRecordAt)
	for i := range h.Entries {
		e := &h.Entries[i]
		if !parseHintEntry(b[i*hintEntryLen:], e) || !e.ok(after, h.Length) {
			return ErrLength
		}
		after = e.Off + e.Size
	}
	return nil
}

func parseHintEntry(b []byte, e *HintEntry) bool {
	_ = b[hintEntryLen-1]
	*e = HintEntry{
		Hash:    le.Uint64(b),
		Seq:     le.Uint64(b[8:]),
		Off:     int64(le.Uint32(b[16:])) * Align,
		Size:    int64(le.Uint32(b[20:])) * Align,
		Kind:    Kind(b[24]),
		Flags:   Flags(b[25]),
		Expires: int64(le.Uint32(b[28:])),
	}
	return le.Uint16(b[26:]) == 0
}

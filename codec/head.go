package codec

import "math"

import "math/bits"

// A Head is all that is known of a record without its body. It has a checksum
// of its own, so it can be believed as soon as it has been parsed.
type Head struct {
	Kind        Kind
	Flags       Flags
	User        uint16
	Compression Compression
	KeyLen      int
	TagLen      int
	ValueLen    int    // as stored
	RawLen      uint32 // before compression; ValueLen if there is none
	Hash        uint64
	Seq         uint64
	First       uint64 // = Seq when the record does not say
	Stored      uint64 // = Seq when the record does not say
	Expires     int64  // nanoseconds since 1970, 0 = never
	Sum         uint64 // of the body
}

// ParseHead verifies the head of the record at the beginning of b, which
// stands at offset off of segment id. b may end before the record does, or
// after it; MaxHeadLen bytes are always enough.
func ParseHead(b []byte, id uint64, off int64) (h Head, err error) {
	var r Record
	l, err := r.parseHead(b, id, off)
	if err != nil {
		return h, err
	}
	h.Kind, h.Flags, h.User, h.Compression = r.Kind, r.Flags, r.User, r.Compression
	h.KeyLen, h.TagLen, h.ValueLen, h.RawLen = l.key, l.tag, l.value, r.RawLen
	h.Hash, h.Seq, h.First, h.Stored = r.Hash, r.Seq, r.First, r.Stored
	h.Expires, h.Sum = r.Expires, r.Sum
	return h, nil
}

func (h *Head) lens() lens {
	return lens{headLen(h.Flags), h.TagLen, h.KeyLen, h.ValueLen}
}

// Size returns the padded size of the whole record.
func (h Head) Size() int { return h.lens().size() }

// TagIn returns the tag, as KeyIn does the key.
func (h Head) TagIn(b []byte) []byte {
	l := h.lens()
	if len(b) < l.head+l.tag {
		return nil
	}
	return b[l.head : l.head+l.tag]
}

// KeyIn returns the key, a part of b, where b begins with the record and holds
// at least that much of it; otherwise nil. The key has not been verified: only
// that it differs can be told from it.
func (h Head) KeyIn(b []byte) []byte {
	l := h.lens()
	at := l.head + l.tag
	end := at + l.key
	if len(b) < end {
		return nil
	}
	return b[at:end:end]
}

func headLen(flags Flags) int {
	return fixedHeadLen + optionalLen*bits.OnesCount8(uint8(flags&flagsOptional))
}

// parseHead fills in all fields of r but Key, Tag and Value. The one thing that
// it takes from b before the sum is verified is which optional fields there
// are, which can make the head longer by at most 32 bytes.
func (r *Record) parseHead(b []byte, id uint64, off int64) (l lens, err error) {
	if len(b) < fixedHeadLen {
		return l, ErrShort
	}
	flags := Flags(b[9])
	l.head = headLen(flags)
	if len(b) < l.head {
		return l, ErrShort
	}
	b = b[:l.head]
	if le.Uint32(b) != placedSum(b, id, off, recordSalt) {
		return l, ErrChecksum
	}
	_ = b[fixedHeadLen-1]
	valueLen, w := le.Uint32(b[4:]), le.Uint64(b[8:])
	l.value = int(valueLen) // negative on 32 bits if it is over the limit; see checkRecord
	l.key = int(w >> 32 & keyLenMask)
	r.Kind, r.Flags, r.User = Kind(w), flags, uint16(w>>16)
	r.Compression = Compression(w >> (32 + keyLenBits)) // with the bits beside it, that they be looked at
	r.Seq, r.Hash, r.Sum = le.Uint64(b[16:]), le.Uint64(b[24:]), le.Uint64(b[32:])
	r.First, r.Stored, r.Expires, r.RawLen = r.Seq, r.Seq, 0, valueLen
	if len(b) > fixedHeadLen {
		var ok bool
		if l.tag, ok = r.parseOptional(b[fixedHeadLen:]); !ok {
			return l, ErrLength
		}
	}
	return l, checkRecord(r.Kind, flags, r.Compression, r.RawLen, l)
}

// parseOptional reads the optional fields. ok is whether each of them says
// something that its absence would not: every record has one form only.
func (r *Record) parseOptional(b []byte) (tagLen int, ok bool) {
	ok = true
	if r.Flags&FlagFirst != 0 {
		r.First = le.Uint64(b)
		ok = ok && r.First != r.Seq && r.First != 0
		b = b[optionalLen:]
	}
	if r.Flags&FlagStored != 0 {
		r.Stored = le.Uint64(b)
		ok = ok && r.Stored != r.Seq && r.Stored != 0
		b = b[optionalLen:]
	}
	if r.Flags&FlagExpires != 0 {
		r.Expires = int64(le.Uint64(b))
		ok = ok && r.Expires != 0 && (r.Kind != KindDrop || isPlace(r.Expires))
		b = b[optionalLen:]
	}
	if r.Flags&FlagExtra != 0 {
		r.RawLen = le.Uint32(b)
		tagLen = int(le.Uint16(b[4:]))
		ok = ok && le.Uint16(b[6:]) == 0 && (tagLen > 0 || r.Compression != None)
	}
	return tagLen, ok
}

// isPlace reports whether a record may begin at an offset, of which a hint can tell.
func isPlace(off int64) bool { return off > 0 && off%Align == 0 && off/Align <= math.MaxUint32 }

// checkRecord holds the limits, and the rules that one field sets for another.
// Appending and parsing both keep them.
func checkRecord(kind Kind, flags Flags, c Compression, rawLen uint32, l lens) error {
	if l.key > MaxKeyLen || l.tag > MaxTagLen || uint(l.value) > MaxValueLen || flags&flagReserved != 0 {
		return ErrLength
	}
	if c == None && rawLen != uint32(l.value) {
		return ErrLength
	}
	if c == None && kind == KindPut {
		return nil
	}
	return checkRare(kind, flags, c, rawLen, l)
}

// checkRare is the part of checkRecord that a plain put does not need.
func checkRare(kind Kind, flags Flags, c Compression, rawLen uint32, l lens) error {
	switch {
	case c == None:
	case c > compressionMask || flags&FlagExtra == 0:
		return ErrLength
	case c > Zstd:
		if !kind.Skippable() { // otherwise of a later version, as the kind is
			return ErrKind
		}
	case rawLen <= uint32(l.value) || rawLen > MaxValueLen:
		return ErrLength // a compression that saved nothing is not kept
	}
	valueless := l.value == 0 && c == None && flags&FlagFile == 0
	ok := true
	switch kind {
	case KindPut:
		ok = flags&FlagFile == 0 // c is not None, and references are not compressed
	case KindTombstone:
		ok = valueless
	case KindDrop, KindMark:
		ok = valueless && l.key == 0 && l.tag == 0
	default:
		if !kind.Skippable() {
			return ErrKind
		}
	}
	if !ok {
		return ErrLength
	}
	return nil
}

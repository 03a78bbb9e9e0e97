package codec

// A record on disk (offsets in bytes, all little endian):
//
//	 0  headSum   u32  place-bound, over the rest of the head
//	 4  valueLen  u32  as stored
//	 8  kind      u8
//	 9  flags     u8
//	10  user      u16
//	12  keyLen    24 bits, compression 4 bits, zero 4 bits
//	16  seq       u64
//	24  keyHash   u64
//	32  bodySum   u64
//	40  First u64, Stored u64, Expires i64, Extra {rawLen u32, tagLen u16, zero u16};
//	    each only if its flag is set
//	    tag, key, value, zeros up to a multiple of 8

// Kind is what a record says. A kind from 128 up may be skipped by a reader
// that does not know it; any other unknown kind must stop it.
type Kind uint8

const (
	KindPut       Kind = 1 // the key has this value
	KindTombstone Kind = 2 // the key is gone; no value
	KindDrop      Kind = 3 // of the segment in Hash what was put before the offset in Expires is gone, all of it if that is 0; no key, no value
	KindMark      Kind = 4 // this file is known to be synced up to the offset in Hash; no key, no value

	kindSkippable Kind = 128
)

// Skippable reports whether k is unknown here and may be passed over.
func (k Kind) Skippable() bool { return k >= kindSkippable }

// Flags are the bits of a record. The first three are told by the writer, the
// others say which optional fields a head has and follow from the fields.
type Flags uint8

const (
	FlagReplaced Flags = 1 << iota // a record of the same key was in the index at the commit
	FlagCollides                   // so was another key whose hash is the same, or much like it
	FlagFile                       // the value is a FileRef
	FlagExpires                    // Expires is not 0
	FlagExtra                      // there is a tag or a compression
	FlagFirst                      // First differs from Seq
	FlagStored                     // Stored differs from Seq: the record was moved

	flagsGiven    = FlagReplaced | FlagCollides | FlagFile
	flagsOptional = FlagExpires | FlagExtra | FlagFirst | FlagStored
	flagReserved  = ^(flagsGiven | flagsOptional)
)

// The limits of a record. MaxValueLen leaves room for the rest of a record in
// 31 bits, so that a length fits an int everywhere and a record that a 64-bit
// machine wrote can be read by a 32-bit one.
const (
	Align       = 8
	MaxKeyLen   = 1 << 16
	MaxTagLen   = 1<<16 - 1
	MaxValueLen = 1<<31 - 1<<18

	// MaxHeadLen bytes hold every head; a record is never shorter than MinRecordLen.
	MaxHeadLen   = fixedHeadLen + 4*optionalLen
	MinRecordLen = fixedHeadLen

	fixedHeadLen = 40
	optionalLen  = 8

	keyLenBits      = 24
	keyLenMask      = 1<<keyLenBits - 1
	compressionMask = 1<<4 - 1
)

// A Record is one record, made or parsed.
type Record struct {
	Kind Kind

	// Flags: AppendRecord takes FlagReplaced, FlagCollides and FlagFile
	// from here and finds the others from the fields. ParseRecord sets all.
	Flags Flags

	User        uint16 // two bytes for bindings; nothing here looks at them
	Compression Compression

	// RawLen is the length of the value before its compression. Without
	// one, AppendRecord does not look at it and ParseRecord sets it to
	// len(Value).
	RawLen uint32

	Hash uint64
	Seq  uint64

	// First is the sequence of the key's first insertion, Stored the one
	// that a moved record had at first. 0 and Seq both mean Seq, and are not
	// written; ParseRecord always sets them.
	First, Stored uint64

	Expires int64 // nanoseconds since 1970, 0 = never

	// After ParseRecord these are parts of its input.
	Key, Tag, Value []byte

	Sum uint64 // of the body; see Digest
}

// Digest computes r.Sum, from Tag, Key and Value. AppendRecord needs it; it is
// apart so that a writer can do this part, whose cost grows with the value,
// before taking a lock and knowing the sequence.
func (r *Record) Digest() { r.Sum = bodySum(r.Tag, r.Key, r.Value) }

// lens are the lengths of the parts of a record, without the padding.
type lens struct{ head, tag, key, value int }

func (l lens) size() int { return alignUp(l.head + l.tag + l.key + l.value) }

// lay returns the flags that r is written with and how long its parts are.
func (r *Record) lay() (Flags, lens) {
	flags, head := r.Flags&flagsGiven, fixedHeadLen
	if r.First != r.Seq && r.First != 0 {
		flags |= FlagFirst
		head += optionalLen
	}
	if r.Stored != r.Seq && r.Stored != 0 {
		flags |= FlagStored
		head += optionalLen
	}
	if r.Expires != 0 {
		flags |= FlagExpires
		head += optionalLen
	}
	if len(r.Tag) > 0 || r.Compression != None {
		flags |= FlagExtra
		head += optionalLen
	}
	return flags, lens{head, len(r.Tag), len(r.Key), len(r.Value)}
}

// RecordSize returns how many bytes AppendRecord will append.
func RecordSize(r *Record) int {
	_, l := r.lay()
	return l.size()
}

// WrittenFlags returns the flags that AppendRecord writes, those that follow from
// the fields included.
func (r *Record) WrittenFlags() Flags {
	flags, _ := r.lay()
	return flags
}

// AppendRecord appends r, padded, as it is to stand at offset off of segment
// id. r.Sum must have been set by Digest. It panics if r cannot be written
// (over a limit, or fields that its kind does not have): ParseRecord would
// refuse it.
func AppendRecord(dst []byte, id uint64, off int64, r *Record) []byte {
	flags, l := r.lay()
	if off%Align != 0 || checkRecord(r.Kind, flags, r.Compression, r.rawLen(), l) != nil {
		panic("codec: record cannot be written")
	}
	size := l.size()
	at := len(dst)
	dst = grow(dst, size)
	b := dst[at : at+size : at+size]
	le.PutUint64(b[size-Align:], 0) // the padding; what is not padding is written over below

	head := b[:l.head]
	_ = head[fixedHeadLen-1]
	le.PutUint64(head, uint64(l.value)<<32)
	le.PutUint64(head[8:], uint64(r.Kind)|uint64(flags)<<8|uint64(r.User)<<16|
		uint64(l.key)<<32|uint64(r.Compression)<<(32+keyLenBits))
	le.PutUint64(head[16:], r.Seq)
	le.PutUint64(head[24:], r.Hash)
	le.PutUint64(head[32:], r.Sum)
	if l.head > fixedHeadLen {
		putOptional(head[fixedHeadLen:], flags, r)
	}
	le.PutUint32(head, placedSum(head, id, off, recordSalt))

	body := b[l.head:]
	body = body[copy(body, r.Tag):]
	body = body[copy(body, r.Key):]
	copy(body, r.Value)
	return dst
}

// putOptional writes the optional fields of a head.
func putOptional(b []byte, flags Flags, r *Record) {
	if flags&FlagFirst != 0 {
		le.PutUint64(b, r.First)
		b = b[optionalLen:]
	}
	if flags&FlagStored != 0 {
		le.PutUint64(b, r.Stored)
		b = b[optionalLen:]
	}
	if flags&FlagExpires != 0 {
		le.PutUint64(b, uint64(r.Expires))
		b = b[optionalLen:]
	}
	if flags&FlagExtra != 0 {
		le.PutUint64(b, uint64(r.rawLen())|uint64(len(r.Tag))<<32)
	}
}

func (r *Record) rawLen() uint32 {
	if r.Compression == None {
		return uint32(len(r.Value))
	}
	return r.RawLen
}

// ParseRecord verifies the record at the beginning of b, which stands at
// offset off of segment id, and fills in all of *r. Key, Tag and Value are
// parts of b.
//
// n is the padded size of the record, and is known as soon as its head has
// verified, also if err is not nil: with ErrShort, b must be at least that
// long; with any other error, the next record begins there. It is 0 if the
// head is not known. After an error *r holds nothing of use.
func ParseRecord(b []byte, id uint64, off int64, r *Record) (n int, err error) {
	l, err := r.parseHead(b, id, off)
	if err != nil {
		return 0, err
	}
	n = l.size()
	if len(b) < n {
		return n, ErrShort
	}
	b = b[:n]
	keyAt := l.head + l.tag
	valueAt := keyAt + l.key
	end := valueAt + l.value
	r.Tag, r.Key, r.Value = b[l.head:keyAt:keyAt], b[keyAt:valueAt:valueAt], b[valueAt:end:end]
	if bodySum(r.Tag, r.Key, r.Value) != r.Sum {
		return n, ErrChecksum
	}
	// The padding is the upper n-end bytes of the last word.
	if le.Uint64(b[n-Align:])>>(8*(Align-(n-end))) != 0 {
		return n, ErrChecksum
	}
	return n, nil
}

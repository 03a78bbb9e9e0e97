package codec

// The header of a frame (offsets in bytes, little endian):
//
//	 0  sum     u32  place-bound, over the rest of the header
//	 4  length  u32  of the whole frame, this header included, in units of 8 bytes
//	 8  seq     u64
//	16  prev    u64
//
// The records follow without gaps and end where the frame does.

const (
	// FrameHeaderLen is what the header of a frame takes.
	FrameHeaderLen = 24

	// MaxFrameLen is the longest frame that its length field can state.
	MaxFrameLen int64 = (1<<32 - 1) * Align

	minFrameLen = FrameHeaderLen + MinRecordLen
)

// A Frame is the header of a commit: one or more records that are valid
// together or not at all.
type Frame struct {
	Length int64  // of the whole frame, its header included; a multiple of Align
	Seq    uint64 // of the commit
	Prev   uint64 // of the commit before it in the directory, whoever made that
}

// AppendFrameHeader appends the header of a frame that begins at offset off of
// segment id. Once the records are there and the length is known, it can as
// well be appended to the part of a buffer that ends before them. It panics if
// the length cannot be one.
func AppendFrameHeader(dst []byte, id uint64, off int64, f Frame) []byte {
	if off%Align != 0 || f.Length%Align != 0 || f.Length < minFrameLen || f.Length > MaxFrameLen {
		panic("codec: frame cannot be written")
	}
	at := len(dst)
	dst = grow(dst, FrameHeaderLen)
	b := dst[at : at+FrameHeaderLen]
	le.PutUint64(b, uint64(f.Length/Align)<<32)
	le.PutUint64(b[8:], f.Seq)
	le.PutUint64(b[16:], f.Prev)
	le.PutUint32(b, placedSum(b, id, off, frameSalt))
	return dst
}

// ParseFrameHeader verifies the header of the frame at the beginning of b,
// which begins at offset off of segment id. n is the length of the header: the
// first record begins there. Whether b holds all of the frame, and whether its
// records verify, is for the caller to see; only then does the commit count.
func ParseFrameHeader(b []byte, id uint64, off int64) (f Frame, n int, err error) {
	if len(b) < FrameHeaderLen {
		return Frame{}, 0, ErrShort
	}
	if le.Uint32(b) != placedSum(b[:FrameHeaderLen], id, off, frameSalt) {
		return Frame{}, 0, ErrChecksum
	}
	f = Frame{
		Length: int64(le.Uint32(b[4:])) * Align,
		Seq:    le.Uint64(b[8:]),
		Prev:   le.Uint64(b[16:]),
	}
	if f.Length < minFrameLen {
		return Frame{}, 0, ErrLength
	}
	return f, FrameHeaderLen, nil
}

package codec

// The header of a segment (offsets in bytes, little endian):
//
//	 0  magic      8 bytes
//	 8  version    u32
//	12  headerLen  u32  64
//	16  cacheID    16 bytes
//	32  id         u64
//	40  seq        u64
//	48  stream     u32
//	52  zero       u32
//	56  sum        u64  over bytes 0 to 56

const segmentMagic = "\x89DCSEG\r\n"

// SegmentHeaderLen is where the first frame of a segment begins.
const SegmentHeaderLen = 64

// MaxSegmentLen is the longest segment whose offsets fit a hint.
const MaxSegmentLen int64 = 1 << 32 * Align

// A SegmentHeader begins a segment file.
type SegmentHeader struct {
	CacheID [16]byte
	ID      uint64 // the same as in the file's name
	Seq     uint64 // the last sequence of the directory when the file was created
	Stream  uint32 // which stream of segments it belongs to
}

// AppendSegmentHeader appends h.
func AppendSegmentHeader(dst []byte, h *SegmentHeader) []byte {
	at := len(dst)
	dst = appendHeader(dst, segmentMagic, SegmentHeaderLen, h.CacheID)
	dst = le.AppendUint64(dst, h.ID)
	dst = le.AppendUint64(dst, h.Seq)
	dst = le.AppendUint32(dst, h.Stream)
	dst = le.AppendUint32(dst, 0)
	return appendHeaderSum(dst, at)
}

// ParseSegmentHeader verifies the header at the beginning of b. n is its
// length: the first frame begins there. That h.ID and h.CacheID are the ones
// of this file and this directory is for the caller to see.
func ParseSegmentHeader(b []byte) (h SegmentHeader, n int, err error) {
	if err := checkHeader(b, segmentMagic, SegmentHeaderLen); err != nil {
		return SegmentHeader{}, 0, err
	}
	if le.Uint32(b[52:]) != 0 {
		return SegmentHeader{}, 0, ErrLength
	}
	h.CacheID = [16]byte(b[cacheIDAt:])
	h.ID = le.Uint64(b[32:])
	h.Seq = le.Uint64(b[40:])
	h.Stream = le.Uint32(b[48:])
	return h, SegmentHeaderLen, nil
}

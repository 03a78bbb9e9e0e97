package codec

import "math"

// The head of a snapshot (offsets in bytes, little endian):
//
//	 0  magic       8 bytes
//	 8  version     u32
//	12  headerLen   u32  136
//	16  cacheID     16 bytes
//	32  seq         u64
//	40  placeBits   u8
//	41  offBits     u8
//	42  zero        u16
//	44  segments    u32  count of each list of the directory
//	48  values      u32
//	52  shards      u32
//	56  side        offset u64, length u64, sum u64
//	80  policy      offset u64, length u64, sum u64
//	104 horizon     i64
//	112 horizonSeq  u64
//	120 dirSum      u64  over the directory
//	128 sum         u64  over bytes 0 to 128
//	136 directory:
//	    segments, 96 bytes each: id u64, length u64, firstSeq u64, lastSeq u64, liveBytes u64, liveCount u64,
//	              fileBytes u64, tombBytes u64, earliest i64, latest i64, front u64, slot u32, stream u16, flags u16
//	    values,   16 bytes each: fileID u64, size u64
//	    shards,   56 bytes each: offset u64, length u64, sum u64, count u64, ranks (offset u64, length u64, sum u64)
//
// The regions that these name follow, at multiples of 8.

const (
	snapshotMagic      = "\x89DCSNP\r\n"
	snapshotHeaderLen  = 136
	snapshotSegmentLen = 96
	snapshotValueLen   = 16
	snapshotShardLen   = 56
	snapshotDirSumAt   = 120

	// maxSnapshotHead keeps the length of a head in an int, and what a
	// made-up one can ask for within reason: room for 60 million value files.
	maxSnapshotHead = 1 << 30
)

// A Snapshot is the head of a snapshot file: an index as it stood, and of
// which files.
type Snapshot struct {
	CacheID   [16]byte
	Seq       uint64 // of the last commit that the index had applied
	PlaceBits uint8
	OffBits   uint8
	Segments  []SnapshotSegment
	Values    []SnapshotValue
	Shards    []SnapshotShard
	Side      SnapshotRegion // the side table; all zero if there is none
	Policy    SnapshotRegion // what eviction knows besides; all zero if that is nothing
	// Horizon (ns since 1970) is the latest time at which anything was found
	// expired, HorizonSeq the last sequence at that time. 0 if nothing was.
	Horizon    int64
	HorizonSeq uint64
}

// A SnapshotSegment is a segment that the index speaks of.
type SnapshotSegment struct {
	ID        uint64
	Length    int64  // how far it had been applied
	FirstSeq  uint64 // of its first commit
	LastSeq   uint64 // of its last commit applied
	LiveBytes int64  // of the records that the index points to
	LiveCount int64
	FileBytes int64  // of the value files that these name
	TombBytes int64  // of the records that hold others back: tombstones and drops
	Earliest  int64  // ns since 1970: when the first of its items expires; 0 if none does
	Latest    int64  // when the last of them does; the largest number if one never expires
	Front     int64  // what begins before it is dropped
	Slot      uint32 // the number by which the places of the index name it
	Stream    uint16 // as in its header
	Flags     uint16 // for the engine
}

// A SnapshotValue is a value file that the index speaks of.
type SnapshotValue struct {
	FileID uint64
	Size   int64
}

// A SnapshotRegion is a part of the snapshot file with its Sum. Offset is a
// multiple of Align.
type SnapshotRegion struct {
	Offset int64
	Length int64
	Sum    uint64
}

// A SnapshotShard is the region that holds one shard of the index.
type SnapshotShard struct {
	Offset int64
	Length int64
	Sum    uint64
	Count  int64          // of entries in it
	Ranks  SnapshotRegion // of its entries; all zero if there are none
}

// HeadLen returns the length that AppendSnapshotHead will append: the first
// offset at which a region can lie.
func (s *Snapshot) HeadLen() int {
	return snapshotHeaderLen + snapshotSegmentLen*len(s.Segments) + snapshotValueLen*len(s.Values) + snapshotShardLen*len(s.Shards)
}

// End returns the offset at which the last region ends. A file that is shorter
// is not whole.
func (s *Snapshot) End() int64 {
	end := max(int64(s.HeadLen()), s.Side.Offset+s.Side.Length, s.Policy.Offset+s.Policy.Length)
	for _, r := range s.Shards {
		end = max(end, r.Offset+r.Length, r.Ranks.Offset+r.Ranks.Length)
	}
	return end
}

// ok reports whether the numbers of s are such as a snapshot can have.
func (s *Snapshot) ok() bool {
	head := int64(s.HeadLen())
	if s.OffBits > s.PlaceBits || s.PlaceBits > 64 || s.Horizon < 0 || !s.Side.ok(head) || !s.Policy.ok(head) {
		return false
	}
	for i := range s.Segments {
		g := &s.Segments[i]
		if min(g.Length, g.LiveBytes, g.LiveCount, g.FileBytes, g.TombBytes, g.Earliest, g.Latest, g.Front) < 0 {
			return false
		}
	}
	for i := range s.Values {
		if s.Values[i].Size < 0 {
			return false
		}
	}
	for i := range s.Shards {
		r := &s.Shards[i]
		if r.Count < 0 || !regionOK(r.Offset, r.Length, head) || !r.Ranks.ok(head) {
			return false
		}
	}
	return true
}

// ok reports whether r is absent, or can lie behind a head of such a length.
func (r SnapshotRegion) ok(head int64) bool {
	return r == SnapshotRegion{} || regionOK(r.Offset, r.Length, head)
}

func regionOK(off, length, head int64) bool {
	return off >= head && off%Align == 0 && length >= 0 && length <= math.MaxInt64-off
}

// AppendSnapshotHead appends the head of a snapshot file. It panics if a
// region lies inside the head, or a number is one that no snapshot can have.
func AppendSnapshotHead(dst []byte, s *Snapshot) []byte {
	if s.HeadLen() > maxSnapshotHead || !s.ok() {
		panic("codec: snapshot cannot be written")
	}
	return appendSnapshotHead(dst, s)
}

func appendSnapshotHead(dst []byte, s *Snapshot) []byte {
	at := len(dst)
	dst = grow(dst, s.HeadLen())
	dir := dst[at+snapshotHeaderLen : at+snapshotHeaderLen]
	for _, g := range s.Segments {
		dir = le.AppendUint64(dir, g.ID)
		dir = le.AppendUint64(dir, uint64(g.Length))
		dir = le.AppendUint64(dir, g.FirstSeq)
		dir = le.AppendUint64(dir, g.LastSeq)
		for _, n := range [...]int64{g.LiveBytes, g.LiveCount, g.FileBytes, g.TombBytes, g.Earliest, g.Latest, g.Front} {
			dir = le.AppendUint64(dir, uint64(n))
		}
		dir = le.AppendUint32(dir, g.Slot)
		dir = le.AppendUint16(dir, g.Stream)
		dir = le.AppendUint16(dir, g.Flags)
	}
	for _, v := range s.Values {
		dir = le.AppendUint64(dir, v.FileID)
		dir = le.AppendUint64(dir, uint64(v.Size))
	}
	for _, r := range s.Shards {
		dir = le.AppendUint64(dir, uint64(r.Offset))
		dir = le.AppendUint64(dir, uint64(r.Length))
		dir = le.AppendUint64(dir, r.Sum)
		dir = le.AppendUint64(dir, uint64(r.Count))
		dir = r.Ranks.append(dir)
	}

	b := appendHeader(dst[:at], snapshotMagic, snapshotHeaderLen, s.CacheID)
	b = le.AppendUint64(b, s.Seq)
	b = append(b, s.PlaceBits, s.OffBits, 0, 0)
	b = le.AppendUint32(b, uint32(len(s.Segments)))
	b = le.AppendUint32(b, uint32(len(s.Values)))
	b = le.AppendUint32(b, uint32(len(s.Shards)))
	b = s.Side.append(b)
	b = s.Policy.append(b)
	b = le.AppendUint64(b, uint64(s.Horizon))
	b = le.AppendUint64(b, s.HorizonSeq)
	b = le.AppendUint64(b, Sum(dir))
	appendHeaderSum(b, at)
	return dst
}

func (r SnapshotRegion) append(b []byte) []byte {
	b = le.AppendUint64(b, uint64(r.Offset))
	b = le.AppendUint64(b, uint64(r.Length))
	return le.AppendUint64(b, r.Sum)
}

func parseRegion(b []byte) SnapshotRegion {
	return SnapshotRegion{Offset: int64(le.Uint64(b)), Length: int64(le.Uint64(b[8:])), Sum: le.Uint64(b[16:])}
}

// SnapshotHeadLen tells from the first bytes of a snapshot file (MaxHeaderLen
// are always enough) how long its head is, directory included. Compare it
// with the size of the file before making room for it.
func SnapshotHeadLen(b []byte) (int, error) {
	if err := checkHeader(b, snapshotMagic, snapshotHeaderLen); err != nil {
		return 0, err
	}
	n := snapshotHeaderLen +
		snapshotSegmentLen*uint64(le.Uint32(b[44:])) +
		snapshotValueLen*uint64(le.Uint32(b[48:])) +
		snapshotShardLen*uint64(le.Uint32(b[52:]))
	if n > maxSnapshotHead {
		return 0, ErrLength
	}
	return int(n), nil
}

// ParseSnapshotHead verifies the head at the beginning of b, which may be
// longer. Compare End with the size of the file before believing the regions.
func ParseSnapshotHead(b []byte) (Snapshot, error) {
	n, err := SnapshotHeadLen(b)
	if err != nil {
		return Snapshot{}, err
	}
	if len(b) < n {
		return Snapshot{}, ErrShort
	}
	dir := b[snapshotHeaderLen:n]
	if Sum(dir) != le.Uint64(b[snapshotDirSumAt:]) {
		return Snapshot{}, ErrChecksum
	}
	s := Snapshot{
		CacheID:   [16]byte(b[cacheIDAt:]),
		Seq:       le.Uint64(b[32:]),
		PlaceBits: b[40],
		OffBits:   b[41],
		Segments:  make([]SnapshotSegment, le.Uint32(b[44:])),
		Values:    make([]SnapshotValue, le.Uint32(b[48:])),
		Shards:    make([]SnapshotShard, le.Uint32(b[52:])),
		Side:      parseRegion(b[56:]),
		Policy:    parseRegion(b[80:]),
		Horizon:   int64(le.Uint64(b[104:])), HorizonSeq: le.Uint64(b[112:]),
	}
	s.parseDirectory(dir)
	if le.Uint16(b[42:]) != 0 || !s.ok() {
		return Snapshot{}, ErrLength
	}
	return s, nil
}

func (s *Snapshot) parseDirectory(b []byte) {
	for i := range s.Segments {
		s.Segments[i] = SnapshotSegment{
			ID:        le.Uint64(b),
			Length:    int64(le.Uint64(b[8:])),
			FirstSeq:  le.Uint64(b[16:]),
			LastSeq:   le.Uint64(b[24:]),
			LiveBytes: int64(le.Uint64(b[32:])),
			LiveCount: int64(le.Uint64(b[40:])),
			FileBytes: int64(le.Uint64(b[48:])),
			TombBytes: int64(le.Uint64(b[56:])),
			Earliest:  int64(le.Uint64(b[64:])),
			Latest:    int64(le.Uint64(b[72:])),
			Front:     int64(le.Uint64(b[80:])),
			Slot:      le.Uint32(b[88:]),
			Stream:    le.Uint16(b[92:]),
			Flags:     le.Uint16(b[94:]),
		}
		b = b[snapshotSegmentLen:]
	}
	for i := range s.Values {
		s.Values[i] = SnapshotValue{FileID: le.Uint64(b), Size: int64(le.Uint64(b[8:]))}
		b = b[snapshotValueLen:]
	}
	for i := range s.Shards {
		s.Shards[i] = SnapshotShard{
			Offset: int64(le.Uint64(b)),
			Length: int64(le.Uint64(b[8:])),
			Sum:    le.Uint64(b[16:]),
			Count:  int64(le.Uint64(b[24:])),
			Ranks:  parseRegion(b[32:]),
		}
		b = b[snapshotShardLen:]
	}
}

package keydir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The image of a shard, little endian:
//
//	0   version u8 = 1
//	1   place bits u8
//	2   shard bits u8
//	3   x bits u8
//	4   buckets u32
//	8   slots in use u32
//	12  number of the shard u32
//	16  the slots, 8 bytes each
//
// A shard without a table has the empty image. The image has no checksum: the
// caller keeps one for each, see Region.
const (
	imageVersion = 1
	imageHead    = 16
)

// Image appends the table of shard i as bytes to dst.
func (x *Index) Image(i int, dst []byte) ([]byte, error) {
	s := &x.shards[i]
	if !x.load(s) {
		return dst, x.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table.Load()
	if t == nil {
		return dst, nil
	}
	l := &x.layout
	dst = append(dst, imageVersion, l.placeBits, shardBits, l.xBits)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(t.n))
	inUse := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(i))
	used := uint32(0) // counted, for writers that hold no lock may come between
	for p := range pos(t.slots()) {
		w := atomic.LoadUint64(t.slot(p))
		if w != 0 {
			used++
		}
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	binary.LittleEndian.PutUint32(dst[inUse:], used)
	return dst, nil
}

// ImageLen returns the length of the image of shard i, in bytes.
func (x *Index) ImageLen(i int) (int, error) {
	s := &x.shards[i]
	if !x.load(s) {
		return 0, x.Err()
	}
	t := s.table.Load()
	if t == nil {
		return 0, nil
	}
	return imageHead + len(t.buckets)*bucketBytes, nil
}

// ImageCount returns how many entries the image of shard i holds: the slots in
// use, without the side table.
func (x *Index) ImageCount(i int) (int, error) {
	s := &x.shards[i]
	if !x.load(s) {
		return 0, x.Err()
	}
	return int(s.used.Load()), nil
}

// bytesOf returns the memory of buckets.
func bytesOf(b []bucket) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), len(b)*bucketBytes)
}

// parseSlots turns the bytes of an image, which were read into the memory of t,
// into slots: it checks them and gives each word the byte order of this machine.
func (l *layout) parseSlots(t *table, count int) error {
	raw := bytesOf(t.buckets)
	used := 0
	end := uint64(0)
	for b := range t.buckets {
		first := end
		end = t.first(l, uint64(b)+1)
		for j := range t.buckets[b] {
			w := binary.LittleEndian.Uint64(raw)
			raw = raw[8:]
			t.buckets[b][j] = w
			if w == 0 {
				continue
			}
			// A tag out of range would name an x of another bucket.
			if l.place(w) == 0 || first+w>>(l.keyShift+1) >= end {
				return errors.New("impossible slot")
			}
			used++
		}
	}
	if used != count {
		return fmt.Errorf("%d slots in use, want %d", used, count)
	}
	return nil
}

// parseHead checks the head of an image of shard i.
func (l *layout) parseHead(b []byte, i, count int, n uint64) error {
	switch {
	case b[0] != imageVersion:
		return fmt.Errorf("version %d, want %d", b[0], imageVersion)
	case b[1] != l.placeBits || b[2] != shardBits || b[3] != l.xBits:
		return errors.New("another layout")
	case uint64(binary.LittleEndian.Uint32(b[4:])) != n:
		return errors.New("number of buckets does not fit the length")
	case int64(binary.LittleEndian.Uint32(b[8:])) != int64(count):
		return errors.New("number of slots in use is another than stated")
	case int64(binary.LittleEndian.Uint32(b[12:])) != int64(i):
		return errors.New("another shard")
	}
	return nil
}

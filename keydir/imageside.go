package keydir

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The image of the side tables of all shards, little endian: a head, then the
// entries.
//
//	0   version u8 = 1
//	1   place bits u8
//	2   shard bits u8
//	3   x bits u8
//	4   entries u32
//
//	0   identity u64
//	8   place u64
//	16  class u8, hits u8, zero u16
//	20  length of the key u32
//	24  the key
const (
	sideHead     = 8
	sideItemHead = 24

	// maxKeyLen is the length of the longest key. Nothing longer is believed.
	maxKeyLen = 1 << 16
)

// SideImage appends the side tables of all shards as bytes to dst.
func (x *Index) SideImage(dst []byte) []byte {
	l := &x.layout
	dst = append(dst, imageVersion, l.placeBits, shardBits, l.xBits)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(x.SideLen()))
	for i := range x.shards {
		if t := x.shards[i].side.Load(); t != nil {
			dst = t.appendImage(dst)
		}
	}
	return dst
}

// SideLen returns the number of entries in the side tables.
func (x *Index) SideLen() int {
	n := 0
	for i := range x.shards {
		if t := x.shards[i].side.Load(); t != nil {
			t.mu.RLock()
			n += t.count
			t.mu.RUnlock()
		}
	}
	return n
}

func (t *side) appendImage(dst []byte) []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for identity, group := range t.items {
		for _, it := range group {
			dst = binary.LittleEndian.AppendUint64(dst, identity)
			e := it.entry()
			dst = binary.LittleEndian.AppendUint64(dst, e.Place)
			dst = append(dst, e.Class, e.Hits, 0, 0)
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(it.key)))
			dst = append(dst, it.key...)
		}
	}
	return dst
}

// readSide reads a side image of so many bytes into the shards. Memory is taken
// only for entries that were read.
func (x *Index) readSide(r *bufio.Reader, length int64) error {
	l := &x.layout
	var head [sideItemHead]byte
	if length < sideHead {
		return errors.New("side table: too short")
	}
	if _, err := io.ReadFull(r, head[:sideHead]); err != nil {
		return err
	}
	if head[0] != imageVersion {
		return fmt.Errorf("side table: version %d, want %d", head[0], imageVersion)
	}
	if head[1] != l.placeBits || head[2] != shardBits || head[3] != l.xBits {
		return errors.New("side table: another layout")
	}
	count := binary.LittleEndian.Uint32(head[4:])
	length -= sideHead
	for range count {
		if length < sideItemHead {
			return errors.New("side table: too short")
		}
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		length -= sideItemHead
		n, err := x.readSideItem(r, head[:], length)
		if err != nil {
			return err
		}
		length -= n
	}
	if length != 0 {
		return errors.New("side table: too long")
	}
	return nil
}

// readSideItem reads the key that belongs to an entry's head, and returns its length.
func (x *Index) readSideItem(r *bufio.Reader, head []byte, left int64) (int64, error) {
	identity := binary.LittleEndian.Uint64(head)
	e := Entry{Place: binary.LittleEndian.Uint64(head[8:]), Class: head[16], Hits: head[17]}
	n := int64(binary.LittleEndian.Uint32(head[20:]))
	shard := identity >> x.layout.xBits
	if shard >= shardCount || !x.layout.valid(e) || head[18]|head[19] != 0 {
		return 0, errors.New("side table: impossible entry")
	}
	if n > maxKeyLen || n > left {
		return 0, errors.New("side table: key too long")
	}
	key := make([]byte, n)
	if _, err := io.ReadFull(r, key); err != nil {
		return 0, err
	}
	s := &x.shards[shard]
	t := s.side.Load()
	if t == nil {
		t = newSide()
		s.side.Store(t)
	}
	if !t.put(identity, string(key), e) {
		return 0, errors.New("side table: the same key twice")
	}
	return n, nil
}

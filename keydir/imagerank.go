package keydir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
)

// The image of the ranks of a shard, little endian:
//
//	0   version u8 = 1
//	1   zero u8
//	2   shard bits u8
//	3   x bits u8
//	4   buckets u32
//	8   entries of the shard in the side table u32
//	12  number of the shard u32
//	16  the rank of each slot, 8 bytes each, 0 where the slot is empty
//
// and for each entry in the side table: place u64, rank u64. It goes with the
// shard's image: they have the same slots. A shard without a table has the empty
// image here, too.
const rankItem = 16

// RankImage appends the ranks of shard i as bytes to dst: nothing if the index has
// none. They belong to the images that are taken with no write in between.
func (x *Index) RankImage(i int, dst []byte) ([]byte, error) {
	s := &x.shards[i]
	if !x.load(s) {
		return dst, x.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table.Load()
	if t == nil || t.ranks == nil {
		return dst, nil
	}
	le := binary.LittleEndian
	dst = append(dst, imageVersion, 0, shardBits, x.layout.xBits)
	dst = le.AppendUint32(dst, uint32(t.n))
	dst = le.AppendUint32(dst, uint32(s.sideLen()))
	dst = le.AppendUint32(dst, uint32(i))
	for p := range pos(t.slots()) {
		_, rank := t.read(&x.layout, p)
		dst = le.AppendUint64(dst, rank)
	}
	if side := s.side.Load(); side != nil {
		side.each(func(_ uint64, e Entry) {
			dst = le.AppendUint64(dst, e.Place)
			dst = le.AppendUint64(dst, e.Rank)
		})
	}
	return dst, nil
}

func (s *shard) sideLen() int {
	t := s.side.Load()
	if t == nil {
		return 0
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

// checkRanks tells whether the regions of ranks can belong to those of the shards.
func (x *Index) checkRanks() error {
	src := x.source
	if len(src.Ranks) != shardCount {
		return &DamageError{-1, fmt.Errorf("ranks of %d shards, want %d", len(src.Ranks), shardCount)}
	}
	for i := range src.Ranks {
		r, want := &src.Ranks[i], src.Shards[i].Length
		if want > 0 {
			want += int64(x.shards[i].sideLen()) * rankItem
		}
		if r.Length != want || r.Offset < 0 || r.Offset+r.Length < 0 {
			return &DamageError{i, errors.New("impossible offset or length of ranks")}
		}
	}
	return nil
}

// readRanks reads the ranks of shard i into the memory of t, whose slots have been
// read, and into the side table, which nobody changes before the shard is loaded.
func (x *Index) readRanks(i int, r Region, t *table) error {
	s := &x.shards[i]
	n := s.sideLen()
	head, items := make([]byte, imageHead), make([]byte, n*rankItem)
	if err := x.readRegion(r, head, bytesOf(t.ranks), items); err != nil {
		return fmt.Errorf("ranks: %w", err)
	}
	le := binary.LittleEndian
	if head[0] != imageVersion || head[1] != 0 || head[2] != shardBits || head[3] != x.layout.xBits ||
		uint64(le.Uint32(head[4:])) != t.n || int64(le.Uint32(head[8:])) != int64(n) || int64(le.Uint32(head[12:])) != int64(i) {
		return errors.New("ranks: impossible head")
	}
	raw := bytesOf(t.ranks)
	for p := range pos(t.slots()) {
		rank := le.Uint64(raw[p*8:])
		if rank != 0 && *t.slot(p) == 0 {
			return errors.New("ranks: one of no entry")
		}
		atomic.StoreUint64(t.rank(p), rank)
	}
	if n == 0 {
		return nil
	}
	ranks := make(map[uint64]uint64, n)
	for ; len(items) > 0; items = items[rankItem:] {
		ranks[le.Uint64(items)] = le.Uint64(items[8:])
	}
	return s.side.Load().setRanks(ranks)
}

// setRanks gives each entry the rank that is stated for its place.
func (t *side) setRanks(ranks map[uint64]uint64) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, group := range t.items {
		for _, it := range group {
			rank, ok := ranks[it.place]
			if !ok {
				return errors.New("ranks: none for an entry of the side table")
			}
			it.rank.Store(rank)
		}
	}
	return nil
}

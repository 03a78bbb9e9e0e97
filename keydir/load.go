package keydir

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// A Source says where the images of an index are.
type Source struct {
	Reader io.ReaderAt // used until all shards are loaded
	Shards []Region    // one for each shard
	Ranks  []Region    // one for each shard, or none: then all ranks are 0. Count is not used
	Side   Region      // the side tables; length 0 means that they are empty
}

// A Region is a part of a Source that holds one image.
type Region struct {
	Offset, Length int64
	Sum            uint64 // xxhash64 of the bytes
	Count          int    // entries in it
}

// A DamageError says which image could not be loaded, and why. It matches ErrDamaged.
type DamageError struct {
	Shard int // -1: the side tables, or the list of regions
	Err   error
}

func (e *DamageError) Error() string {
	if e.Shard < 0 {
		return fmt.Sprintf("keydir: damaged image: %v", e.Err)
	}
	return fmt.Sprintf("keydir: damaged image of shard %d: %v", e.Shard, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// Is makes every DamageError match ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// Load makes an index of the images in src. It reads the side tables at once;
// a shard is read and verified when it is first used, by whoever uses it. A shard
// that is found damaged stays so: Lookup answers Damaged, writes fail, Err tells
// the reason. The error is a *DamageError, or says that c is out of range.
func Load(c Config, src Source) (*Index, error) {
	x, err := newIndex(c)
	if err != nil {
		return nil, err
	}
	if len(src.Shards) != shardCount {
		return nil, &DamageError{-1, fmt.Errorf("%d shards, want %d", len(src.Shards), shardCount)}
	}
	for i := range src.Shards {
		r := &src.Shards[i]
		if err := r.check(); err != nil {
			return nil, &DamageError{i, err}
		}
		if r.Length > 0 {
			x.shards[i].state.Store(pending)
			x.shards[i].used.Store(int64(r.Count))
		}
	}
	x.source = &src
	if err := x.loadSide(); err != nil {
		return nil, &DamageError{-1, err}
	}
	if x.memory.ranked && len(src.Ranks) > 0 {
		if err := x.checkRanks(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// check tells whether a region can be that of a shard's image.
func (r *Region) check() error {
	if r.Length == 0 && r.Count == 0 {
		return nil
	}
	n := (r.Length - imageHead) / bucketBytes
	switch {
	case r.Offset < 0 || r.Length < imageHead || r.Offset+r.Length < 0,
		imageHead+n*bucketBytes != r.Length, n > maxN:
		return errors.New("impossible offset or length")
	case r.Count < 0 || int64(r.Count) > n*bucketSlots:
		return errors.New("impossible count")
	}
	return nil
}

// LoadAll loads all shards that have not been used yet. The Source is not
// needed afterwards.
func (x *Index) LoadAll() error {
	for i := range x.shards {
		if !x.load(&x.shards[i]) {
			return x.Err()
		}
	}
	return nil
}

// Err returns the first *DamageError that was met, or nil.
func (x *Index) Err() error {
	if err := x.damage.Load(); err != nil {
		return err
	}
	return nil
}

// load makes sure that a shard has been loaded, and reports false if it is damaged.
func (x *Index) load(s *shard) bool { return s.state.Load() == ready || x.loadPending(s) }

func (x *Index) loadPending(s *shard) bool {
	s.loading.Lock()
	defer s.loading.Unlock()
	if state := s.state.Load(); state != pending {
		return state == ready
	}
	i := x.number(s)
	t, err := x.readShard(i)
	if err != nil {
		x.damage.CompareAndSwap(nil, &DamageError{i, err})
		s.state.Store(damaged)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setTableLocked(&x.layout, t)
	s.state.Store(ready)
	return true
}

func (x *Index) number(s *shard) int {
	for i := range x.shards {
		if s == &x.shards[i] {
			return i
		}
	}
	panic("keydir: a shard of another index")
}

// readShard reads and verifies the image of shard i.
func (x *Index) readShard(i int) (*table, error) {
	r := x.source.Shards[i]
	n := uint64(r.Length-imageHead) / bucketBytes
	if n < x.layout.minN {
		return nil, errors.New("impossible number of buckets")
	}
	// That the last byte is there is made sure of before memory is taken.
	var last [1]byte
	if err := readFull(x.source.Reader, last[:], r.Offset+r.Length-1); err != nil {
		return nil, err
	}
	t := x.memory.table(n)
	if t == nil {
		return nil, errors.New("no memory")
	}
	err := x.readTable(i, r, t)
	if err == nil && t.ranks != nil && len(x.source.Ranks) > 0 {
		err = x.readRanks(i, x.source.Ranks[i], t)
	}
	if err != nil {
		x.memory.release(t)
		return nil, err
	}
	return t, nil
}

// readTable reads an image into the memory of t itself, and verifies it there.
func (x *Index) readTable(i int, r Region, t *table) error {
	head := make([]byte, imageHead)
	if err := x.readRegion(r, head, bytesOf(t.buckets)); err != nil {
		return err
	}
	if err := x.layout.parseHead(head, i, r.Count, t.n); err != nil {
		return err
	}
	return x.layout.parseSlots(t, r.Count)
}

// readRegion fills the parts one after the other and verifies them.
func (x *Index) readRegion(r Region, parts ...[]byte) error {
	sum := xxhash.New()
	off := r.Offset
	for _, b := range parts {
		if err := readFull(x.source.Reader, b, off); err != nil {
			return err
		}
		off += int64(len(b))
		sum.Write(b)
	}
	if sum.Sum64() != r.Sum {
		return fmt.Errorf("checksum %016x, want %016x", sum.Sum64(), r.Sum)
	}
	return nil
}

// readFull fills b. A reader may report the end of the file along with the last bytes.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// loadSide reads and verifies the side tables.
func (x *Index) loadSide() error {
	r := x.source.Side
	if r.Length == 0 {
		return nil
	}
	if r.Offset < 0 || r.Length < 0 || r.Offset+r.Length < 0 {
		return errors.New("impossible offset or length")
	}
	sum := xxhash.New()
	section := io.NewSectionReader(x.source.Reader, r.Offset, r.Length)
	if err := x.readSide(bufio.NewReader(io.TeeReader(section, sum)), r.Length); err != nil {
		return err
	}
	if sum.Sum64() != r.Sum {
		return fmt.Errorf("side table: checksum %016x, want %016x", sum.Sum64(), r.Sum)
	}
	return nil
}

package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// story is what one goroutine of the child that gets killed does: change after
// change of keys of its own. For the same seed, round and writer it is the same,
// so that the parent need only be told how far it has got.
type story struct {
	rand          *rand.Rand
	round, writer int
	done          int
}

// Enough keys that most changes of a round are for different ones, and few enough
// that keys are overwritten, deleted and set again.
const keysPerWriter = 500

func newStory(seed uint64, round, writer int) *story {
	return &story{rand: rand.New(rand.NewPCG(seed, uint64(round)<<16|uint64(writer))), round: round, writer: writer}
}

// version is a state of a key: absent, or one value of all that are ever set.
type version struct {
	round, change, size int
	present             bool
}

// change makes key have a version.
type change struct {
	key string
	to  version
}

func (s *story) next() change {
	c := change{keyOfWriter(s.writer, s.rand.IntN(keysPerWriter)), version{round: s.round, change: s.done}}
	s.done++
	if s.rand.IntN(100) < 85 {
		c.to.present, c.to.size = true, s.size()
	}
	return c
}

// size is mostly small, sometimes some pages, and now and then enough for a file
// of its own.
func (s *story) size() int {
	switch n := s.rand.IntN(100); {
	case n < 70:
		return s.rand.IntN(512)
	case n < 98:
		return s.rand.IntN(8 << 10)
	default:
		return s.rand.IntN(2 * killFileThreshold)
	}
}

func keyOfWriter(writer, n int) string { return fmt.Sprintf("writer %d key %d", writer, n) }

// value returns the bytes of a version of key: no two versions of any two keys
// agree in more than a few bytes by chance.
func (v version) value(key string) []byte {
	b := make([]byte, 0, v.size+8)
	b = fmt.Appendf(b, "%s, round %d, change %d: ", key, v.round, v.change)
	r := rand.New(rand.NewPCG(uint64(v.round)<<32|uint64(v.change), uint64(v.size)))
	for len(b) < v.size {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b[:max(v.size, 0)]
}

func (v version) String() string {
	if !v.present {
		return "absent"
	}
	return fmt.Sprintf("%d bytes of round %d, change %d", v.size, v.round, v.change)
}

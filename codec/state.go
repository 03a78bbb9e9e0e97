package codec

// A state, the words that processes share on network disks (offsets in bytes, little
// endian):
//
//	 0  magic       8 bytes
//	 8  version     u32
//	12  headerLen   u32  64
//	16  cacheID     16 bytes; zero while the first process is opening the cache
//	32  generation  u64
//	40  count       u32  of words
//	44  zero        u32
//	48  wordsSum    u64  over all words
//	56  sum         u64  over bytes 0 to 56
//	64  words, u64 each
//
// The file has room for two. Each state is written to both places, first to the one that does not
// hold the latest: a reader always finds one that is whole, and takes that of the later generation.

const (
	stateMagic     = "\x89DCSTA\r\n"
	stateHeaderLen = 64
)

// StateStride is how far the two states are apart: no page of memory is written for both.
const StateStride = 16 << 10

// MaxStateWords is how many words a state may have.
const MaxStateWords = (StateStride - stateHeaderLen) / 8

// A State is what processes share where they cannot share memory.
type State struct {
	CacheID    [16]byte
	Generation uint64 // one more each time that it is written
	Words      []uint64
}

// StateLen returns the length of a state of so many words.
func StateLen(words int) int { return stateHeaderLen + 8*words }

// AppendState appends s. It panics if it has too many words.
func AppendState(dst []byte, s *State) []byte {
	if len(s.Words) > MaxStateWords {
		panic("codec: state cannot be written")
	}
	at := len(dst)
	dst = grow(dst, StateLen(len(s.Words)))
	words := dst[at+stateHeaderLen:]
	for i, w := range s.Words {
		le.PutUint64(words[8*i:], w)
	}
	b := appendHeader(dst[:at], stateMagic, stateHeaderLen, s.CacheID)
	b = le.AppendUint64(b, s.Generation)
	b = le.AppendUint32(b, uint32(len(s.Words)))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, Sum(words))
	appendHeaderSum(b, at)
	return dst
}

// ParseState verifies the state at the beginning of b. n is its length.
func ParseState(b []byte) (s State, n int, err error) {
	if err := checkHeader(b, stateMagic, stateHeaderLen); err != nil {
		return State{}, 0, err
	}
	count := le.Uint32(b[40:])
	if le.Uint32(b[44:]) != 0 || count > MaxStateWords {
		return State{}, 0, ErrLength
	}
	n = StateLen(int(count))
	if len(b) < n {
		return State{}, 0, ErrShort
	}
	words := b[stateHeaderLen:n]
	if Sum(words) != le.Uint64(b[48:]) {
		return State{}, 0, ErrChecksum
	}
	s = State{CacheID: [16]byte(b[cacheIDAt:]), Generation: le.Uint64(b[32:]), Words: make([]uint64, count)}
	for i := range s.Words {
		s.Words[i] = le.Uint64(words[8*i:])
	}
	return s, n, nil
}

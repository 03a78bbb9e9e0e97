package contest

import (
	"crypto/sha256"
	"encoding/binary"
)

// Text is what values are cut from: one long random string. Where in it a value begins follows
// from its key and version. So a value costs nothing to make, which would be measured, too, and two
// of them are hardly ever alike.
type Text []byte

// places are how many beginnings there are.
const places = 1 << 18

// NewText returns a text for values of at most size bytes.
func NewText(seed uint64, size int) Text {
	t := make(Text, 0, places+size+sha256.Size)
	for i := uint64(0); len(t) < places+size; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seed), i))
		t = append(t, sum[:]...)
	}
	return t
}

// Value returns version v of the value with number n. Nobody may change it.
func (t Text) Value(n uint64, v uint32, size int) []byte {
	at := Mix(n<<20^uint64(v)) % places
	return t[at : at+uint64(size) : at+uint64(size)]
}

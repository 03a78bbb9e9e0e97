package typed

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/go-diskcache/diskcache"
)

// KindFetched is the kind of the items that Fetch has stored; it is not for those of others. At
// the end of the value is, little endian, until when it is fresh (nanoseconds since 1970, 0 for
// ever), and how long loading took (nanoseconds).
const KindFetched uint16 = 0xFE01

const trailerLen = 16

// trailer is what Fetch knows of a value beside.
type trailer struct {
	fresh time.Time // until then; zero: for ever
	cost  time.Duration
}

func (t trailer) append(dst []byte) []byte {
	fresh := int64(0)
	if !t.fresh.IsZero() {
		fresh = t.fresh.UnixNano()
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(fresh))
	return binary.LittleEndian.AppendUint64(dst, uint64(t.cost))
}

var errTrailer = errors.New("the value ends too soon")

// split parts the bytes of an item into those of its value and what Fetch knows.
func split(it diskcache.Item) (value []byte, t trailer, err error) {
	if it.Kind != KindFetched {
		return it.Value, trailer{fresh: it.Expires}, nil
	}
	n := len(it.Value) - trailerLen
	if n < 0 {
		return nil, trailer{}, errTrailer
	}
	if fresh := int64(binary.LittleEndian.Uint64(it.Value[n:])); fresh != 0 {
		t.fresh = time.Unix(0, fresh)
	}
	t.cost = max(0, time.Duration(binary.LittleEndian.Uint64(it.Value[n+8:])))
	return it.Value[:n:n], t, nil
}

// Item is an item of a Store.
type Item[K, V any] struct {
	Key   K
	Value V
	// Meta is what else is known. Its Value is the bytes that are stored.
	Meta diskcache.Item
}

package memory

import (
	"fmt"
	"strconv"

	"github.com/go-diskcache/diskcache"
)

// A queue's keys end in a number of fifteen digits. The first one is in the middle, so that
// both ends have room. The least and the most that fifteen digits can be are no numbers of a queue.
const (
	queueDigits = 15
	queueStart  = 500_000_000_000_000
	queueLeast  = "000000000000000"
	queueMost   = "999999999999999"
)

// queueOf returns the queue that a key belongs to, if it looks as if.
func queueOf(key string) (prefix string, ok bool) {
	at := len(key) - queueDigits
	if at < 0 || at == 1 { // a dash alone is before no number of a queue
		return "", false
	}
	for _, c := range []byte(key[at:]) {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	if digits := key[at:]; digits == queueLeast || digits == queueMost {
		return "", false
	}
	if at == 0 {
		return "", true
	}
	return key[:at-1], key[at-1] == '-'
}

func queueKey(prefix string, n int64) string {
	if prefix == "" {
		return fmt.Sprintf("%0*d", queueDigits, n)
	}
	return fmt.Sprintf("%s-%0*d", prefix, queueDigits, n)
}

// queueNext returns the number beyond that of the key at an end of a queue.
func queueNext(key string, side diskcache.Side) (int64, error) {
	n, err := strconv.ParseInt(key[len(key)-queueDigits:], 10, 64)
	if err != nil {
		return 0, err
	}
	if side == diskcache.Front {
		n--
	} else {
		n++
	}
	if digits := fmt.Sprintf("%0*d", queueDigits, n); digits == queueLeast || digits == queueMost {
		return 0, fmt.Errorf("%w: the queue has come to its last number", diskcache.ErrOverflow)
	}
	return n, nil
}

func checkSide(side diskcache.Side) error {
	if side > diskcache.Back {
		return fmt.Errorf("%w: unknown side %d", diskcache.ErrOption, side)
	}
	return nil
}

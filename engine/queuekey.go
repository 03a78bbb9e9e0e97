package engine

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// The keys of a queue are its prefix, a dash, and fifteen digits; without a prefix only these. So
// the queue a has nothing of the queue a-5, and fifteen digits order keys as numbers do.

const (
	queueDigits = 15
	firstNumber = 500_000_000_000_000
	lowNumber   = 0 // numbers are above
	highNumber  = 999_999_999_999_999
)

// parseQueueKey takes a key apart that has the form of a queue's.
func parseQueueKey[S string | []byte](key S) (prefix S, number uint64, ok bool) {
	at := len(key) - queueDigits
	if at < 0 || at == 1 || at > 1 && key[at-1] != '-' {
		return prefix, 0, false
	}
	for i := at; i < len(key); i++ {
		if key[i] < '0' || key[i] > '9' {
			return prefix, 0, false
		}
		number = number*10 + uint64(key[i]-'0')
	}
	return key[:max(at-1, 0)], number, number > lowNumber && number < highNumber
}

// formatQueueKey is the inverse of parseQueueKey.
func formatQueueKey[S string | []byte](prefix S, number uint64) string {
	dst := make([]byte, 0, len(prefix)+1+queueDigits)
	if len(prefix) > 0 {
		dst = append(append(dst, prefix...), '-')
	}
	s := strconv.FormatUint(number, 10)
	for range queueDigits - len(s) {
		dst = append(dst, '0')
	}
	return string(append(dst, s...))
}

// appendQueue appends what stands for a key of a queue in its view.
func appendQueue[S string | []byte](dst []byte, prefix S, number uint64) []byte {
	return binary.BigEndian.AppendUint64(appendGroup(dst, prefix), number)
}

// queueKey returns the key that a string of the view stands for.
func queueKey(s []byte) string { return formatQueueKey(s[2:len(s)-8], queueNumber(s)) }

// queueNumber returns the number in a string of the view.
func queueNumber(s []byte) uint64 { return binary.BigEndian.Uint64(s[len(s)-8:]) }

// nextNumber returns the number of what is pushed beside the one that is last on a side.
func nextNumber(last uint64, back bool) (uint64, error) {
	next := last - 1
	if back {
		next = last + 1
	}
	if next <= lowNumber || next >= highNumber {
		return 0, fmt.Errorf("%w: a queue has no number behind %d", ErrOverflow, last)
	}
	return next, nil
}

package fanout

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// queueDigits is how many digits the keys of queues end in.
const queueDigits = 15

// home returns what decides where a key lives: of the keys of a queue, what comes before the
// number, so that all are in one shard; else the key.
func home(key string) string {
	at := len(key) - queueDigits
	if at < 0 || at == 1 || at > 1 && key[at-1] != '-' {
		return key
	}
	for _, c := range []byte(key[at:]) {
		if c < '0' || c > '9' {
			return key
		}
	}
	return key[:at]
}

// queueHome is home of the keys of a queue.
func queueHome(prefix string) string {
	if prefix == "" {
		return ""
	}
	return prefix + "-"
}

// place returns which of n is the one for a home. It never changes, for it says where items
// are. The shards' own indexes go by xxhash as well, and all bits of it should differ within
// a shard: so it is mixed first (the finalizer of MurmurHash3).
func place(home string, n int) int {
	h := xxhash.Sum64String(home)
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	shard, _ := bits.Mul64(h, uint64(n))
	return int(shard)
}

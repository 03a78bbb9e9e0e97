package engine

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/keydir"
)

// eviction is what the policy knows. Reads leave hits or ranks in the index; the
// rest belongs to the holder of the writer lock.
type eviction struct {
	policy evict.Policy
	limits atomic.Bool // there is a limit that may ask for victims, or the policy has ranks, which are kept in any case

	tick   atomic.Uint64 // raised by each operation that a rank tells of
	queue  evictQueue    // of ranked policies
	ghost  *evict.Ghost  // of S3FIFO; nil until something was evicted
	copies evict.Copies
}

type evictQueue = evict.Queue

func (v *eviction) init(o *Options) {
	v.policy = o.Policy
}

// ranked reports whether items have ranks.
func (v *eviction) ranked() bool { return v.limits.Load() && v.policy.Ranked() }

// What a snapshot keeps of the policy: the tick, then the ghost if there is one.

func (v *eviction) append(dst []byte) []byte {
	if !v.limits.Load() {
		return dst
	}
	dst = binary.LittleEndian.AppendUint64(dst, v.tick.Load())
	if v.ghost != nil {
		dst = v.ghost.Append(dst)
	}
	return dst
}

func (v *eviction) parse(b []byte) error {
	if len(b) < 8 {
		return evict.ErrGhost
	}
	v.tick.Store(binary.LittleEndian.Uint64(b))
	if len(b) == 8 || v.policy != evict.S3FIFO {
		return nil
	}
	ghost, _, err := evict.ParseGhost(b[8:])
	if err == nil {
		v.ghost = ghost
	}
	return err
}

// used notes that the item that entry stands for was read.
func (v *eviction) used(x *keydir.Index, hash uint64, entry keydir.Entry) {
	switch {
	case !v.limits.Load() || v.policy == evict.None || v.policy == evict.FIFO || v.policy == evict.TTL:
	case v.policy == evict.S3FIFO:
		if entry.Hits < evict.MaxHits {
			x.Touch(hash, entry.Place)
		}
	default:
		if rank, ok := x.Rank(hash, entry.Place); ok {
			x.SetRank(hash, entry.Place, rank, v.policy.Access(rank, v.tick.Add(1)))
		}
	}
}

// comesBack reports whether a key that is stored was evicted not long ago.
func (v *eviction) comesBack(hash uint64) bool { return v.ghost != nil && v.ghost.Take(hash) }

// evicted remembers a key for the case that it comes back.
func (v *eviction) evicted(e *Engine, hash uint64) {
	if v.policy != evict.S3FIFO {
		return
	}
	if v.ghost == nil {
		v.ghost = evict.NewGhost(e.index.Load().Len())
	}
	v.ghost.Add(hash)
}

// replayed fills in what the policy can know of an entry that comes from the log: when
// it was stored, and that what was kept once was used.
func (v *eviction) replayed(entry *keydir.Entry, s stream, expires int64) {
	if v.ranked() {
		entry.Rank = v.policy.Insert(v.tick.Add(1), expires)
	}
	if s == kept {
		entry.Hits = 1
	}
}

// grow makes the ghost as large as a cache of so many items wants it.
func (v *eviction) grow(items int) {
	if v.ghost != nil && items > v.ghost.MemBytes() {
		v.ghost.Resize(2 * items)
	}
}

// stored puts the entry of a change into the index.
func (v *eviction) stored(x *keydir.Index, c *change, r keydir.Resolver, entry keydir.Entry) error {
	if c.op.From != nil {
		_, err := x.Move(c.hint.Hash, c.ref.Entry(), entry)
		if rank, ok := x.Rank(c.hint.Hash, entry.Place); ok && v.ranked() {
			v.queue.Offer(evict.Item{Rank: rank, ID: c.hint.Hash, Place: entry.Place})
		}
		return err
	}
	if v.ranked() {
		entry.Rank = v.policy.Insert(v.tick.Add(1), c.op.Record.Expires)
		v.offer(c.hint.Hash, entry)
	}
	return x.Put(c.hint.Hash, c.ref, r, entry)
}

// offer tells the queue of an entry that is new in the index.
func (v *eviction) offer(hash uint64, entry keydir.Entry) {
	if v.ranked() {
		v.queue.Offer(evict.Item{Rank: entry.Rank, ID: hash, Place: entry.Place})
	}
}

// replaces reports whether evicting a record takes a tombstone: it replaced
// another, and an older segment may still have that.
func replaces(flags codec.Flags, seq, oldest uint64) bool {
	return flags&codec.FlagReplaced != 0 && oldest < seq
}

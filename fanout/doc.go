// Package fanout makes one [diskcache.Store] of several cache directories: each key lives in one
// of them, its shard, so that writers of different shards do not wait for one another.
//
//	s, err := fanout.Open(dir, &fanout.Options{Shards: 8})
//
// # What is as of one cache
//
// All operations on one key or one queue are those of its shard: the keys of a queue, which end
// in its numbers, are in one shard. GetMany, SetMany, DeleteMany, PeekItem and transactions lock
// the shards that they need, always in the same order, so nothing comes between what they read
// and what they write, of any process. Walks merge those of the shards.
//
// # What is not
//
// A transaction that changes several shards commits them one after the other. Goroutines of this
// process never see a part of it. Other processes may for that moment, and
//
//   - a process that dies, or a power cut, between two of these commits leaves the changes of
//     the shards before, in the order of their numbers, and not those behind;
//   - if a shard refuses its part (ErrFull, ErrNoSpace, a failing disk), the shards before it
//     have committed theirs, and Commit returns a *PartialError. If it is the first, nothing
//     was changed. One that returns ErrNotSynced has made its part, and the others make theirs.
//
// What one transaction must not lose a part of belongs into one queue, or one cache.
//
// The order of insertion is, between shards, that of the clock; keys that one SetMany or
// transaction inserts come shard by shard. A Version differs from all others of its shard.
// Clear, EvictTag, Expire and Cull go through the shards one after the other, and Len, Volume
// and Stats add up what each has at its moment.
//
// Each shard has an equal share of SizeLimit, CountLimit and MinFreeSpace. A value that is
// larger than a share does not fit.
package fanout

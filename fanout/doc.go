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
// # Limits
//
// SizeLimit and CountLimit are of all shards together; MinFreeSpace is of the volume, and the same for
// each. Each shard has a share of a limit, at first an equal one, and shares follow demand: every two
// seconds, if shards have given up items for their limits meanwhile,
//
//   - what a shard is due is a sixteenth of an equal share (of bytes 256 KiB, if that is more), and of the
//     rest a part by what it has given up lately, weighted by how many of its reads find something. What
//     it gave up because its share got lower does not count. Five seconds ago counts half.
//   - a share that is more than is due goes a quarter of the way down, but all of them together by no more
//     than was given up since the last time: what one cache would have taken from some keys for others.
//   - what is free then goes to those to whom it is due. What a shard still has on the disk beyond a share
//     that was lowered is not free.
//
// The shares are at no moment more than the limit, also if several processes move them, or one dies
// as it does: a share is lowered first and stored, and another raised after that. What a process that
// died has left between the two is free, and given out as demand says. Whoever moves shares has the
// writer lock of a cache in the directory "limits", which has what all processes have seen of demand,
// and takes up to 256 KiB or a sixteenth of SizeLimit from it. The shares are the settings of the
// shards, and stay from one Open to the next; of another limit that is given to Open each keeps the
// part that it has. A share of bytes gets no larger than 128 GiB, or an equal one, since the index of
// a directory that is open has room for no more.
//
// A value that fits an equal share can be stored: if its shard has less, others give way first. So they
// do, with what they do not use, for a shard that is full and gives up nothing, as PolicyNone has it.
// A transaction cannot have that while it is open: it gets ErrTooLarge or ErrFull, as a rule before any
// shard has committed, and finds the room when it is tried again.
//
// With ManualCompaction nothing is moved in the background, and Balance does it.
package fanout

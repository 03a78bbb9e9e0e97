// Package keydir is the in-memory index of a cache: it maps the 64-bit hash of
// a key to the place of the key's newest record. It holds neither keys nor
// whole hashes and takes about ten bytes per entry.
//
// # Picture
//
//	hash     shard 8 | x k | not kept
//	Index    256 shards, each with a table of its own behind an atomic pointer
//	table    n buckets of 8 slots; a bucket is one cache line
//	slot     tag | which 1 | policy 2 | size class 4 | place      one uint64, 0 = empty
//
// The shard and the k bits of x are what is kept of a hash, the identity of an
// entry. An entry lies in one of two buckets: number x*n >> k, or the same of a
// scrambled x; the bit "which" tells the two apart. The tag is the part of x
// that the bucket's number leaves open, so x can be had back from bucket and
// tag for any n, and a table grows or shrinks without being told a key.
//
// # Exact identity
//
// At most one slot of the index has a given identity. Which key it stands for
// is known only to the disk: readers compare the key of the record they are
// led to, writers ask a [Resolver]. A second key of the same identity goes into
// the side table, an ordinary map that holds keys in full; so does an entry
// for which a table has no room and cannot get any. A key never passes from
// slot to side table or back while it is present. So a reader that finds no
// slot, or finds the record of another key there, asks [Index.LookupSide], and
// only when that knows nothing either is the key absent.
//
// # What eviction knows
//
// Two bits of a slot count the entry's hits: Lookup tells them, [Index.Touch] raises
// them. With Config.Ranks each slot has a rank as well, 64 bits that mean what the
// caller's policy likes, in an array beside the slots. Both go along wherever an
// entry is moved. A writer says what they begin with, readers change them by a
// compare-and-swap that may fail. [Index.Scan] shows all entries with an id that
// stands for their hash, which is how victims are found.
//
// # Concurrency
//
// There is one writer at a time, which is the caller's to see to: from Find to
// the Put or Delete that uses its Ref nobody else may write to that identity. Find,
// Put, Delete, Move and Reserve are the writer's. Any number of readers may call
// Lookup, LookupSide, Touch, Rank and SetRank at any time. They take no lock, but
// for what is in the side table:
//
//   - a slot is read and written as a whole, atomically; a reader writes to one
//     only in place of a word that it has seen there, so never to an empty one;
//   - an entry that changes its bucket is written to the new one, then the
//     shard's version is raised, then the old slot is overwritten. A reader that
//     finds nothing looks again when the version has changed;
//   - a table that is replaced stays readable, but its memory may come to hold
//     another table. The version is raised before that, so a reader that finds
//     something checks that the table is still the one it began with.
//
// Tables lie outside the Go heap where the system allows it: the collector
// neither scans nor counts them.
//
// The writer takes no lock either for an entry that comes, goes or changes in its
// place, as most do. A shard's lock is for those who want to see all entries, each
// once: it keeps the writer from moving any or replacing the table meanwhile.
//
// # Images
//
// [Index.Image] gives a shard's table as bytes, [Index.RankImage] its ranks, [Load]
// makes an index from such bytes that are read and verified when a shard is first
// used.
//
// Files, in reading order: entry.go, layout.go, table.go, fill.go, shard.go,
// index.go, write.go, policy.go, side.go, image.go, imagerank.go, imageside.go,
// load.go, pool.go, mem_unix.go.
package keydir

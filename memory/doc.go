// Package memory is a [diskcache.Store] without a disk: the same operations, bounded by bytes
// and by items, with times to live, tags, queues, transactions and the same policies. What it
// holds ends with the process.
//
//	s := memory.New(&memory.Options{SizeLimit: 64 << 20})
//	err := s.Set("k", value, diskcache.TTL(time.Minute))
//
// # How it works
//
// Items are in a table of shards, each with a lock of its own, so reads of different keys do
// not wait for one another, and none waits for an open transaction. Writers take turns. Each
// collects its changes on top of what is there (batch.go), and then makes them all at once,
// with the shards concerned locked (apply.go): a write of one key is a transaction of one.
//
// Orders (by key, by insertion, by tag, of queues) are lists that are built when they are
// first asked for and kept up from then on (index.go, sorted.go).
//
// The limits are exact: no reader ever sees more than they allow. Ranks of the policies that
// give up items in an exact order are kept in a heap that learns of reads when an item comes to
// its top (ranked.go); S3-FIFO keeps two lists and the names of what it gave up not long ago
// (s3fifo.go).
//
// # Why no cache library is below
//
// The contract promises transactions, exact limits, an order of insertion and compare-and-swap.
// Concurrent caches such as otter buffer their writes and give up items later, in the
// background: neither could be promised on top of one. Package hybrid, which needs a plain
// table that it may lose anything from, uses otter.
package memory

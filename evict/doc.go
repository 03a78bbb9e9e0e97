// Package evict decides what a full cache gives up. It has the policies and
// what they need to remember, and nothing else: no I/O, no locks, no goroutines.
//
// There are two kinds. [S3FIFO], the default, keeps two streams of segments and
// judges each item when it is the oldest of its stream; two bits for each item
// and a [Ghost] are all that it remembers. For the others an item has a rank of
// 64 bits, and the item with the smallest goes, exactly; a [Queue] finds it.
//
// What the caller has to see to:
//
//   - it makes room before it stores, not after: under LFU what was just stored
//     is often what would go first;
//   - expired items go before all others, whatever the policy;
//   - ticks only go up, over restarts too, or the policy's sense of before and
//     after is lost. Exactness of a Queue asks that no rank goes down while an
//     item is in the cache.
//
// Files, in reading order: policy.go, queue.go, heap.go; s3.go, ghost.go. The
// decisions of S3FIFO are measured in sim_test.go.
package evict

package evict

// S3FIFO, as a log has it. The log has two streams of segments, and an item
// lies in its stream where it was written:
//
//	insert ──────────► probation ──► evicted, and remembered by the ghost
//	  │                    │ Promote: copied, hits cleared
//	  │ known to           ▼
//	  │ the ghost        main ─────► evicted
//	  └────────────────►   ▲    │ Keep: copied to the other end, hits cleared
//	                       └────┘
//
// To evict is to take the oldest item of the stream that [FromProbation] names,
// and to copy it or let it go. Reads only count hits, up to MaxHits, in two bits
// of the index. Nearly all items of most caches are never read, or twice in a
// moment and never again: they pass through a tenth of the disk and leave the
// rest to those that come back.
//
// The numbers below were chosen with the traces of sim_test.go, for most hits at
// few copies: over 51 rows 16 % fewer misses than FIFO, and 1.25 bytes written
// for each byte stored.

// MaxHits is the number of hits up to which they are counted.
const MaxHits = 3

const (
	// Twice in probation, as a second read often follows the first at once. In
	// main once would save a quarter of a point more of FIFO's misses, for a
	// third more copies.
	promoteHits = 2
	keepHits    = 2

	probationShare = 10 // of the limit, the reciprocal
	probationItems = 32
)

// FromProbation tells from which stream the next item is to be taken: the
// oldest of probation, or else of main. The two streams' sizes and their limit
// are in bytes, items is how many live items both hold; something is in them.
//
// Probation has a tenth of the limit, but at least 32 items of average size, or
// half the limit: less is over before a read can come, and a small cache would
// keep nothing that is read twice.
func FromProbation(probation, main, limit int64, items int) bool {
	if probation <= 0 || main <= 0 {
		return main <= 0
	}
	share := limit / probationShare
	if items > 0 {
		few := (probation + main) / int64(items) * probationItems
		share = max(share, min(few, limit/2))
	}
	return probation >= share
}

// Promote tells whether an item that has come to the end of probation is copied
// to main, where it begins without hits. If not, it is evicted and the ghost
// told of it. Main is the size of main.
//
// While main has less than half of the limit, one hit will do. Probation has the
// other half then, so a hit there says as much as in any FIFO, and main has room.
// Without this a cache is behind LRU for its first contents.
func Promote(hits uint8, main, limit int64) bool {
	return hits >= promoteHits || hits > 0 && main < limit/2
}

// Copies decides what stays in main, and bounds how much is copied for it. The
// zero value is ready. It is used under its owner's lock.
//
// Without a bound one turn of main could copy all of it to evict a single item,
// and with readers that set hits as fast as they are cleared it would not end.
// So three quarters of the bytes that come to the end are the most that is
// copied, and what is not used up is saved for worse times, but no more than a
// sixteenth of the limit. To free n bytes from main, no more is looked at than
//
//	4 * (n + limit/16 + two of the largest items)
//
// Promote needs no bound: it takes each item out of probation once, and a
// probation that gets too small for its share is left alone.
type Copies struct {
	credit int64
}

const creditShare = 16 // of the limit, the reciprocal

// Keep tells whether an item that has come to the end of main is copied to its
// other end, where it begins without hits. If not, it is evicted.
func (c *Copies) Keep(hits uint8, size, limit int64) bool {
	c.credit = min(c.credit+size/4*3, limit/creditShare)
	if hits < keepHits || c.credit <= 0 {
		return false
	}
	c.credit -= size // below 0 by one item at most: large ones are not shut out
	return true
}

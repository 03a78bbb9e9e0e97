package segment

import (
	"slices"

	"github.com/go-diskcache/diskcache/codec"
)

// notes are the hint entries of a segment that is being written, as the hint will have them.
// They are kept in pieces: what would have to be copied as it grows is as long as the index.
type notes struct {
	pieces [][]byte
	count  int
}

// The first piece is small, for there are caches of many small segments.
const (
	firstPiece = 2 << 10
	mostPiece  = 64 << 10
)

func (n *notes) add(e *codec.HintEntry) {
	last := len(n.pieces) - 1
	if last < 0 || len(n.pieces[last])+codec.HintEntryLen > cap(n.pieces[last]) {
		n.pieces = append(n.pieces, make([]byte, 0, min(firstPiece<<min(last+1, 8), mostPiece)))
		last++
	}
	n.pieces[last] = codec.AppendHintEntry(n.pieces[last], e)
	n.count++
}

// snapshot returns what there is now, which stays as it is while more is added.
func (n *notes) snapshot() *notes { return &notes{slices.Clone(n.pieces), n.count} }

// entries returns them decoded.
func (n *notes) entries() []codec.HintEntry {
	es := make([]codec.HintEntry, 0, n.count)
	for _, p := range n.pieces {
		es = codec.DecodeHintEntries(es, p)
	}
	return es
}

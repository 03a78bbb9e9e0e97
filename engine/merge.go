package engine

import "sync/atomic"

// mergeWords makes the words those of the state file, but for what this process has changed since it
// read base there.
func mergeWords(w []atomic.Uint64, base, theirs []uint64) {
	for i := wordNonces; i < len(w); i++ {
		mergeWord(i, &w[i], base[i], theirs[i])
	}
	for i := range mostFiles { // before the sequence that their lengths hold
		at := wordFiles + i*fileWords
		mergeFile(w[at:][:fileWords], base[at:], theirs[at:])
	}
	for i := wordFiles - 1; i >= 0; i-- {
		mergeWord(i, &w[i], base[i], theirs[i])
	}
}

// mergeFile merges an entry of a segment that is written to. It is of one segment as a whole: the
// owner and the length that this process had given to one are not those of another that came into
// its place, nor the other way round.
func mergeFile(w []atomic.Uint64, base, theirs []uint64) {
	for {
		id := w[fileID].Load()
		switch mine, other := id != base[fileID], theirs[fileID] != base[fileID]; {
		case mine && (!other || theirs[fileID] == 0):
			return
		case !mine && !other:
			mergeWord(wordFiles+fileOwner, &w[fileOwner], base[fileOwner], theirs[fileOwner])
			mergeWord(wordFiles+fileLen, &w[fileLen], base[fileLen], theirs[fileLen])
			return
		}
		if w[fileID].CompareAndSwap(id, 0) { // who reads it meanwhile finds no mixture
			w[fileOwner].Store(theirs[fileOwner])
			w[fileLen].Store(theirs[fileLen])
			w[fileID].Store(theirs[fileID])
			return
		}
	}
}

// mergeWord merges a word that stands for itself.
func mergeWord(i int, w *atomic.Uint64, base, theirs uint64) {
	for {
		mine := w.Load()
		if w.CompareAndSwap(mine, mergedWord(i, base, mine, theirs)) {
			return
		}
	}
}

// mergedWord returns what a word is that was base when it was last read, is mine here and theirs in
// the file. Words that count, or are made of bits, may be changed by several processes between
// two looks; of others each has but one that may change it, and a change of theirs says that
// this process is that no more.
func mergedWord(i int, base, mine, theirs uint64) uint64 {
	switch {
	case mine == base:
		return theirs
	case i == wordDisk || i == wordHints || i == wordRoom || i == wordAttaches:
		return theirs + (mine - base)
	case i >= wordSlots && i < wordSlots+(mostSlots+63)/64:
		changed := mine ^ base
		return theirs&^changed | mine&changed
	case theirs == base:
		return mine
	}
	return theirs
}

package keydir

// An Entry says where the newest record of a key lies.
type Entry struct {
	// Place is the caller's number for a record's position. It is never 0 and
	// less than 1<<PlaceBits.
	Place uint64
	// Class is the size class of the record, see [ClassOf].
	Class uint8
	// Hits counts uses of the record up to MaxHits, see [Index.Touch].
	Hits uint8
	// Rank is what the caller's policy keeps of the record. It is there only with
	// Config.Ranks, and left 0 by Lookup and LookupSide: see [Index.Rank].
	Rank uint64
}

// MaxHits is the most that an entry counts.
const MaxHits = 1<<policyBits - 1

// classSizes are the sizes of the classes in bytes, steps of about 1.7.
var classSizes = [16]int{
	96, 160, 272, 464, 784, 1336, 2272, 3864,
	6568, 11168, 18984, 32272, 54864, 93264, 158552, 269536,
}

// ClassOf returns the size class of a record of so many bytes: the smallest
// class whose size holds it, or the last class when none does.
func ClassOf(size int) uint8 {
	for c, s := range classSizes {
		if size <= s {
			return uint8(c)
		}
	}
	return uint8(len(classSizes) - 1)
}

// ClassSize returns how many bytes to read first for a record of class c. They
// are the whole record, unless c is the last class, where a record can be longer.
func ClassSize(c uint8) int { return classSizes[c&15] }

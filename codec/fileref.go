package codec

import "math/bits"

// A reference to a value file (offsets in bytes, little endian). It is the
// value of a record that has FlagFile, whose sum covers it:
//
//	 0  fileID    u64
//	 8  size      i64
//	16  chunkLog  u8   base-2 logarithm of the chunk size
//	17  sums      u64 each, one per chunk

const (
	// DefaultChunkSize is a good size of chunk: a read of any part of a
	// value verifies at most this much more than it was asked for.
	DefaultChunkSize = 1 << 18

	fileRefFixedLen = 17
	minChunkLog     = 12
	maxChunkLog     = 30
)

// A FileRef names a value file. The file holds the value and nothing else;
// what verifies it stands here.
type FileRef struct {
	ID        uint64
	Size      int64    // of the value, in bytes
	ChunkSize int64    // a power of two, from 4 KiB to 1 GiB
	Sums      []uint64 // the Sum of each chunk; the last chunk may be shorter
}

// chunks returns how many chunks a value of that size has.
func chunks(size int64, chunkLog uint8) uint64 {
	n := uint64(size) >> chunkLog
	if uint64(size)&(1<<chunkLog-1) != 0 {
		n++
	}
	return n
}

// AppendFileRef appends f. It panics if the chunk size is not allowed or there
// is not one sum for each chunk.
func AppendFileRef(dst []byte, f *FileRef) []byte {
	chunkLog := uint8(bits.Len64(uint64(f.ChunkSize)) - 1)
	if f.Size < 0 || f.ChunkSize != 1<<chunkLog || chunkLog < minChunkLog || chunkLog > maxChunkLog ||
		uint64(len(f.Sums)) != chunks(f.Size, chunkLog) {
		panic("codec: file reference cannot be written")
	}
	dst = le.AppendUint64(dst, f.ID)
	dst = le.AppendUint64(dst, uint64(f.Size))
	dst = append(dst, chunkLog)
	for _, s := range f.Sums {
		dst = le.AppendUint64(dst, s)
	}
	return dst
}

// ParseFileRef parses b, which must be a reference and nothing more.
func ParseFileRef(b []byte) (FileRef, error) {
	if len(b) < fileRefFixedLen {
		return FileRef{}, ErrShort
	}
	size, chunkLog := int64(le.Uint64(b[8:])), b[16]
	if size < 0 || chunkLog < minChunkLog || chunkLog > maxChunkLog {
		return FileRef{}, ErrLength
	}
	sums := b[fileRefFixedLen:]
	n := chunks(size, chunkLog)
	if uint64(len(sums)/8) < n {
		return FileRef{}, ErrShort
	}
	if uint64(len(sums)) != n*8 {
		return FileRef{}, ErrLength
	}
	f := FileRef{ID: le.Uint64(b), Size: size, ChunkSize: 1 << chunkLog, Sums: make([]uint64, n)}
	for i := range f.Sums {
		f.Sums[i] = le.Uint64(sums[i*8:])
	}
	return f, nil
}

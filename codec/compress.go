package codec

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how a record's value is stored.
type Compression uint8

const (
	None Compression = iota
	LZ4              // one LZ4 block, without a frame
	Zstd             // zstd frames
)

// A value shorter than this is not tried: what it could save is less than
// what saying so costs.
const minCompressLen = 64

// Compress compresses src and returns what to store, and how. It writes from
// the beginning of dst, which may be nil, and makes new room if that is too
// small; len(src) bytes are enough for all that is worth keeping. Where the
// result would not be shorter than src by at least a sixteenth, src itself is
// returned with None.
func Compress(dst, src []byte, c Compression) (out []byte, used Compression) {
	limit := len(src) - len(src)/16
	if len(src) < minCompressLen || len(src) > MaxValueLen {
		return src, None
	}
	switch c {
	case LZ4:
		out = compressLZ4(dst[:0], src, limit)
	case Zstd:
		e := encoders.Get().(*zstd.Encoder)
		out = e.EncodeAll(src, dst[:0])
		encoders.Put(e)
	}
	if len(out) == 0 || len(out) > limit {
		return src, None
	}
	return out, c
}

// compressLZ4 returns nothing if the result would be longer than limit.
func compressLZ4(dst, src []byte, limit int) []byte {
	dst = grow(dst, limit)
	n, err := lz4.CompressBlock(src, dst, nil)
	if err != nil {
		return nil
	}
	return dst[:n]
}

// Decompress appends to dst the value that src stores, which must be rawLen
// bytes long. It makes no more room than that, and none if src cannot possibly
// expand so far. How long a value may be at all is for the caller to say.
func Decompress(dst, src []byte, c Compression, rawLen int) ([]byte, error) {
	if c > Zstd {
		return dst, ErrKind
	}
	if uint(rawLen) > MaxValueLen || !canExpand(len(src), c, rawLen) {
		return dst, ErrCompressed
	}
	at := len(dst)
	out := dst
	if cap(dst)-at < rawLen {
		out = append(make([]byte, 0, at+rawLen), dst...) // exactly; grow would add some for later
	}
	out = out[:at+rawLen]
	room := out[at : at+rawLen : at+rawLen]

	var n int
	var err error
	switch c {
	case None:
		n = copy(room, src)
	case LZ4:
		n, err = lz4.UncompressBlock(src, room)
	case Zstd:
		n, err = decompressZstd(room, src)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: %v", ErrCompressed, err)
	}
	if n != rawLen {
		return dst, ErrCompressed
	}
	return out, nil
}

// canExpand reports whether n bytes can expand to rawLen. A length byte of LZ4
// stands for at most 255 bytes, and four bytes of zstd, the shortest block,
// for at most 128 KiB.
func canExpand(n int, c Compression, rawLen int) bool {
	switch c {
	case None:
		return rawLen == n
	case LZ4:
		return int64(rawLen) <= int64(n)*255
	case Zstd:
		return int64(rawLen) <= int64(n)*(128<<10/4)
	}
	return false
}

// decompressZstd fills room, whose capacity is the limit that the decoder
// keeps to.
func decompressZstd(room, src []byte) (int, error) {
	d := decoders.Get().(*zstd.Decoder)
	out, err := d.DecodeAll(src, room[:0])
	decoders.Put(d)
	if err != nil {
		return 0, err
	}
	copy(room, out) // it is there already, unless the decoder chose other room
	return len(out), nil
}

// The coders of zstd are large, so they are made at first use, shared, and left
// to the collector. Each works alone: there is one for every goroutine that is
// busy. (Those of LZ4 are pooled by their package.)
var (
	encoders = sync.Pool{New: func() any {
		return must(zstd.NewWriter(nil,
			zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderLevel(zstd.SpeedDefault),
			zstd.WithEncoderCRC(false), // the record has a sum
			zstd.WithSingleSegment(true),
			zstd.WithLowerEncoderMem(true)))
	}}

	decoders = sync.Pool{New: func() any {
		return must(zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxValueLen),
			zstd.WithDecodeAllCapLimit(true)))
	}}
)

// must is for options that are constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

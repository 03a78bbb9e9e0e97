// Package trace reads recorded request traces, for tests of eviction: the keys
// that a program asked a cache for, in order, as numbers.
//
// # The format OCTR1
//
// One gzip stream:
//
//	magic     "OCTR1\n"
//	flags     uvarint   bit 0: sizes follow
//	requests  uvarint
//	objects   uvarint
//	sizes     uvarint   for each object, in bytes; only with flag bit 0
//	request   varint    for each: object number minus that of the request before,
//	                    the first counts from 0
//
// Objects are numbered from 0 in order of first use, and each number is used.
// A [Reader] checks that, and ends with an error when a stream breaks it: a
// test that replays a damaged trace would measure nonsense.
package trace

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"io"
	"iter"
)

const (
	magic     = "OCTR1\n"
	flagSizes = 1

	// maxObjects bounds what a replay keeps for each object. The largest trace
	// that we know has three million.
	maxObjects = 1 << 26
	// maxRequests keeps every count in an int of 32 bits.
	maxRequests = 1<<31 - 1
)

// A Reader reads one trace, once.
type Reader struct {
	br       *bufio.Reader
	requests int
	objects  int
	sizes    []int64
}

// NewReader reads the head of a trace, with the sizes if there are any. An
// error is an [*Error].
func NewReader(r io.Reader) (*Reader, error) {
	t := &Reader{}
	if err := t.readHead(r); err != nil {
		return nil, &Error{Request: -1, Err: broken(err)}
	}
	return t, nil
}

// Requests returns the number of requests that the head promises.
func (t *Reader) Requests() int { return t.requests }

// Objects returns the number of different objects that the head promises.
func (t *Reader) Objects() int { return t.objects }

// Sizes returns the size in bytes of each object, or nil when the trace has no
// sizes. The slice is the caller's.
func (t *Reader) Sizes() []int64 { return t.sizes }

// All yields the object number of each request. Numbers are in [0, Objects). A
// trace that is not what its head promises ends with an [*Error] and number 0.
// All can be ranged over once.
func (t *Reader) All() iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		id, seen := int64(0), int64(0)
		for i := range t.requests {
			d, err := binary.ReadVarint(t.br)
			if err != nil {
				yield(0, &Error{Request: i, Err: broken(err)})
				return
			}
			// Both id and seen are small, so only a huge d can overflow, and
			// then the sum is negative or far above seen.
			id += d
			if id < 0 || id > seen || id >= int64(t.objects) {
				yield(0, &Error{Request: i, Err: ErrObject})
				return
			}
			seen = max(seen, id+1)
			if !yield(int(id), nil) {
				return
			}
		}
		if err := t.checkEnd(seen); err != nil {
			yield(0, &Error{Request: t.requests, Err: err})
		}
	}
}

func (t *Reader) readHead(r io.Reader) error {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	t.br = bufio.NewReader(zr)
	var m [len(magic)]byte
	if _, err := io.ReadFull(t.br, m[:]); err != nil {
		return err
	}
	if string(m[:]) != magic {
		return ErrMagic
	}
	var head [3]uint64 // flags, requests, objects
	for i := range head {
		if head[i], err = binary.ReadUvarint(t.br); err != nil {
			return err
		}
	}
	if head[0]&^flagSizes != 0 {
		return ErrFlags
	}
	// Each object is used, so there are no more objects than requests.
	if head[1] > maxRequests || head[2] > maxObjects || head[2] > head[1] {
		return ErrCount
	}
	t.requests, t.objects = int(head[1]), int(head[2])
	if head[0]&flagSizes == 0 {
		return nil
	}
	return t.readSizes()
}

// readSizes grows the list as sizes arrive: a head that lies costs no memory.
func (t *Reader) readSizes() error {
	for range t.objects {
		n, err := binary.ReadUvarint(t.br)
		if err != nil {
			return err
		}
		if n > 1<<62 {
			return ErrSize
		}
		t.sizes = append(t.sizes, int64(n))
	}
	return nil
}

// checkEnd reads the end of the stream: that is where gzip compares its checksum.
func (t *Reader) checkEnd(seen int64) error {
	if seen != int64(t.objects) {
		return ErrCount
	}
	switch _, err := t.br.ReadByte(); err {
	case io.EOF:
		return nil
	case nil:
		return ErrTrailing
	default:
		return broken(err)
	}
}

// broken returns err, but as ErrTruncated if it tells that the stream ended early.
func broken(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrTruncated
	}
	return err
}

package engine

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// Reader reads one value. It keeps what it reads from being removed until it is
// closed, and hands out no byte that it has not verified.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// Reader opens the value of key for reading.
func (e *Engine) Reader(key string) (Reader, Item, error) {
	for try := 0; ; try++ {
		var rec codec.Record
		stored, err := e.find(e.opt.Hash(key), key, nil, &rec, uses)
		if err == nil && e.clock.expired(rec.Expires, rec.Stored) {
			err = ErrExpired
		}
		if err != nil {
			return nil, Item{}, err
		}
		it, err := e.item(key, stored, &rec)
		if err != nil {
			return nil, it, err
		}
		r, err := e.readerOf(key, stored, &rec)
		if err == nil {
			return r, it, nil
		}
		if rec.Flags&codec.FlagFile == 0 {
			return nil, it, err
		}
		var again codec.Record // set anew while we opened?
		if _, ferr := e.find(e.opt.Hash(key), key, nil, &again, peeks); ferr == nil && again.Seq == rec.Seq || try >= maxLookups {
			return nil, it, e.corruptFile(err)
		}
	}
}

// readerOf opens the value of a record for reading.
func (e *Engine) readerOf(key string, stored []byte, rec *codec.Record) (Reader, error) {
	if rec.Flags&codec.FlagFile != 0 {
		return e.openFile(key, stored)
	}
	v, err := codec.Decompress(nil, stored, rec.Compression, int(rec.RawLen))
	if err != nil {
		return nil, &CorruptError{File: "value of " + quote(key), Err: err}
	}
	return memReader{bytes.NewReader(v)}, nil
}

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

type memReader struct{ *bytes.Reader }

func (memReader) Close() error { return nil }

// fileReader reads a value file, a verified chunk at a time.
type fileReader struct {
	f    vfs.File
	name string
	ref  codec.FileRef
	pos  int64
	buf  []byte
	have int64 // number of the chunk in buf, -1 for none
}

func (e *Engine) openFile(key string, stored []byte) (*fileReader, error) {
	ref, err := parseRef(key, stored)
	if err != nil {
		return nil, err
	}
	name := codec.ValueName(ref.ID)
	f, err := e.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotRegular) {
		return nil, &CorruptError{name, 0, err}
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil && size != ref.Size {
		err = &CorruptError{name, min(size, ref.Size), io.ErrUnexpectedEOF}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fileReader{f: f, name: name, ref: ref, have: -1}, nil
}

func (r *fileReader) Size() int64 { return r.ref.Size }

func (r *fileReader) Close() error { return r.f.Close() }

func (r *fileReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if r.pos >= r.ref.Size {
		return 0, io.EOF
	}
	if err := r.load(r.pos / r.ref.ChunkSize); err != nil {
		return 0, err
	}
	n := copy(b, r.buf[r.pos%r.ref.ChunkSize:])
	r.pos += int64(n)
	return n, nil
}

// ReadAt may be called beside Read and by several goroutines: it has no use for
// the buffer of Read.
func (r *fileReader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, &fs.PathError{Op: "readat", Path: r.name, Err: errors.New("negative offset")}
	}
	own := &fileReader{f: r.f, name: r.name, ref: r.ref, pos: off, have: -1}
	n, err := io.ReadFull(own, b)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func (r *fileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.ref.Size
	default:
		return 0, &fs.PathError{Op: "seek", Path: r.name, Err: errors.New("invalid whence")}
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: r.name, Err: errors.New("negative position")}
	}
	r.pos = offset
	return offset, nil
}

// load reads and verifies a chunk.
func (r *fileReader) load(chunk int64) error {
	if chunk == r.have {
		return nil
	}
	r.have = -1
	b, err := r.chunk(r.buf[:0], chunk)
	r.buf = b
	if err == nil {
		r.have = chunk
	}
	return err
}

// chunk appends a chunk to dst once it is verified.
func (r *fileReader) chunk(dst []byte, chunk int64) ([]byte, error) {
	off := chunk * r.ref.ChunkSize
	n := int(min(r.ref.ChunkSize, r.ref.Size-off))
	at := len(dst)
	if cap(dst)-at < n {
		dst = append(dst, make([]byte, n)...)[:at]
	}
	b := dst[at : at+n]
	if got, err := r.f.ReadAt(b, off); got < n {
		if err == nil || err == io.EOF {
			err = &CorruptError{r.name, off + int64(got), io.ErrUnexpectedEOF}
		}
		return dst, err
	}
	if xxhash.Sum64(b) != r.ref.Sums[chunk] {
		return dst, &CorruptError{r.name, off, codec.ErrChecksum}
	}
	return dst[:at+n], nil
}

// verify reads all of the file.
func (r *fileReader) verify() (err error) {
	for c := range int64(len(r.ref.Sums)) {
		if r.buf, err = r.chunk(r.buf[:0], c); err != nil {
			return err
		}
	}
	return nil
}

// appendTo appends the whole value to dst.
func (r *fileReader) appendTo(dst []byte) ([]byte, error) {
	if r.ref.Size > math.MaxInt-int64(len(dst)) {
		return dst, errTooLargeHere
	}
	out := dst
	if int64(cap(out)-len(out)) < r.ref.Size {
		out = append(make([]byte, 0, len(dst)+int(r.ref.Size)), dst...)
	}
	var err error
	for c := range int64(len(r.ref.Sums)) {
		if out, err = r.chunk(out, c); err != nil {
			return dst, err
		}
	}
	return out, nil
}

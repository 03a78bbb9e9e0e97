package engine

import (
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/go-diskcache/diskcache/codec"
)

// Attrs are what is stored with a value.
type Attrs struct {
	Expires int64  // nanoseconds since the epoch, 0: never
	Tag     string // at most 65,535 bytes
	User    uint16 // what kind of value it is, to whoever stores it
	// Compression is used in place of the engine's where HasCompression is set.
	Compression    codec.Compression
	HasCompression bool
}

// Set stores value under key. It does not keep value.
func (e *Engine) Set(key string, value []byte, a Attrs) error {
	if err := e.readsOnly(); err != nil {
		return err
	}
	r := requests.Get().(*request)
	defer r.free()
	r.ops = r.one[:]
	op := &r.ops[0]
	if err := e.prepare(op, key, value, a, false); err != nil {
		return err
	}
	return e.commitOne(r, op)
}

// SetReader stores what r holds. From FileThreshold on it goes to a file of its
// own as it is read; the key changes only when all of it is there.
func (e *Engine) SetReader(key string, r io.Reader, a Attrs) error {
	if err := e.readsOnly(); err != nil {
		return err
	}
	limit := e.fileThreshold()
	if limit < 0 {
		limit = e.layout.MaxFile()
	}
	first, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return fmt.Errorf("diskcache: reading the value of %s: %w", quote(key), err)
	}
	if int64(len(first)) < limit || e.fileThreshold() < 0 {
		return e.Set(key, first, a)
	}
	req := requests.Get().(*request)
	defer req.free()
	req.ops = req.one[:]
	op := &req.ops[0]
	if err := checkSizes(key, a); err != nil {
		return err
	}
	if err := e.prepareFile(op, first, r, false); err != nil {
		return err
	}
	e.describe(op, key, a)
	return e.commitOne(req, op)
}

// commitOne commits a request of one put, and takes its value file back if that
// is certain not to be named by anything.
func (e *Engine) commitOne(r *request, op *Op) error {
	err := e.commit(r)
	if err == nil {
		e.stats.sets.Add(1)
		return nil
	}
	return join(err, e.takeBack(op, err))
}

// takeBack removes the value file of an operation whose commit failed with err,
// unless the log may name it all the same: then it is an orphan to the next Open
// at the worst.
func (e *Engine) takeBack(op *Op, err error) error {
	if errors.Is(err, ErrFull) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrClosed) {
		return e.values.drop(op.brings())
	}
	return nil
}

// Delete removes key and reports whether it had an item.
func (e *Engine) Delete(key string) (bool, error) {
	if err := e.readsOnly(); err != nil {
		return false, err
	}
	r := requests.Get().(*request)
	defer r.free()
	r.ops = r.one[:]
	op := &r.ops[0]
	if err := e.prepareDelete(op, key); err != nil {
		return false, err
	}
	if err := e.commit(r); err != nil {
		return false, err
	}
	if op.Existed {
		e.stats.deletes.Add(1)
	}
	return op.Existed, nil
}

func checkSizes(key string, a Attrs) error {
	if len(key) > codec.MaxKeyLen {
		return fmt.Errorf("%w: a key of %d bytes, the limit is %d", ErrTooLarge, len(key), codec.MaxKeyLen)
	}
	if len(a.Tag) > codec.MaxTagLen {
		return fmt.Errorf("%w: a tag of %d bytes, the limit is %d", ErrTooLarge, len(a.Tag), codec.MaxTagLen)
	}
	return nil
}

// prepare makes op the storing of value: all that can be done without the writer
// lock is done here.
func (e *Engine) prepare(op *Op, key string, value []byte, a Attrs, locked bool) error {
	if err := checkSizes(key, a); err != nil {
		return err
	}
	if err := e.prepareValue(op, value, a, locked); err != nil {
		return err
	}
	e.describe(op, key, a)
	return nil
}

// prepareValue is what of prepare needs no key.
func (e *Engine) prepareValue(op *Op, value []byte, a Attrs, locked bool) error {
	if t := e.fileThreshold(); t >= 0 && int64(len(value)) >= t {
		return e.prepareFile(op, value, nil, locked)
	}
	if most := min(e.layout.MaxFile(), codec.MaxValueLen); int64(len(value)) >= most {
		return fmt.Errorf("%w: a value of %d bytes, those without a file of their own have less than %d", ErrTooLarge, len(value), most)
	}
	c := e.settings().Compression
	if a.HasCompression {
		c = a.Compression
	}
	rec := &op.Record
	rec.Value, rec.RawLen = value, uint32(len(value))
	if c != codec.None {
		rec.Value, rec.Compression = codec.Compress(nil, value, c)
	}
	return nil
}

// prepareFile makes op the storing of what first and, if it is not nil, r hold, in a file.
func (e *Engine) prepareFile(op *Op, first []byte, r io.Reader, locked bool) error {
	if err := e.values.fits(int64(len(first)) + left(r)); err != nil {
		return err // before anything is given up for it
	}
	ref, err := e.values.create(first, r, locked)
	if err != nil {
		return err
	}
	op.Value = valueFile{ref.ID, ref.Size}
	op.Record.Value = codec.AppendFileRef(nil, &ref)
	op.Record.RawLen = uint32(len(op.Record.Value))
	op.Record.Flags = codec.FlagFile
	return nil
}

// left returns how many bytes a reader has at least, as far as it tells.
func left(r io.Reader) int64 {
	if l, ok := r.(interface{ Len() int }); ok {
		return int64(l.Len())
	}
	return 0
}

// describe fills in what a put has besides its value, and digests it.
func (e *Engine) describe(op *Op, key string, a Attrs) {
	rec := &op.Record
	rec.Kind = codec.KindPut
	e.name(op, key)
	rec.Expires, rec.User = a.Expires, a.User
	if a.Tag != "" {
		rec.Tag = stringBytes(a.Tag)
	}
	rec.Digest()
}

func (e *Engine) prepareDelete(op *Op, key string) error {
	if err := checkSizes(key, Attrs{}); err != nil {
		return err
	}
	rec := &op.Record
	rec.Kind = codec.KindTombstone
	e.name(op, key)
	rec.Digest()
	return nil
}

// name says which key an operation is about.
func (e *Engine) name(op *Op, key string) {
	op.Record.Key, op.Record.Hash = stringBytes(key), e.opt.Hash(key)
	e.prefetch(op.Record.Hash)
}

// prefetch has what the index knows of a hash fetched while the change is made ready.
func (e *Engine) prefetch(hash uint64) {
	if x := e.index.Load(); x != nil { // not closed
		x.Prefetch(hash)
	}
}

// stringBytes returns the bytes of s, which must not be changed. Keys are copied
// into the log and nowhere else.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// bytesString returns b as a string, which is good as long as b is not changed.
func bytesString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

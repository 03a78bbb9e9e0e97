package engine

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-diskcache/diskcache/codec"
)

// Counters are values that are the decimal text of a number. They stay in their records,
// however low FileThreshold is: a file for twenty bytes would cost more than all the rest.

// Incr adds delta to the number of key, or subtracts it, and returns what comes out. Where
// there is no item it begins at 0, with a.
func (e *Engine) Incr(key string, delta int64, subtract bool, a Attrs) (int64, error) {
	c, err := newCounter(delta, subtract, a)
	if err != nil {
		return 0, err
	}
	_, err = e.edit(key, c)
	return c.sum, err
}

// IncrFloat is Incr of floating-point numbers.
func (e *Engine) IncrFloat(key string, delta float64, a Attrs) (float64, error) {
	c, err := newFloatCounter(delta, a)
	if err != nil {
		return 0, err
	}
	_, err = e.edit(key, c)
	return c.sum, err
}

// counter counts whole numbers. It is an editor.
type counter struct {
	number
	delta    int64
	subtract bool
	sum      int64
}

func newCounter(delta int64, subtract bool, a Attrs) (*counter, error) {
	return &counter{number: number{attrs: a}, delta: delta, subtract: subtract}, checkSizes("", a)
}

func (c *counter) edit(e *Engine, op *Op, old *codec.Record) (bool, error) {
	c.sum = 0
	text, err := c.read(e, op, old)
	if err != nil {
		return false, err
	}
	n := int64(0)
	if text != nil {
		if n, err = strconv.ParseInt(bytesString(text), 10, 64); err != nil {
			return false, numberError(op, err)
		}
	}
	sum := n + c.delta
	if c.subtract {
		sum = n - c.delta
	}
	if up := c.delta > 0 != c.subtract; c.delta != 0 && (sum > n) != up {
		return false, numberError(op, strconv.ErrRange)
	}
	c.sum = sum
	c.store(op, strconv.AppendInt(c.text[:0], sum, 10), old)
	return true, nil
}

// floatCounter counts floating-point numbers.
type floatCounter struct {
	number
	delta, sum float64
}

func newFloatCounter(delta float64, a Attrs) (*floatCounter, error) {
	return &floatCounter{number: number{attrs: a}, delta: delta}, checkSizes("", a)
}

func (c *floatCounter) edit(e *Engine, op *Op, old *codec.Record) (bool, error) {
	c.sum = 0
	text, err := c.read(e, op, old)
	if err != nil {
		return false, err
	}
	n := 0.0
	if text != nil {
		if n, err = strconv.ParseFloat(bytesString(text), 64); err == nil && !finite(n) {
			err = strconv.ErrSyntax
		}
		if err != nil {
			return false, numberError(op, err)
		}
	}
	sum := n + c.delta
	if !finite(sum) {
		return false, numberError(op, strconv.ErrRange)
	}
	c.sum = sum
	c.store(op, strconv.AppendFloat(c.text[:0], sum, 'g', -1, 64), old)
	return true, nil
}

func finite(n float64) bool { return !math.IsInf(n, 0) && !math.IsNaN(n) }

// number is what all counters have.
type number struct {
	attrs Attrs    // of one that is not there yet
	text  [32]byte // what is stored
	raw   []byte   // what was
}

// mostDigits bounds what is taken for a number.
const mostDigits = 1 << 10

// read returns the text that is stored; nil if there is none.
func (c *number) read(e *Engine, op *Op, old *codec.Record) ([]byte, error) {
	if old == nil {
		return nil, nil
	}
	if old.Flags&codec.FlagFile == 0 && old.RawLen > mostDigits {
		return nil, numberError(op, strconv.ErrSyntax)
	}
	if old.Flags&codec.FlagFile != 0 {
		if ref, err := codec.ParseFileRef(old.Value); err == nil && ref.Size > mostDigits {
			return nil, numberError(op, strconv.ErrSyntax)
		}
	}
	if c.raw == nil {
		c.raw = make([]byte, 0, len(c.text))
	}
	var err error
	c.raw, err = e.valueOf(bytesString(op.Record.Key), old, c.raw[:0])
	return c.raw, err
}

// store makes op the storing of text, in place of old.
func (c *number) store(op *Op, text []byte, old *codec.Record) {
	rec := &op.Record
	rec.Kind, rec.Flags, rec.Compression = codec.KindPut, 0, codec.None
	rec.Value, rec.RawLen = text, uint32(len(text))
	if old != nil {
		rec.Expires, rec.User, rec.Tag = old.Expires, old.User, old.Tag
	} else {
		rec.Expires, rec.User, rec.Tag = c.attrs.Expires, c.attrs.User, stringBytes(c.attrs.Tag)
	}
	rec.Digest()
}

func numberError(op *Op, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%w: %s", ErrOverflow, quote(string(op.Record.Key)))
	}
	return fmt.Errorf("%w: %s", ErrNotNumber, quote(string(op.Record.Key)))
}

package trace

import (
	"errors"
	"fmt"
)

// What is wrong with a trace. Errors of gzip and of the reader below stand as
// they are in [Error.Err].
var (
	ErrMagic     = errors.New("trace: not an OCTR1 file")
	ErrFlags     = errors.New("trace: unknown flags")
	ErrCount     = errors.New("trace: impossible number of requests or objects")
	ErrSize      = errors.New("trace: impossible object size")
	ErrObject    = errors.New("trace: object number out of order")
	ErrTruncated = errors.New("trace: ends early")
	ErrTrailing  = errors.New("trace: data after the last request")
)

// An Error says where in a trace something is wrong.
type Error struct {
	Request int // that could not be read, counted from 0; -1 for the head
	Err     error
}

func (e *Error) Error() string {
	if e.Request < 0 {
		return fmt.Sprintf("%v (in the head)", e.Err)
	}
	return fmt.Sprintf("%v (request %d)", e.Err, e.Request)
}

func (e *Error) Unwrap() error { return e.Err }

package typed

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// ErrMissing: there is nothing, as load said not long ago. It matches diskcache.ErrNotFound.
var ErrMissing = fmt.Errorf("typed: known to be missing: %w", diskcache.ErrNotFound)

// ErrGoexit: load has ended its goroutine (runtime.Goexit, or FailNow of a test).
var ErrGoexit = errors.New("typed: load has ended its goroutine")

// DecodeError names an item that is not what it should be. It stays in the store.
type DecodeError struct {
	Key string // that of the store
	Err error  // of the Serializer or of the Keys
}

func (e *DecodeError) Error() string { return fmt.Sprintf("typed: key %q: %v", e.Key, e.Err) }

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// EncodeError names a key whose value could not be made bytes. Nothing was stored.
type EncodeError struct {
	Key string // that of the store
	Err error  // of the Serializer
}

func (e *EncodeError) Error() string {
	return fmt.Sprintf("typed: encode for key %q: %v", e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *EncodeError) Unwrap() error { return e.Err }

// PanicError is what load has panicked with. Fetch panics with it where load was its own, and
// returns it to the others who wait for the same load.
type PanicError struct {
	Value any
	Stack []byte // of load
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("typed: load has panicked: %v\n%s", e.Value, e.Stack)
}

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
